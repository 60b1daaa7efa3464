import type { FieldViolation } from '../common/domain-error.js';

const PAGE_SIZE_MAX = 1_000;
const PAGE_SIZE_DEFAULT = 100;

/** What is wrong with a `page_size`, if anything is. */
export function pageSizeViolations(pageSize: number): readonly FieldViolation[] {
  if (pageSize >= 0 && pageSize <= PAGE_SIZE_MAX) return [];
  const description = `must be from 0 (as many as Weir likes) to ${PAGE_SIZE_MAX}, but is ${pageSize}`;
  return [{ field: 'page_size', description }];
}

/** How many records a page has. */
export const pageSizeOf = (pageSize: number): number =>
  pageSize === 0 ? PAGE_SIZE_DEFAULT : pageSize;
