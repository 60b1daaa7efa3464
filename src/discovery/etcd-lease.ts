import type { ClientDuplexStream } from '@grpc/grpc-js';
import type { LeaseKeepAliveRequest, LeaseKeepAliveResponse } from '../gen/etcdserverpb/rpc.js';
import { type EtcdSession, messagesOf } from './etcd-session.js';
import { SourceFailure } from './source-failure.js';
import { pause } from './source-loop.js';

/**
 * The lease on which our key hangs. It outlives sessions: after a reconnection it is asked for by its
 * number, and a new one is made only if the old one has run out.
 */
export class EtcdLease {
  private id: bigint | undefined;

  constructor(
    private readonly ttlSeconds: number,
    private readonly answerTimeoutMs: number,
  ) {}

  get current(): bigint | undefined {
    return this.id;
  }

  /** A lease that lives; the old one if it does. */
  async ensure(session: EtcdSession): Promise<bigint> {
    if (this.id !== undefined && !(await this.isAlive(session, this.id))) this.id = undefined;
    this.id ??= await session.grantLease(this.ttlSeconds);
    return this.id;
  }

  /** Renews it three times within its term until the signal; throws when it is lost. */
  async keep(session: EtcdSession, signal: AbortSignal): Promise<void> {
    const { id } = this;
    if (id === undefined) return;
    const stream = session.keepAlive();
    const answers = messagesOf(stream)[Symbol.asyncIterator]();
    try {
      while (!signal.aborted) {
        if (!(await this.renew(id, stream, answers))) throw this.lost();
        await pause((this.ttlSeconds * 1_000) / 3, signal);
      }
    } finally {
      stream.cancel();
    }
  }

  /** Deletes the key with the lease. */
  async revoke(session: EtcdSession): Promise<void> {
    if (this.id !== undefined) await session.revokeLease(this.id);
    this.id = undefined;
  }

  private async isAlive(session: EtcdSession, id: bigint): Promise<boolean> {
    const stream = session.keepAlive();
    try {
      return await this.renew(id, stream, messagesOf(stream)[Symbol.asyncIterator]());
    } finally {
      stream.cancel();
    }
  }

  private async renew(
    id: bigint,
    stream: ClientDuplexStream<LeaseKeepAliveRequest, LeaseKeepAliveResponse>,
    answers: AsyncIterator<LeaseKeepAliveResponse>,
  ): Promise<boolean> {
    stream.write({ id });
    // A member that is silent now would let the lease run out: its stream is cut, another one asked.
    const timer = setTimeout(() => stream.cancel(), this.answerTimeoutMs);
    try {
      const answer = await answers.next();
      if (answer.done === true)
        throw new SourceFailure('etcd ended the stream that keeps the lease');
      return answer.value.ttl > 0n;
    } finally {
      clearTimeout(timer);
    }
  }

  private lost(): SourceFailure {
    this.id = undefined;
    return new SourceFailure('the lease ran out before it was renewed; a new one is made');
  }
}
