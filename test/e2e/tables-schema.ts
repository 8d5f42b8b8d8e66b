/** The table of the tests of real processes, with and without its indexes. */

import { table, unchecked } from '../../src/tables.ts';

export interface Account {
  readonly id: string;
  readonly owner: string;
  readonly balance: number;
}

export const bare = table({ schema: unchecked<Account>(), key: ['id'] });
export const indexed = table({
  schema: unchecked<Account>(),
  key: ['id'],
  indexes: { owner: { on: ['owner'], unique: true }, balance: { on: ['balance'] } },
});
