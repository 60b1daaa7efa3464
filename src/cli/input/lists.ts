import { InvalidArgumentError } from 'commander';

/** An option that may be repeated, or hold several values after one flag, separated by commas. */
export function collect(text: string, before: readonly string[] = []): readonly string[] {
  const values = text.split(',').map((value) => value.trim());
  if (values.includes('')) throw new InvalidArgumentError('It has an empty name in it.');
  return [...before, ...values];
}

/** A repeatable `NAME=VALUE`. */
export function collectLabel(
  text: string,
  before: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('Give NAME=VALUE, such as team=search.');
  const name = text.slice(0, at);
  if (Object.hasOwn(before, name)) {
    throw new InvalidArgumentError(`The label ${name} is given twice.`);
  }
  return { ...before, [name]: text.slice(at + 1) };
}
