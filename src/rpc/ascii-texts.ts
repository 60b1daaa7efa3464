/**
 * Short texts read lately, so that a name which comes with every call is one string and not a new one each
 * time: finding it again costs about as much as making it, but then a map knows its hash already, and
 * comparing it to itself costs nothing.
 */
const PLACES = 1_024;
/** Longer ones are seldom the same. */
const LENGTH_MAX = 64;

export class AsciiTexts {
  private readonly texts: string[] = Array.from({ length: PLACES }, () => '');

  /** The text in `[start, end)`, or undefined if it is not ASCII. */
  read(bytes: Buffer, start: number, end: number): string | undefined {
    let hash = end - start;
    for (let i = start; i < end; i++) {
      const unit = bytes[i] ?? 0;
      if (unit > 0x7f) return undefined;
      hash = (Math.imul(hash, 31) + unit) | 0;
    }
    if (end - start > LENGTH_MAX) return bytes.toString('latin1', start, end);
    const place = (hash ^ (hash >>> 15)) & (PLACES - 1);
    const known = this.texts[place] ?? '';
    if (isSame(known, bytes, start, end)) return known;
    const text = bytes.toString('latin1', start, end);
    this.texts[place] = text;
    return text;
  }
}

function isSame(text: string, bytes: Buffer, start: number, end: number): boolean {
  if (text.length !== end - start) return false;
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) !== bytes[start + i]) return false;
  return true;
}
