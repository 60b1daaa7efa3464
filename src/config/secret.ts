import { inspect } from 'node:util';

const REDACTED = '<redacted>';

/**
 * A text that must not be printed. Logs, JSON and the inspector see a placeholder; whoever needs the
 * text asks for it by name, which a reviewer can search for.
 */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  [inspect.custom](): string {
    return REDACTED;
  }
}
