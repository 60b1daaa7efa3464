/**
 * What a list and the watch after it say is there. The version of the last thing heard is where the
 * next watch goes on; when the server has forgotten it (410), only a new list helps.
 */
import { isRecord, jsonAt, listAt, parseJson, textAt } from './json-shape.js';
import type { Candidate, ReadCandidates } from './kubernetes-candidates.js';

/** More are a selector that matches too much. */
export const KUBERNETES_OBJECTS_MAX = 10_000;

export interface ListPage {
  readonly items: readonly unknown[];
  readonly resourceVersion: string;
  /** Where the next page begins; absent on the last one. */
  readonly next?: string;
}

/** A page of a list, or `undefined` if the answer is none. */
export function readListPage(answer: unknown): ListPage | undefined {
  const resourceVersion = textAt(answer, 'metadata', 'resourceVersion');
  const items = jsonAt(answer, 'items');
  // A list without items is written as `null` by servers that were built so.
  if (resourceVersion === undefined || !(Array.isArray(items) || items === null)) return undefined;
  const next = textAt(answer, 'metadata', 'continue');
  return {
    items: listAt(answer, 'items'),
    resourceVersion,
    ...(next === undefined ? {} : { next }),
  };
}

export type WatchStep =
  /** The peers may have changed. */
  | { readonly kind: 'changed' }
  /** Nothing that matters here; the version has moved on. */
  | { readonly kind: 'unchanged' }
  /** The version is forgotten: list again. */
  | { readonly kind: 'expired' }
  /** The server ends the watch and says why. */
  | { readonly kind: 'refused'; readonly message: string };

export class KubernetesTable {
  private objects = new Map<string, readonly Candidate[]>();
  private version: string | undefined;

  constructor(private readonly read: ReadCandidates) {}

  /** Where a watch goes on; `undefined` asks for a list first. */
  get resourceVersion(): string | undefined {
    return this.version;
  }

  get candidates(): readonly Candidate[] {
    return [...this.objects.values()].flat();
  }

  /** Takes a whole list. Gives false if it holds too much; the table is then as before. */
  replace(items: readonly unknown[], resourceVersion: string): boolean {
    if (items.length > KUBERNETES_OBJECTS_MAX) return false;
    const objects = new Map<string, readonly Candidate[]>();
    for (const item of items) {
      const name = textAt(item, 'metadata', 'name');
      if (name !== undefined) objects.set(name, this.read(item));
    }
    this.objects = objects;
    this.version = resourceVersion;
    return true;
  }

  /** The next watch begins with a list. */
  forgetVersion(): void {
    this.version = undefined;
  }

  apply(line: string): WatchStep {
    const event = parseJson(line);
    const type = textAt(event, 'type');
    const object = jsonAt(event, 'object');
    if (type === 'ERROR') return this.refusal(object);
    if (type === undefined || !isRecord(object)) return notAnEvent(line);
    this.version = textAt(object, 'metadata', 'resourceVersion') ?? this.version;
    switch (type) {
      case 'ADDED':
      case 'MODIFIED':
        return this.put(object);
      case 'DELETED':
        return this.remove(object);
      case 'BOOKMARK':
        return { kind: 'unchanged' };
      default:
        return notAnEvent(line);
    }
  }

  private put(object: unknown): WatchStep {
    const name = textAt(object, 'metadata', 'name');
    if (name === undefined) return { kind: 'unchanged' };
    if (!this.objects.has(name) && this.objects.size >= KUBERNETES_OBJECTS_MAX)
      return { kind: 'refused', message: tooMany };
    this.objects.set(name, this.read(object));
    return { kind: 'changed' };
  }

  private remove(object: unknown): WatchStep {
    const name = textAt(object, 'metadata', 'name');
    return { kind: name !== undefined && this.objects.delete(name) ? 'changed' : 'unchanged' };
  }

  private refusal(status: unknown): WatchStep {
    this.forgetVersion();
    if (jsonAt(status, 'code') === 410) return { kind: 'expired' };
    return { kind: 'refused', message: textAt(status, 'message') ?? 'the server ended the watch' };
  }
}

const tooMany = `more than ${KUBERNETES_OBJECTS_MAX} objects match`;
export const TOO_MANY_OBJECTS = tooMany;

function notAnEvent(line: string): WatchStep {
  return { kind: 'refused', message: `not an event of a watch: ${line.slice(0, 80)}` };
}
