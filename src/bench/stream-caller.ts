import type { ClientDuplexStream } from '@grpc/grpc-js';
import type {
  CheckLimitRequest,
  StreamRequest,
  StreamResponse,
} from '../gen/weir/v1/quota_service.js';

/** Sends batches over one stream, and finds their answers by id. */
export class StreamCaller {
  private readonly waiting = new Map<bigint, (answer: StreamResponse) => void>();
  private lastId = 0n;

  constructor(private readonly call: ClientDuplexStream<StreamRequest, StreamResponse>) {
    call.on('data', (answer: StreamResponse) => {
      this.waiting.get(answer.id)?.(answer);
      this.waiting.delete(answer.id);
    });
    call.on('error', (error) => {
      if (this.waiting.size > 0) throw error;
    });
  }

  check(checks: CheckLimitRequest[]): Promise<StreamResponse> {
    const id = ++this.lastId;
    return new Promise((resolve) => {
      this.waiting.set(id, resolve);
      this.call.write({ id, checks, debits: [] });
    });
  }

  close(): void {
    this.call.cancel();
  }
}
