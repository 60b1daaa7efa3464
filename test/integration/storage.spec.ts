import { describe, expect, it } from '@jest/globals';
import { openTestDatabase } from '../support/postgres.js';

describe('TypeOrmDatabase', () => {
  it('answers', async () => {
    const { database, close } = await openTestDatabase();
    expect(await database.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await close();
  });
});
