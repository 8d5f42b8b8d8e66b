/**
 * Keys that are written once, each alone, and read together. Any two readers agree on which key
 * was written first (no long fork), and a reader of one key sees all keys that were there before it
 * began (no causal reverse).
 */

import type { Outcome } from '../checkers/model.ts';
import type { Customer } from './customer.ts';
import { putOf, readJointly } from './transacting.ts';
import type { Truth } from './truth.ts';
import type { Workload } from './workload.ts';

const KEYS_OF_ROUND = 4;
/** The keys of a round that is being written; then the next one begins. */
const READS_OF_ROUND = 8;

interface Writing {
  readonly key: string;
  readonly invoke: number;
  readonly end: number;
  readonly outcome: Outcome;
}

interface Reading {
  readonly round: number;
  readonly invoke: number;
  readonly end: number;
  readonly seen: ReadonlySet<string>;
}

export class Forks implements Workload {
  readonly #writings = new Map<string, Writing>();
  readonly #readings: Reading[] = [];
  #round = 0;
  #begun = 0;
  #reads = 0;

  step(customer: Customer, done: () => void): void {
    if (this.#reads >= READS_OF_ROUND) {
      this.#round += 1;
      this.#begun = 0;
      this.#reads = 0;
    }
    const mayWrite = this.#begun < KEYS_OF_ROUND;
    if (mayWrite && customer.random.chance(0.3)) return this.#write(customer, done);
    this.#reads += mayWrite ? 0 : 1;
    this.#read(customer, this.#round, () => done());
  }

  finish(customer: Customer, done: () => void): void {
    this.#read(customer, this.#round, (isOk) => isOk && done());
  }

  judge(truth: Truth): void {
    const rounds = new Map<number, Reading[]>();
    for (const reading of this.#readings) {
      const known = rounds.get(reading.round);
      if (known === undefined) rounds.set(reading.round, [reading]);
      else known.push(reading);
    }
    for (const readings of rounds.values()) this.#judgeRound(truth, readings);
  }

  noteWriting(writing: Writing): void {
    this.#writings.set(writing.key, writing);
  }

  noteReading(reading: Reading): void {
    this.#readings.push(reading);
  }

  #write(customer: Customer, done: () => void): void {
    this.#begun += 1;
    const key = keysOf(this.#round)[this.#begun - 1] as string;
    const invoke = customer.now;
    customer.write([putOf(key, `${key} is there`)], ({ outcome, end }) => {
      this.noteWriting({ key, invoke, end, outcome });
      done();
    });
  }

  #read(customer: Customer, round: number, done: (isOk: boolean) => void): void {
    const keys = keysOf(round);
    const invoke = customer.now;
    readJointly(customer, keys, (values) => {
      if (values === undefined) return done(false);
      const seen = new Set(keys.filter((_, at) => values[at] !== undefined));
      this.noteReading({ round, invoke, end: customer.now, seen });
      done(true);
    });
  }

  #judgeRound(truth: Truth, readings: readonly Reading[]): void {
    const sets = readings.map(({ seen }) => seen).sort((one, other) => one.size - other.size);
    for (const [at, larger] of sets.entries()) {
      const smaller = sets[at - 1] ?? new Set();
      if ([...smaller].every((key) => larger.has(key))) continue;
      truth.fail('long fork', `one saw ${[...smaller]}, another ${[...larger]}`);
    }
    for (const reading of readings) this.#judgeReading(truth, reading);
  }

  #judgeReading(truth: Truth, { round, invoke, end, seen }: Reading): void {
    for (const key of keysOf(round)) {
      const writing = this.#writings.get(key);
      if (writing === undefined) continue;
      const isSeen = seen.has(key);
      const isOver = writing.outcome === 'ok' && writing.end < invoke;
      if (isOver && !isSeen) truth.fail('stale', `${key} was not seen after it was written`);
      const isNever = writing.outcome === 'failed' || writing.invoke > end;
      if (isNever && isSeen) truth.fail('phantom', `${key} was seen and cannot have been`);
      if (isSeen || writing.outcome !== 'ok') continue;
      const later = [...seen].find((other) => {
        return (this.#writings.get(other)?.invoke ?? 0) > writing.end;
      });
      if (later !== undefined) truth.fail('causal reverse', `${later} was seen without ${key}`);
    }
  }
}

function keysOf(round: number): readonly string[] {
  return Array.from({ length: KEYS_OF_ROUND }, (_, at) => `fork-${round}-${at}`);
}
