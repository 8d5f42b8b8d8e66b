/** A naive model of a table of people, and random rows and queries. */

import type { Random } from '../../../../src/base/random.ts';
import type { Query } from '../../../../src/tables.ts';
import { type User, user } from './people.ts';

const ORGS = ['a', 'a}', 'b', '{'];
const NAMES = ['', '\0', 'ä', 'n', '😀'];
const TAGS = ['x', 'y', 'z'];

export const keyOf = ({ org, id }: User) => JSON.stringify([org, id]);

/** Rows by key; a change is made on a copy, and taken over as a whole. */
export class Model {
  rows = new Map<string, User>();

  /** The code that the store should refuse with; undefined if the row may be written. */
  refusalOf(row: User, { isInsert }: { readonly isInsert: boolean }): string | undefined {
    if (isInsert && this.rows.has(keyOf(row))) return 'row-exists';
    const isTaken = [...this.rows.values()].some(
      (other) => other.email === row.email && keyOf(other) !== keyOf(row),
    );
    return row.email !== undefined && isTaken ? 'unique-violation' : undefined;
  }

  find({ where = {}, orderBy = [], reverse = false }: Query<User>): string[] {
    const fields = (typeof orderBy === 'string' ? [orderBy] : orderBy) as (keyof User)[];
    const found = [...this.rows.values()].filter((row) => doesFit(row, where));
    const direction = reverse ? -1 : 1;
    found.sort((one, other) => {
      for (const field of fields) {
        const [a, b] = [one[field] ?? '', other[field] ?? ''];
        if (a !== b) return direction * (a < b ? -1 : 1);
      }
      return 0;
    });
    return found.map((row) => JSON.stringify(fields.length > 0 ? fields.map((f) => row[f]) : 0));
  }
}

function doesFit(row: User, where: object): boolean {
  return Object.entries(where).every(([field, condition]) => {
    const value = row[field as keyof User];
    if (condition === null) return value === undefined;
    if (typeof condition !== 'object') return value === condition;
    return Object.entries<string>(condition).every(([operator, bound]) => {
      if (operator === 'has') return (value as string[]).includes(bound);
      if (value === undefined) return false;
      if (operator === 'gte') return value >= bound;
      if (operator === 'gt') return value > bound;
      if (operator === 'lte') return value <= bound;
      if (operator === 'lt') return value < bound;
      return (value as string).startsWith(bound);
    });
  });
}

export function anyUser(random: Random): User {
  return user(random.pick(ORGS), String(random.below(6)), {
    email: random.chance(0.3) ? undefined : `e${random.below(12)}`,
    age: random.below(5),
    name: random.pick(NAMES),
    tags: TAGS.filter(() => random.chance(0.4)),
  });
}

export function anyQuery(random: Random): Query<User> {
  const org = random.pick(ORGS);
  const age = random.below(5);
  const bounds = random.pick([{ gte: age }, { gt: age }, { lt: age }, { lte: age, gt: age - 2 }]);
  const where = random.pick<NonNullable<Query<User>['where']>>([
    {},
    { org },
    { org, id: '3' },
    { org, age: bounds },
    { email: `e${random.below(12)}` },
    { email: { startsWith: 'e1' } },
    { email: null },
    { tags: { has: random.pick(TAGS) } },
    { tags: { has: random.pick(TAGS) }, age: bounds },
    { org: { gte: org } },
    { name: random.pick(NAMES), age },
  ]);
  const orderBy = random.pick<NonNullable<Query<User>['orderBy']>>([
    [],
    'age',
    ['org', 'age'],
    'id',
  ]);
  return { where, orderBy, reverse: random.chance(0.5), scan: true };
}

/** Absent fields may be undefined. */
export function present(row: User | undefined): object {
  return JSON.parse(JSON.stringify(row ?? {}));
}

export function isSame(one: ReadonlyMap<string, User>, other: ReadonlyMap<string, User>): boolean {
  const text = (rows: ReadonlyMap<string, User>) =>
    JSON.stringify([...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => sorted(row)));
  return text(one) === text(other);
}

function sorted(row: User): unknown {
  return Object.entries(present(row)).sort(([a], [b]) => (a < b ? -1 : 1));
}
