/** With any faults of messages and leaders: all or nothing, once, in some order, and soon. */

import { deepEqual, equal, notEqual, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../src/base/random.ts';
import { byEffort } from '../support/effort.ts';
import { type Chances, Cluster } from './cluster.ts';
import { Customer, keysOf } from './customer.ts';
import { faultsOf, type History } from './judgement.ts';

const SEEDS = byEffort({ full: 30, brief: 4 });
const CUSTOMERS = 4;
const TRANSACTIONS = 8;
/** A multiple of the steps that a seed takes. */
const STEPS_MAX = 200_000;

const CALM: Chances = { loss: 0, repetition: 0, end: 0, storm: 0 };
const WILD: Chances = { loss: 0.05, repetition: 0.1, end: 0.003, storm: 0.0003 };
const DEADLY: Chances = { loss: 0.02, repetition: 0.3, end: 0.02, storm: 0.0001 };

interface Run {
  readonly history: History;
  readonly committed: number;
}

function run(seed: number, chances: Chances): Run {
  const cluster = new Cluster(new Random(seed), chances);
  const customers = Array.from({ length: CUSTOMERS }, (_, at) => {
    return new Customer(cluster, { name: at + 1, count: TRANSACTIONS });
  });
  let steps = 0;
  const proceed = (isOver: () => boolean, what: string) => {
    for (; !isOver(); steps++) {
      ok(steps < STEPS_MAX, `seed ${seed}: ${what}`);
      cluster.step();
    }
  };
  proceed(() => customers.every(({ isDone }) => isDone), 'every customer is answered');
  cluster.chances = CALM;
  proceed(() => cluster.isQuiet, 'nothing is left of any transaction');
  const lists = new Map(
    keysOf(cluster.shards.length).map((key) => {
      const row = cluster.row(Number(key.split('-')[0]), key);
      return [key, [...(row?.value ?? [])]];
    }),
  );
  const attempts = customers.flatMap((customer) => customer.attempts);
  const committed = attempts.filter(({ end }) => end?.outcome === 'committed').length;
  return { history: { attempts, lists }, committed };
}

for (const [name, chances] of Object.entries({ calm: CALM, wild: WILD, deadly: DEADLY })) {
  test(`transactions come one after the other, whole and once: ${name} network`, () => {
    let committed = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { history, ...rest } = run(seed, chances);
      committed += rest.committed;
      deepEqual(faultsOf(history), [], `seed ${seed}`);
    }
    ok(committed > SEEDS * CUSTOMERS * TRANSACTIONS * 0.3, `only ${committed} were committed`);
  });
}

test('the judge detects partial commits, double commits, wrong answers and cycles of waits', () => {
  const attempt = (number: number, keys: readonly string[], isCommitted = true) => ({
    number,
    appended: keys,
    sights: [],
    beganAt: 0,
    end: { at: 9, outcome: isCommitted ? ('committed' as const) : ('refused' as const) },
    copies: 1,
  });
  const lists = (x: readonly number[], y: readonly number[]) => {
    return new Map([
      ['x', x],
      ['y', y],
    ]);
  };
  const both = ['x', 'y'];
  const one = attempt(1, both);
  const two = attempt(2, both);
  equal(faultsOf({ attempts: [one, two], lists: lists([1, 2], [1, 2]) }).length, 0);
  notEqual(faultsOf({ attempts: [one], lists: lists([1], []) }).length, 0);
  notEqual(faultsOf({ attempts: [one], lists: lists([1, 1], [1, 1]) }).length, 0);
  notEqual(faultsOf({ attempts: [attempt(1, both, false)], lists: lists([1], [1]) }).length, 0);
  notEqual(faultsOf({ attempts: [one], lists: lists([], []) }).length, 0);
  notEqual(faultsOf({ attempts: [one, two], lists: lists([1, 2], [2, 1]) }).length, 0);
  const blind = { ...attempt(2, ['y']), sights: [{ key: 'x', count: 0 }] };
  const sighted = { ...attempt(1, ['x']), sights: [{ key: 'y', count: 0 }] };
  notEqual(faultsOf({ attempts: [blind, sighted], lists: lists([1], [2]) }).length, 0);
  const late = { ...attempt(2, both), beganAt: 20 };
  notEqual(faultsOf({ attempts: [one, late], lists: lists([2, 1], [2, 1]) }).length, 0);
});
