import { describe, expect, it } from '@jest/globals';
import { status } from '@grpc/grpc-js';
import { GrpcCallError } from '../../rpc/grpc-client.js';
import { Retry } from './retry.js';

const failure = (code: status, message = 'no') =>
  new GrpcCallError(code, message, { method: 'm', address: 'a', violations: [] });

function retry(giveUpAfterMs = 60_000) {
  const said: string[] = [];
  const say = (text: string): void => {
    said.push(text);
  };
  const options = { firstDelayMs: 1, delayMaxMs: 2, giveUpAfterMs, jitter: () => 0, say };
  return { said, subject: new Retry(options) };
}

/** Fails with each of the errors, then answers. */
function flaky(...errors: readonly Error[]) {
  const left = [...errors];
  return async (): Promise<string> => {
    const error = left.shift();
    if (error) throw error;
    return 'answer';
  };
}

describe('Retry', () => {
  it('goes on over an outage and tells of it once', async () => {
    const { said, subject } = retry();
    const gone = failure(status.UNAVAILABLE, 'connection dropped');
    const calls = [subject.run(flaky(gone, gone, gone)), subject.run(flaky(gone))];
    await expect(Promise.all(calls)).resolves.toEqual(['answer', 'answer']);
    expect(said.filter((text) => text.startsWith('Lost the service')).length).toBeGreaterThan(0);
    expect(said[0]).toContain('UNAVAILABLE: connection dropped');
    expect(said.at(-1)).toContain('answers again');
    expect(subject.repeats).toBe(4);
  });

  it('takes a stream that was reset for an outage', async () => {
    const reset = failure(status.INTERNAL, 'Received RST_STREAM with code 2');
    await expect(retry().subject.run(flaky(reset))).resolves.toBe('answer');
  });

  it.each([status.INVALID_ARGUMENT, status.ALREADY_EXISTS, status.INTERNAL, status.UNIMPLEMENTED])(
    'does not repeat what will not change (code %s)',
    async (code) => {
      const { subject } = retry();
      await expect(subject.run(flaky(failure(code)))).rejects.toThrow('no');
      expect(subject.repeats).toBe(0);
    },
  );

  it('repeats nothing once it is stopped', async () => {
    const { subject } = retry();
    subject.stop();
    const gone = failure(status.UNAVAILABLE);
    await expect(subject.run(flaky(gone))).rejects.toThrow(gone);
  });

  it('gives up in the end', async () => {
    const { subject } = retry(5);
    const forever = (): Promise<never> => Promise.reject(failure(status.UNAVAILABLE));
    await expect(subject.run(forever)).rejects.toMatchObject({ exitCode: 3 });
  });
});
