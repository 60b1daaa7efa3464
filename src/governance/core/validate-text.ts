import { quote, type Violations } from './violations.js';

/**
 * Rules for the texts of records. Every text has a length limit that is checked before anything reads
 * it in full, so that a megabyte costs no more than a word. Right-to-left text and emoji are names like
 * any other; control characters and halves of surrogate pairs are not text, and PostgreSQL could not
 * store NUL.
 */
const ID = /^[A-Za-z0-9_.-]{1,64}$/;
const NOT_TEXT = /[\p{Cc}\p{Cs}]/u;
const NAME_CHARACTERS_MAX = 200;
const TEXT_BYTES_MAX = 256;

export const isId = (text: string): boolean => ID.test(text);

export function checkId(text: string, field: string, found: Violations): string {
  if (!isId(text)) {
    found.add(
      field,
      `must be 1 to 64 letters, digits, "_", "-" or ".", but is ${text === '' ? 'empty' : quote(text)}`,
    );
  }
  return text;
}

/** An id that may be left empty. */
export function checkOptionalId(
  text: string,
  field: string,
  found: Violations,
): string | undefined {
  return text === '' ? undefined : checkId(text, field, found);
}

/** A name for people: 1 to 200 characters. */
export function checkName(text: string, field: string, found: Violations): string {
  return checkSentence(text, { field, most: NAME_CHARACTERS_MAX }, found);
}

/** Text for people, of 1 to `most` characters. */
export function checkSentence(
  text: string,
  { field, most }: { readonly field: string; readonly most: number },
  found: Violations,
): string {
  if (text.trim() === '') found.add(field, 'must not be empty');
  else if (isLongerThan(text, most)) {
    found.add(field, `must have at most ${most} characters, but has more: ${quote(text)}`);
  } else checkCharacters(text, field, found);
  return text;
}

/** The name of one provider or model, exactly. */
export function checkExactName(text: string, field: string, found: Violations): string {
  if (checkText(text, field, found) && text.includes('*')) {
    found.add(field, `must name one, but ${quote(text)} has a "*"; a price holds for one model`);
  }
  return text;
}

/** A name, `*`, or a prefix and `*`. */
export function checkPattern(text: string, field: string, found: Violations): string {
  const star = text.indexOf('*');
  if (checkText(text, field, found) && star >= 0 && star < text.length - 1) {
    found.add(field, `"*" may stand only at the end, but it is ${quote(text)}`);
  }
  return text;
}

export function checkLabelName(text: string, field: string, found: Violations): void {
  checkText(text, field, found);
}

/** May be empty: a label can be there and say nothing. */
export function checkLabelValue(text: string, field: string, found: Violations): void {
  if (text !== '') checkText(text, field, found);
}

function checkText(text: string, field: string, found: Violations): boolean {
  if (text === '') {
    found.add(field, 'must not be empty');
    return false;
  }
  if (isLongerInBytes(text, TEXT_BYTES_MAX)) {
    found.add(field, `must have at most ${TEXT_BYTES_MAX} bytes, but has more: ${quote(text)}`);
    return false;
  }
  return checkCharacters(text, field, found);
}

function checkCharacters(text: string, field: string, found: Violations): boolean {
  if (!NOT_TEXT.test(text)) return true;
  found.add(
    field,
    `must be text without control characters or unpaired surrogates, but is ${quote(text)}`,
  );
  return false;
}

/** Counts code points, and stops as soon as there are too many. */
function isLongerThan(text: string, characters: number): boolean {
  if (text.length <= characters) return false;
  if (text.length > 2 * characters) return true;
  return Array.from(text).length > characters;
}

/** Counts the bytes of UTF-8, and stops as soon as there are too many. */
function isLongerInBytes(text: string, bytes: number): boolean {
  if (text.length > bytes) return true;
  let count = 0;
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0;
    count += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x1_0000 ? 3 : 4;
  }
  return count > bytes;
}
