import { GrpcCallError } from '../../src/rpc/grpc-client.js';

/** The error that a call ends with; a call that is answered, or breaks otherwise, fails the test. */
export async function failure(call: Promise<unknown>): Promise<GrpcCallError> {
  try {
    await call;
  } catch (error) {
    if (error instanceof GrpcCallError) return error;
    throw error;
  }
  throw new Error('the call was answered');
}
