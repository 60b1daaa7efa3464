/**
 * An array within an array: PostgreSQL's arrays are rectangular, so lists of different lengths travel as
 * text and are cast where they are stored.
 */
export const sqlArray = (elements: readonly (string | number | bigint)[]): string =>
  `{${elements.map((element) => quoted(String(element))).join(',')}}`;

const quoted = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`;
