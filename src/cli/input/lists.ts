import { InvalidArgumentError } from 'commander';

/** An option that may be repeated, or hold several values after one flag, separated by commas. */
export function collect(text: string, before: readonly string[] = []): readonly string[] {
  const values = text.split(',').map((value) => value.trim());
  if (values.includes('')) throw new InvalidArgumentError('It has an empty name in it.');
  return [...before, ...values];
}

type Pairs = Readonly<Record<string, string>>;

/** A repeatable `NAME=VALUE`. */
export const collectLabel = (text: string, before: Pairs = {}): Pairs =>
  withPair(text, before, { what: 'label', form: 'NAME=VALUE, such as team=search' });

/** A repeatable `KEY=VALUE`: what a limit keeps its counters apart by. */
export const collectGroup = (text: string, before: Pairs = {}): Pairs =>
  withPair(text, before, { what: 'key', form: 'KEY=VALUE, such as model=gpt-5' });

function withPair(
  text: string,
  before: Pairs,
  { what, form }: { readonly what: string; readonly form: string },
): Pairs {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError(`Give ${form}.`);
  const name = text.slice(0, at);
  if (Object.hasOwn(before, name)) {
    throw new InvalidArgumentError(`The ${what} ${name} is given twice.`);
  }
  return { ...before, [name]: text.slice(at + 1) };
}
