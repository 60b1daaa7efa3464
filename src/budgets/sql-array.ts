/**
 * Arrays as PostgreSQL reads them. Written here and not by the driver, which looks at every element for what
 * it might be: groups are tens of thousands of elements.
 */
export const sqlNumbers = (elements: readonly (number | bigint)[]): string =>
  `{${elements.join(',')}}`;

export function sqlTexts(elements: readonly string[]): string {
  let text = '{';
  for (let i = 0; i < elements.length; i++)
    text += (i === 0 ? '' : ',') + quoted(elements[i] ?? '');
  return `${text}}`;
}

const NEEDS_ESCAPE = /["\\]/;

const quoted = (text: string): string =>
  NEEDS_ESCAPE.test(text) ? `"${text.replace(/["\\]/g, '\\$&')}"` : `"${text}"`;
