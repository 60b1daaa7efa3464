/**
 * Where others might be: `host`, `host:port` or `[v6]:port`. Asked anew each time, because names move
 * to other addresses and a cluster that started empty or was split must find itself again.
 */
export abstract class GossipSeeds {
  abstract addresses(): Promise<readonly string[]>;
}

/** A fixed list. */
export class StaticGossipSeeds extends GossipSeeds {
  constructor(private readonly list: readonly string[]) {
    super();
  }

  addresses(): Promise<readonly string[]> {
    return Promise.resolve(this.list);
  }
}
