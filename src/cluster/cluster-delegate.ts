import { Injectable } from '@nestjs/common';
import { NO_BYTES } from '../gossip/core/bytes.js';
import type { MemberEvent } from '../gossip/core/member-event.js';
import { GossipDelegate } from '../gossip/gossip-delegate.js';

/** The first byte of a message between replicas says for whom it is. Never reused. */
export const TOPIC = { KEYRING_QUERY: 1, KEYRING_ANSWER: 2 } as const;

export type Topic = (typeof TOPIC)[keyof typeof TOPIC];

/** What came in one message; throws if it cannot be read, which is counted. */
export type MessageHandler = (body: Uint8Array, reliable: boolean) => void | Promise<void>;

/** Hands what the gossip tells to the parts that asked for it. */
@Injectable()
export class ClusterDelegate extends GossipDelegate {
  private readonly listeners: ((event: MemberEvent) => void)[] = [];
  private readonly handlers = new Map<number, MessageHandler>();

  onEvent(listener: (event: MemberEvent) => void): void {
    this.listeners.push(listener);
  }

  onMessage(topic: Topic, handler: MessageHandler): void {
    this.handlers.set(topic, handler);
  }

  event(event: MemberEvent): void {
    for (const listener of this.listeners) listener(event);
  }

  /** A topic that a later release has brought is not for us. */
  userMessage(payload: Uint8Array, reliable: boolean): void | Promise<void> {
    return this.handlers.get(payload[0] ?? 0)?.(payload.subarray(1), reliable);
  }

  localState(): Uint8Array {
    return NO_BYTES;
  }

  mergeState(): void {
    // Replicas tell each other their state over streams of their own, not in a push/pull.
  }
}

/** A message as `sendReliable` and `broadcast` take it. */
export function topicMessage(topic: Topic, body: Uint8Array): Uint8Array {
  const message = new Uint8Array(body.length + 1);
  message[0] = topic;
  message.set(body, 1);
  return message;
}
