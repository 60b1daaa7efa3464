import 'reflect-metadata';
import { isIP } from 'node:net';
import { Transform, Type } from 'class-transformer';
import { ValidateBy, ValidateIf, ValidateNested } from 'class-validator';
import { durationMs } from './duration.js';
import { Secret } from './secret.js';

/**
 * The vocabulary of the schema. A property of a block carries one of the decorators below, which at
 * once validates it (class-validator), converts it (class-transformer) and describes it to programs:
 * names of environment variables, the table in `docs/configuration.md` and `weir config check` are
 * derived, never written twice. The default is the property's initial value; without one the knob is
 * optional.
 */
export interface KnobMeaning {
  /** What the number or text measures or names, such as `milliseconds`. */
  readonly unit: string;
  /** What changes for the operator, in one sentence. */
  readonly effect: string;
  /** Other names under which the same setting is known. */
  readonly aliases?: readonly string[];
}

export type KnobKind =
  'text' | 'host' | 'integer' | 'flag' | 'choice' | 'duration' | 'secret' | 'list' | 'secretList';

export interface Knob {
  readonly kind: KnobKind;
  readonly meaning: KnobMeaning;
  /** What is allowed, to follow "must be". */
  readonly expected: string;
  readonly accepts: (value: unknown) => boolean;
  /** The value that an environment variable's text stands for; the text itself if it stands for none. */
  readonly parse: (text: string) => unknown;
}

export type BlockClass = new () => object;

export type Member =
  | { readonly kind: 'knob'; readonly knob: Knob }
  | { readonly kind: 'block'; readonly type: BlockClass };

const membersOf = new WeakMap<object, Map<string, Member>>();

/** What a block consists of, in the order in which it is written. */
export function blockMembers(type: BlockClass): ReadonlyMap<string, Member> {
  const prototype: object = type.prototype;
  return membersOf.get(prototype) ?? new Map();
}

/** A nested block of settings. */
export function Block(type: BlockClass): PropertyDecorator {
  return (target, property) => {
    addMember(target, property, { kind: 'block', type });
    Type(() => type)(target, property);
    ValidateNested()(target, property);
  };
}

export function IntegerKnob(
  meaning: KnobMeaning & { readonly min: number; readonly max: number },
): PropertyDecorator {
  const { min, max } = meaning;
  return knob({
    kind: 'integer',
    meaning,
    expected: `a whole number from ${min} to ${max} (${meaning.unit})`,
    accepts: (value) =>
      typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max,
    parse: (text) => (/^-?\d{1,16}$/.test(text) ? Number(text) : text),
  });
}

export function FlagKnob(meaning: Omit<KnobMeaning, 'unit'>): PropertyDecorator {
  return knob({
    kind: 'flag',
    meaning: { unit: 'true or false', ...meaning },
    expected: 'true or false',
    accepts: (value) => typeof value === 'boolean',
    parse: (text) => (text === 'true' ? true : text === 'false' ? false : text),
  });
}

export function ChoiceKnob(
  meaning: Omit<KnobMeaning, 'unit'> & { readonly choices: readonly string[] },
): PropertyDecorator {
  const { choices } = meaning;
  return knob({
    kind: 'choice',
    meaning: { unit: 'one of the names', ...meaning },
    expected: `one of ${choices.join(', ')}`,
    accepts: (value) => typeof value === 'string' && choices.includes(value),
    parse: (text) => text,
  });
}

export function TextKnob(meaning: KnobMeaning): PropertyDecorator {
  return knob({
    kind: 'text',
    meaning,
    expected: `a text (${meaning.unit}) of 1 to ${TEXT_MAX} characters without control characters`,
    accepts: isPlainText,
    parse: (text) => text,
  });
}

export function HostKnob(meaning: KnobMeaning): PropertyDecorator {
  return knob({
    kind: 'host',
    meaning,
    expected: `${meaning.unit}, without scheme, port or brackets`,
    accepts: isHost,
    parse: (text) => text,
  });
}

/** A text such as `10s` or `1m30s`; `durationMs` reads it. */
export function DurationKnob(meaning: Omit<KnobMeaning, 'unit'>): PropertyDecorator {
  return knob({
    kind: 'duration',
    meaning: { unit: 'duration such as 10s', ...meaning },
    expected: 'a duration with units, such as 500ms, 10s or 1m30s, above zero',
    accepts: (value) => typeof value === 'string' && durationMs(value) !== undefined,
    parse: (text) => text,
  });
}

/** Several texts; in a variable they are separated by commas. */
export function ListKnob(
  meaning: KnobMeaning & { readonly item?: (text: string) => boolean },
): PropertyDecorator {
  const { item = () => true, unit } = meaning;
  return knob({
    kind: 'list',
    meaning: { ...meaning, unit: `list: ${unit}` },
    expected: `a list of at most ${LIST_MAX} texts (${unit})`,
    accepts: (value) =>
      isList(value) &&
      value.every((text) => typeof text === 'string' && isPlainText(text) && item(text)),
    parse: commaSeparated,
  });
}

/** Several texts that nothing ever shows. */
export function SecretListKnob(meaning: KnobMeaning): PropertyDecorator {
  const { unit } = meaning;
  const describe = knob({
    kind: 'secretList',
    meaning: { ...meaning, unit: `list: ${unit}` },
    expected: `a list of at most ${LIST_MAX} texts (${unit}); quote them in YAML`,
    accepts: (value) =>
      isList(value) && value.every((one) => one instanceof Secret && isPlainText(one.reveal())),
    parse: commaSeparated,
  });
  return (target, property) => {
    describe(target, property);
    Transform(({ value }: { value: unknown }) => secrets(value))(target, property);
  };
}

const secrets = (value: unknown): unknown =>
  isList(value) ? value.map((one) => (typeof one === 'string' ? new Secret(one) : one)) : value;

/** A text that no message, log or description ever shows. */
export function SecretKnob(meaning: KnobMeaning): PropertyDecorator {
  const describe = knob({
    kind: 'secret',
    meaning,
    expected: `a text (${meaning.unit}) of 1 to ${TEXT_MAX} characters; quote it in YAML`,
    accepts: (value) => value instanceof Secret && isPlainText(value.reveal()),
    parse: (text) => text,
  });
  return (target, property) => {
    describe(target, property);
    Transform(({ value }: { value: unknown }) =>
      typeof value === 'string' ? new Secret(value) : value,
    )(target, property);
  };
}

const TEXT_MAX = 4096;
const LIST_MAX = 256;

const isList = (value: unknown): value is readonly unknown[] =>
  Array.isArray(value) && value.length <= LIST_MAX;

const commaSeparated = (text: string): readonly string[] =>
  text.split(',').map((part) => part.trim());

function isPlainText(value: unknown): boolean {
  return typeof value === 'string' && value.length <= TEXT_MAX && /^\P{Cc}+$/u.test(value);
}

/** An address, a host name, or the folder of a Unix socket. */
function isHost(value: unknown): boolean {
  if (typeof value !== 'string' || !isPlainText(value)) return false;
  return (
    isIP(value) !== 0 || value.startsWith('/') || /^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$/i.test(value)
  );
}

function knob(definition: Knob): PropertyDecorator {
  const check = ValidateBy({
    name: 'knob',
    validator: { validate: definition.accepts, defaultMessage: () => definition.expected },
  });
  return (target, property) => {
    addMember(target, property, { kind: 'knob', knob: definition });
    ValidateIf((_block: object, value: unknown) => value !== undefined)(target, property);
    check(target, property);
  };
}

function addMember(target: object, property: string | symbol, member: Member): void {
  const members = membersOf.get(target) ?? new Map<string, Member>();
  members.set(String(property), member);
  membersOf.set(target, members);
}
