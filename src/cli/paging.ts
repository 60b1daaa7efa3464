export interface PageRequest {
  readonly pageSize: number;
  readonly pageToken: string;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly nextPageToken: string;
}

export const PAGE_SIZE_MAX = 1_000;

/** As many items as wanted, in as many pages as that takes. The token is of what was left. */
export async function listUpTo<T>(
  most: number,
  fetch: (request: PageRequest) => Promise<Page<T>>,
): Promise<Page<T>> {
  const items: T[] = [];
  let pageToken = '';
  do {
    const pageSize = Math.min(PAGE_SIZE_MAX, most - items.length);
    const page = await fetch({ pageSize, pageToken });
    items.push(...page.items);
    pageToken = page.nextPageToken;
  } while (pageToken !== '' && items.length < most);
  return { items, nextPageToken: pageToken };
}
