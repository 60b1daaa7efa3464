import { randomUUID } from 'node:crypto';
import { Injectable, Optional } from '@nestjs/common';
import { present } from '../../common/assert.js';
import { KeyringAnswer, KeyringQuery } from '../../gen/weir/peer/v1/keyring.js';
import { GossipService } from '../../gossip/gossip.service.js';
import { ClusterDelegate, TOPIC } from '../cluster-delegate.js';
import { answerMessage, operationOf, queryMessage } from './key-messages.js';
import { applyToKeyring, type KeyOperation, type KeyOutcome } from './own-keyring.js';

/** For one replica to be reached and to answer. */
const ANSWER_MAX_MS = 5_000;

/**
 * Asks one replica for an operation on its keys, and answers others that ask. Queries and answers go
 * over streams, sealed: they carry keys. A replica that would take them from anybody takes none.
 */
@Injectable()
export class KeyringQueries {
  private readonly waiting = new Map<string, (answer: KeyringAnswer) => void>();

  constructor(
    delegate: ClusterDelegate,
    @Optional() private readonly gossip?: GossipService,
  ) {
    delegate.onMessage(TOPIC.KEYRING_QUERY, (body, reliable) => {
      if (reliable) this.answer(KeyringQuery.decode(body));
    });
    delegate.onMessage(TOPIC.KEYRING_ANSWER, (body) => this.take(KeyringAnswer.decode(body)));
  }

  /** Never rejects: a replica that does not answer has a problem, too. */
  async ask(member: string, operation: KeyOperation): Promise<KeyOutcome> {
    const gossip = present(this.gossip, 'there is nobody to ask without gossip');
    const own = gossip.self.member.name;
    if (member === own) return applyToKeyring(gossip.keyring, operation);
    const id = randomUUID();
    const answered = this.answerTo(id);
    try {
      await gossip.sendReliable(member, queryMessage(id, own, operation));
      return await answered.outcome;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return { problem: `cannot be reached: ${why}`, keyIds: [] };
    } finally {
      answered.forget();
    }
  }

  private answerTo(id: string): { readonly outcome: Promise<KeyOutcome>; forget(): void } {
    let timer: NodeJS.Timeout | undefined;
    const outcome = new Promise<KeyOutcome>((resolve) => {
      this.waiting.set(id, resolve);
      const late = { problem: `did not answer within ${ANSWER_MAX_MS} ms`, keyIds: [] };
      timer = setTimeout(() => resolve(late), ANSWER_MAX_MS);
    });
    const forget = (): void => {
      clearTimeout(timer);
      this.waiting.delete(id);
    };
    return { outcome, forget };
  }

  private take(answer: KeyringAnswer): void {
    this.waiting.get(answer.id)?.(answer);
  }

  /** The answer is not waited for: the next message must not wait for a peer's socket. */
  private answer(query: KeyringQuery): void {
    const { gossip } = this;
    if (gossip?.trustsSenders !== true) return;
    const operation = operationOf(query);
    const outcome: KeyOutcome =
      operation === undefined
        ? { problem: 'does not know this operation', keyIds: [] }
        : applyToKeyring(gossip.keyring, operation);
    const { name } = gossip.self.member;
    const answer = { id: query.id, from: name, ...outcome, keyIds: [...outcome.keyIds] };
    // Whoever asked and is gone has a time-out of its own.
    gossip.sendReliable(query.from, answerMessage(answer)).catch(() => undefined);
  }
}
