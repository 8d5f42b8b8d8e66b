/** Tables of people and their orders, for the tests of the layer. */

import {
  type InputOf,
  openTables,
  type StandardSchema,
  table,
  unchecked,
} from '../../../../src/tables.ts';
import { type TestkitOptions, testkit } from '../../../../src/testkit.ts';

export interface User {
  readonly org: string;
  readonly id: string;
  readonly email?: string | undefined;
  readonly name: string;
  readonly age: number;
  readonly tags: readonly string[];
}

interface Order {
  readonly id: bigint;
  readonly user: string;
  readonly at: Date;
  readonly total: number;
}

/** As a validator would refuse, with one rule. */
const userSchema: StandardSchema<User, User> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) => {
      const row = value as User;
      if (row.age >= 0) return { value: row };
      return { issues: [{ message: 'must be at least 0', path: [{ key: 'age' }] }] };
    },
  },
};

export const schema = {
  users: table({
    schema: userSchema,
    key: ['org', 'id'],
    indexes: {
      email: { on: ['email'], unique: true },
      age: { on: ['org', 'age'] },
      tag: { on: ['tags'], each: true },
    },
  }),
  orders: table({
    schema: unchecked<Order>(),
    key: ['id'],
    indexes: { user: { on: ['user', 'at'] } },
  }),
};

export function user(
  org: string,
  id: string,
  { email = undefined, age = 30, tags = [] as readonly string[], name = `n${id}` }: Partial<User>,
): InputOf<typeof userSchema> {
  return { org, id, name, age, tags, ...(email === undefined ? {} : { email }) };
}

export async function opened(options: TestkitOptions = { shards: 4 }) {
  const kit = await testkit(options);
  const db = await openTables(kit.kv(), { schema });
  return { kit, db };
}
