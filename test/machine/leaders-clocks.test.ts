/**
 * Values never expire early, whichever replica leads by any clock: leaders stamp by the rule of
 * the README, replicas apply with delays, and a stopwatch outside of the replicas is the judge.
 */

import { ok } from 'node:assert/strict';
import { test } from 'node:test';
import { compareBytes } from '../../src/base/bytes.ts';
import { Random } from '../../src/base/random.ts';
import { encodeBatch } from '../../src/machine/batch.ts';
import { type EntryBody, encodeEntry } from '../../src/machine/entry.ts';
import { dueRange, expireBody } from '../../src/machine/garbage.ts';
import { Machine } from '../../src/machine/machine.ts';
import { decodeRow } from '../../src/machine/row.ts';
import { SECTION } from '../../src/machine/section.ts';
import { byEffort } from '../support/effort.ts';
import { stampOf } from '../support/stamp.ts';
import { clientOf, put, Rows, textOf, WHOLE } from './machine-rig.ts';

const SEEDS = byEffort({ full: 6, brief: 2 });
const STEPS = 3000;
const EPOCH = 1;

/** An entry, and when it was really proposed. */
interface Logged {
  readonly payload: Uint8Array;
  readonly proposedAt: number;
}

class Replica {
  readonly rows = new Rows();
  readonly machine = new Machine({ source: this.rows });
  readonly #clockOffset: number;
  applied = 0;
  #appliedAt = 0;

  constructor(clockOffset: number) {
    this.#clockOffset = clockOffset;
  }

  apply(log: readonly Logged[], to: number, now: number): void {
    while (this.applied < to) {
      const { payload } = log[this.applied] as Logged;
      this.applied += 1;
      const outcome = this.machine.apply({ index: this.applied, payload });
      ok(outcome.type === 'applied');
      this.rows.apply(outcome.writes);
      this.#appliedAt = now + this.#clockOffset;
    }
  }

  /** What has been applied last, and what passed since on this clock. */
  logTime(now: number): number {
    const passed = now + this.#clockOffset - this.#appliedAt;
    return Math.max(0, Math.floor(this.machine.metadata.logTime + passed));
  }

  dueBody(now: number): EntryBody | undefined {
    const { to } = dueRange(this.logTime(now));
    const rows = this.rows.in(SECTION.expiries);
    return expireBody(rows.filter(({ key }) => to && compareBytes(key, to) < 0));
  }

  livingVersions(): ReadonlyMap<string, number> {
    const rows = this.rows.in(SECTION.values);
    return new Map(rows.map(({ key, value }) => [textOf(key), decodeRow(value)?.version ?? 0]));
  }
}

class Shard {
  readonly #random: Random;
  readonly #replicas: readonly Replica[];
  readonly #log: Logged[] = [];
  /** What each put was given to live, by its index. */
  readonly #lives = new Map<number, { readonly key: string; readonly life: number }>();
  #leader: Replica;
  #now = 0;
  #sequence = 0;
  expired = 0;

  constructor(random: Random) {
    this.#random = random;
    this.#replicas = [0, 1, 2].map(() => new Replica(random.between(-1e9, 1e9)));
    this.#leader = this.#replicas[0] as Replica;
    this.#propose({ type: 'adopt', epoch: EPOCH, arc: WHOLE });
  }

  step(): void {
    const random = this.#random;
    this.#now += random.chance(0.02) ? random.below(2000) : random.below(10);
    const dice = random.fraction();
    if (dice < 0.02) this.#elect();
    else if (dice < 0.3) this.#put();
    else if (dice < 0.5) this.#expire();
    else this.#catchUp(random.pick(this.#replicas), random.between(0, this.#log.length));
  }

  #propose(body: EntryBody): void {
    const stamp = stampOf({ time: this.#leader.logTime(this.#now), epoch: EPOCH });
    this.#log.push({ payload: encodeEntry(stamp, body), proposedAt: this.#now });
  }

  /** A leader stamps nothing before it has applied all that earlier leaders proposed. */
  #elect(): void {
    this.#leader = this.#random.pick(this.#replicas);
    this.#catchUp(this.#leader, this.#log.length);
  }

  #put(): void {
    const key = `key ${this.#random.below(20)}`;
    const life = 1 + this.#random.below(500);
    const batch = encodeBatch({
      client: clientOf(1),
      deadline: this.#leader.logTime(this.#now) + 10_000,
      sequence: this.#sequence,
      commands: [[put(key, 'x', life)]],
    });
    this.#sequence += 1;
    this.#propose({ type: 'batch', batch });
    this.#lives.set(this.#log.length, { key, life });
  }

  #expire(): void {
    const body = this.#leader.dueBody(this.#now);
    if (body !== undefined) this.#propose(body);
  }

  #catchUp(replica: Replica, to: number): void {
    for (let index = replica.applied + 1; index <= to; index++) {
      const before = replica.livingVersions();
      replica.apply(this.#log, index, this.#now);
      const after = replica.livingVersions();
      for (const [key, version] of before) if (!after.has(key)) this.#judge(version, index);
    }
  }

  /** What was put at `version` went with the entry at `index`. */
  #judge(version: number, index: number): void {
    const lived =
      (this.#log[index - 1]?.proposedAt ?? 0) - (this.#log[version - 1]?.proposedAt ?? 0);
    const { key = '', life = 0 } = this.#lives.get(version) ?? {};
    // A stamp is cut to whole milliseconds, so a life may seem one shorter than it is.
    ok(lived >= life - 1, `${key} was given ${life} ms and lived ${lived}`);
    this.expired += 1;
  }
}

for (let seed = 1; seed <= SEEDS; seed++) {
  test(`seed ${seed}: no value expires early, whichever replica leads`, () => {
    const shard = new Shard(new Random(seed));
    for (let step = 0; step < STEPS; step++) shard.step();
    ok(shard.expired > 200, `${shard.expired} expired`);
  });
}
