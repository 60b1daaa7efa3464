/**
 * Arrays as PostgreSQL reads them. Written here and not by the driver, which looks at every element for what
 * it might be: groups are tens of thousands of elements.
 */
export const sqlNumbers = (elements: readonly (number | bigint)[]): string =>
  `{${elements.join(',')}}`;

export function sqlTexts(elements: readonly string[]): string {
  if (elements.length === 0) return '{}';
  const isPlain = !elements.some((text) => NEEDS_ESCAPE.test(text));
  return `{"${(isPlain ? elements : elements.map(escaped)).join('","')}"}`;
}

const NEEDS_ESCAPE = /["\\]/;

const escaped = (text: string): string => text.replace(/["\\]/g, '\\$&');
