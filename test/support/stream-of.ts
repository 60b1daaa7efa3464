import { type ClientDuplexStream, status, type StatusObject } from '@grpc/grpc-js';
import type { StreamRequest, StreamResponse } from '../../src/gen/weir/v1/quota_service.js';
import { eventually } from './eventually.js';

type Call = ClientDuplexStream<StreamRequest, StreamResponse>;

/** The caller's side of a stream: what was answered so far, and how it ended. */
export class StreamOf {
  readonly answers: StreamResponse[] = [];
  ended: StatusObject | undefined;

  constructor(readonly call: Call) {
    call.on('status', (ended: StatusObject) => {
      this.ended = ended;
    });
    // The same as the status; without a listener it would be thrown.
    call.on('error', () => undefined);
  }

  read(): this {
    this.call.on('data', (answer: StreamResponse) => this.answers.push(answer));
    return this;
  }

  send(request: Partial<StreamRequest>): void {
    this.call.write({ id: 0n, checks: [], debits: [], ...request });
  }

  async answer(id: bigint): Promise<StreamResponse> {
    const find = () => this.answers.find((each) => each.id === id);
    await eventually(`request ${id} is answered`, () => find() !== undefined);
    const found = find();
    if (found === undefined) throw new Error('it was there a moment ago');
    return found;
  }

  /** The name of the status that it ends with. */
  async end(): Promise<string> {
    await eventually('the stream has ended', () => this.ended !== undefined, 60_000);
    return status[this.ended?.code ?? status.UNKNOWN];
  }
}
