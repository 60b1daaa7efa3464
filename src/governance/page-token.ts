import { invalidArgument } from '../common/domain-error.js';
import { pageSizeOf, pageSizeViolations } from '../rpc/page-size.js';
import { isId } from './core/validate-text.js';
import type { Page } from './policy-store.js';

/** An id of 64 characters in base 64. */
const TOKEN_CHARACTERS_MAX = 88;

/**
 * A page begins after the last id of the one before, so it neither skips nor repeats what was there all
 * the time. Callers are to hand tokens back, not to read them; base 64 says so.
 */
export function readPage(request: { readonly pageSize: number; readonly pageToken: string }): Page {
  const { pageSize, pageToken } = request;
  const violations = pageSizeViolations(pageSize);
  if (violations.length > 0) throw invalidArgument(violations);
  return {
    afterId: pageToken === '' ? '' : readToken(pageToken),
    size: pageSizeOf(pageSize),
  };
}

/** Cuts what was read down to a page. The caller reads one record more than the page has. */
export function cutPage<T extends { readonly id: string }>(
  records: readonly T[],
  page: Page,
): { readonly records: readonly T[]; readonly nextPageToken: string } {
  const kept = records.slice(0, page.size);
  const last = records.length > page.size ? kept.at(-1) : undefined;
  return {
    records: kept,
    nextPageToken: last === undefined ? '' : Buffer.from(last.id).toString('base64url'),
  };
}

function readToken(token: string): string {
  const id = token.length > TOKEN_CHARACTERS_MAX ? '' : Buffer.from(token, 'base64url').toString();
  if (isId(id)) return id;
  throw invalidArgument([
    { field: 'page_token', description: 'must be a next_page_token, unchanged, or empty' },
  ]);
}
