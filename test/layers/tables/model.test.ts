/** Tables against a naive model: random operations, queries and transactions, and faults. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../../src/base/random.ts';
import { isKvError } from '../../../src/index.ts';
import { type Database, isTableError, openTables } from '../../../src/tables.ts';
import { type Testkit, testkit } from '../../../src/testkit.ts';
import { byEffort } from '../../support/effort.ts';
import { anyQuery, anyUser, isSame, keyOf, Model, present } from './support/model.ts';
import { schema, type User } from './support/people.ts';

const CALL = { timeout: 60_000 };

interface TrialParts {
  readonly seed: number;
  readonly kit: Testkit;
  readonly dbs: readonly Database<typeof schema>[];
}

/** One seed: two clients do the same as the model, and differ from it in nothing. */
class Trial {
  readonly outcomes: string[] = [];
  readonly #seed: number;
  readonly #kit: Testkit;
  readonly #dbs: readonly Database<typeof schema>[];
  readonly #random: Random;
  readonly #model = new Model();

  constructor({ seed, kit, dbs }: TrialParts) {
    this.#seed = seed;
    this.#kit = kit;
    this.#dbs = dbs;
    this.#random = new Random(seed);
  }

  step(): Promise<void> {
    const model = this.#model;
    const db = this.#random.pick(this.#dbs);
    const row = anyUser(this.#random);
    const key = keyOf(row);
    switch (this.#random.below(6)) {
      case 0: {
        const refusal = model.refusalOf(row, { isInsert: true });
        return this.#attempt(() => db.users.insert(row, CALL), refusal, this.#with(row));
      }
      case 1: {
        const refusal = model.refusalOf(row, { isInsert: false });
        return this.#attempt(() => db.users.upsert(row, CALL), refusal, this.#with(row));
      }
      case 2: {
        const { email, age } = row;
        const before = model.rows.get(key);
        const next = { ...before, email, age } as User;
        const refusal = before ? model.refusalOf(next, { isInsert: false }) : 'row-missing';
        const update = () => db.users.update(row, { email, age }, CALL);
        return this.#attempt(update, refusal, before ? this.#with(next) : model.rows);
      }
      case 3: {
        const after = new Map(model.rows);
        after.delete(key);
        return this.#attempt(() => db.users.delete(row, CALL), undefined, after);
      }
      case 4:
        return this.#together(row, anyUser(this.#random));
      default:
        return this.#find();
    }
  }

  async end(): Promise<void> {
    this.#kit.faults.heal();
    ok(isSame(await this.#rows(), this.#model.rows), `seed ${this.#seed}: rows as in the model`);
    for (const { index, missing, stale } of (await this.#dbs[0]?.users.verify()) ?? []) {
      deepEqual([index, missing, stale], [index, 0, 0], `seed ${this.#seed}`);
    }
  }

  /** What the store did, or why not; if the outcome is not known, the rows are read. */
  async #attempt(
    work: () => Promise<unknown>,
    expected: string | undefined,
    after: ReadonlyMap<string, User>,
  ): Promise<void> {
    const failure: unknown = await work().then(
      () => undefined,
      (error: unknown) => error,
    );
    if (isKvError(failure)) {
      this.#kit.faults.heal();
      const now = await this.#rows();
      const isDone = isSame(now, after);
      ok(isDone || isSame(now, this.#model.rows), `seed ${this.#seed}: a part of a write is done`);
      if (isDone) this.#model.rows = new Map(after);
      return;
    }
    if (failure !== undefined && !isTableError(failure)) throw failure;
    this.outcomes.push(failure?.code ?? 'ok');
    equal(failure?.code, expected, `seed ${this.#seed}: ${failure?.message}`);
    if (failure === undefined) this.#model.rows = new Map(after);
  }

  /** One row goes and another one is written, which may have its unique value. */
  #together(one: User, other: User): Promise<void> {
    const after = new Map(this.#model.rows);
    after.delete(keyOf(other));
    const between = new Model();
    between.rows = after;
    const refusal = between.refusalOf(one, { isInsert: false });
    after.set(keyOf(one), one);
    const db = this.#random.pick(this.#dbs);
    const work = () =>
      db.transaction(async (tx) => {
        await tx.users.delete(other);
        await tx.users.upsert(one);
        const { rows } = await tx.users.find({ where: { org: one.org, age: one.age } });
        ok(rows.some((row) => keyOf(row) === keyOf(one)));
      }, CALL);
    return this.#attempt(work, refusal, after);
  }

  /** All pages of a query, in whatever sizes. */
  async #find(): Promise<void> {
    const query = anyQuery(this.#random);
    const { orderBy = [] } = query;
    const fields = typeof orderBy === 'string' ? [orderBy] : orderBy;
    const limit = 1 + this.#random.below(4);
    const db = this.#random.pick(this.#dbs);
    const seen: string[] = [];
    for (let cursor: string | undefined, isMore = true; isMore; isMore = cursor !== undefined) {
      const page = await db.users.find({ ...query, limit, cursor, ...CALL });
      cursor = page.cursor;
      for (const found of page.rows) {
        deepEqual(present(found), present(this.#model.rows.get(keyOf(found))));
        const values = fields.map((field) => found[field]);
        seen.push(JSON.stringify(fields.length > 0 ? values : 0));
      }
    }
    this.outcomes.push('find');
    const what = `seed ${this.#seed}: ${JSON.stringify(query)}`;
    deepEqual(seen, this.#model.find(query), what);
  }

  async #rows(): Promise<ReadonlyMap<string, User>> {
    const rows = new Map<string, User>();
    for await (const row of this.#dbs[0]?.users.rows({ scan: true }) ?? []) {
      rows.set(keyOf(row), row);
    }
    return rows;
  }

  #with(row: User): ReadonlyMap<string, User> {
    return new Map(this.#model.rows).set(keyOf(row), row);
  }
}

async function run(seed: number, steps: number, { hasFaults }: { readonly hasFaults: boolean }) {
  const kit = await testkit({ nodes: hasFaults ? 3 : 1, shards: 4, seed });
  const clients = [kit.kv(), await kit.connect(CALL)];
  const dbs = await Promise.all(clients.map((kv) => openTables(kv, { schema })));
  const trial = new Trial({ seed, kit, dbs });
  for (let at = 0; at < steps; at++) {
    if (hasFaults && at % 25 === 10) await kit.faults.crashLeader(`tables:r:users:${at}`);
    if (hasFaults && at % 25 === 20) kit.faults.heal();
    await trial.step();
  }
  await trial.end();
  await kit.close();
  return trial.outcomes;
}

test('random operations of two clients leave and return what a naive model does', async () => {
  const outcomes = new Set<string>();
  for (let seed = 1; seed <= byEffort({ brief: 1, full: 4 }); seed++) {
    for (const name of await run(seed, 150, { hasFaults: false })) outcomes.add(name);
  }
  for (const name of ['ok', 'find', 'row-exists', 'row-missing', 'unique-violation']) {
    ok(outcomes.has(name), `${name} happened`);
  }
});

test('the same holds while leaders crash', async () => {
  for (let seed = 1; seed <= byEffort({ brief: 1, full: 2 }); seed++) {
    await run(seed, 75, { hasFaults: true });
  }
});
