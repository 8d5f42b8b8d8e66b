/** The checks of workloads detect violations, and pass correct histories. */

import assert from 'node:assert/strict';
import test from 'node:test';
import type { Recorded } from './history.ts';
import { judgeHistory } from './judge.ts';

interface Told extends Partial<Recorded> {
  readonly workload: string;
}

/** One after the other, each for one tick, unless stated otherwise. */
function history(...told: readonly Told[]): Recorded[] {
  return told.map((one, at) => ({
    process: 1,
    invoke: at * 10_000_000,
    return: one.outcome === 'unknown' ? Number.POSITIVE_INFINITY : at * 10_000_000 + 1000,
    outcome: 'ok',
    input: {},
    output: {},
    error: '',
    text: '',
    ...one,
  }));
}

function faultsIn(...told: readonly Told[]): string[] {
  const verdicts = judgeHistory(history(...told));
  return [...verdicts].flatMap(([name, faults]) => faults.map((text) => `${name}: ${text}`));
}

function isSound(...told: readonly Told[]): void {
  assert.deepEqual(faultsIn(...told), []);
}

function breaks(pattern: RegExp, ...told: readonly Told[]): void {
  assert.match(faultsIn(...told).join('\n'), pattern);
}

const register = (input: Recorded['input'], output: Recorded['output'] = {}): Told => {
  return { workload: 'register', input: { key: 'a', ...input }, output };
};
const written = { kind: 'written' };
const seen = (value: string | undefined) => ({ kind: 'value', value });

test('registers: a write that was acknowledged is read', () => {
  const write = register({ kind: 'write', value: '1' }, written);
  isSound(write, register({ kind: 'read' }, seen('1')));
  breaks(/register: violation/, write, register({ kind: 'read' }, seen(undefined)));
});

test('registers: a write of unknown outcome is read or not, but does not come and go', () => {
  const write: Told = { ...register({ kind: 'write', value: '1' }), outcome: 'unknown' };
  isSound(
    write,
    register({ kind: 'read' }, seen(undefined)),
    register({ kind: 'read' }, seen('1')),
  );
  const back = [register({ kind: 'read' }, seen('1')), register({ kind: 'read' }, seen(undefined))];
  breaks(/register: violation/, write, ...back);
});

test('registers: a write that failed is never read', () => {
  const write: Told = { ...register({ kind: 'write', value: '1' }), outcome: 'failed' };
  breaks(/its write had failed/, write, register({ kind: 'read' }, seen('1')));
});

test('lists: what was appended is not lost', () => {
  const operations = [{ type: 'append', key: 'a', element: 1 }];
  const append: Told = { workload: 'list', input: { operations }, output: { operations } };
  const read = (list: readonly number[]): Told => {
    return { workload: 'list', output: { operations: [{ type: 'read', key: 'a', list }] } };
  };
  isSound(append, read([1]));
  breaks(/list: lost-append/, append, read([]));
});

test('bank: the total stays', () => {
  const look = (balances: readonly number[]): Told => {
    return { workload: 'bank', input: { kind: 'look' }, output: { balances } };
  };
  isSound(look([50, 150, 100, 100, 100, 100, 100, 100]));
  breaks(/bank: look: .* not 800/, look([50, 140, 100, 100, 100, 100, 100, 100]));
});

test('counters: no sum twice, nothing lost, nothing twice', () => {
  const counter = (kind: string, sum: number): Told => {
    return { workload: 'counter', input: { key: 'counter-1', kind }, output: { sum } };
  };
  isSound(counter('add', 1), counter('add', 2), counter('read', 2));
  breaks(/told one sum/, counter('add', 1), counter('add', 1));
  breaks(/is 1, not 2 to 2/, counter('add', 1), counter('add', 2), counter('read', 1));
  const doubt: Told = { ...counter('add', 0), outcome: 'unknown' };
  isSound(doubt, counter('read', 0));
  isSound(doubt, counter('read', 1));
  breaks(/is 2, not 0 to 1/, doubt, counter('read', 2));
});

test('pairs: both are equal', () => {
  const look = (...values: readonly string[]): Told => {
    return { workload: 'pair', input: { kind: 'look', pair: ['a', 'b'] }, output: { values } };
  };
  isSound(look('1', '1'));
  breaks(/pair: a,b hold 1 and 2/, look('1', '2'));
});

test('lives: not gone early, not back, gone in the end', () => {
  const life = (milliseconds: number): Told => {
    return { workload: 'life', input: { kind: 'put', key: 'a', life: milliseconds } };
  };
  const look = (isThere: boolean, when = ''): Told => {
    return { workload: 'life', input: { kind: 'look', key: 'a', when }, output: { isThere } };
  };
  isSound(life(5000), look(true), look(false), look(false, 'last'));
  const touch = (milliseconds: number, isThere: boolean): Told => {
    const input = { kind: 'touch', key: 'a', life: milliseconds };
    return { workload: 'life', input, output: { isThere } };
  };
  isSound(life(15_000), touch(5000, true), look(false));
  isSound(life(15_000), { ...touch(5000, true), outcome: 'unknown' }, look(false));
  isSound(life(5000), touch(15_000, false), look(false));
  breaks(/before its end/, life(15_000), look(false));
  breaks(/before its end/, life(15_000), touch(5000, false));
  breaks(/before its end/, life(5000), touch(15_000, true), look(false));
  breaks(/before its end/, life(25_000), { ...touch(5000, true), outcome: 'failed' }, look(false));
  breaks(/came back/, life(5000), look(false), touch(5000, true));
  breaks(/came back/, life(5000), look(false), look(true));
  breaks(/not gone in the end/, life(5000), look(true, 'last'));
});

test('scans: in order, all that stays, nothing that was never put', () => {
  const put = (key: string): Told => {
    return { workload: 'scan', input: { kind: 'put', key, isFlickering: false } };
  };
  const scan = (...keys: readonly string[]): Told => {
    return { workload: 'scan', input: { kind: 'scan', isReverse: false }, output: { keys } };
  };
  isSound(put('a'), put('b'), scan('a', 'b'));
  breaks(/b is missing/, put('a'), put('b'), scan('a'));
  breaks(/a comes after b/, put('a'), put('b'), scan('b', 'a'));
  breaks(/c was scanned and never put/, put('a'), scan('a', 'c'));
});

test('errors: some codes are never returned', () => {
  isSound({ workload: 'bank', outcome: 'unknown', input: { kind: 'move' }, error: 'timeout' });
  breaks(/was told refused/, { workload: 'bank', outcome: 'failed', error: 'refused' });
});
