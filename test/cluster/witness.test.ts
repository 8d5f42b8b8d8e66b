/** The checks of a simulated cluster detect what they are for. */

import { doesNotThrow, throws } from 'node:assert/strict';
import { test } from 'node:test';
import type { ShardId } from '../../src/base/ids.ts';
import type { Command } from '../../src/machine/command.ts';
import { Counters } from './counters.ts';
import { bytesOf, type WriteRecord } from './customer.ts';
import { CLIENT, Script } from './script.ts';
import { StaleReads } from './stale-reads.ts';

const SHARD = 1 as ShardId;

const put = (value: string): Command => [
  { type: 'set', key: bytesOf('key'), value: bytesOf(value), lifeMilliseconds: 0 },
];

function told(
  command: Command,
  outcome: WriteRecord['outcome'],
  version: number | undefined,
): WriteRecord {
  const reply =
    version === undefined ? undefined : ({ type: 'done', version, outputs: [] } as const);
  return { customer: 1, client: CLIENT, command, invoke: 0, end: 1000, outcome, reply };
}

test('replicas that apply the same pass', () => {
  const script = new Script();
  const entry = script.put(1, put('one'));
  doesNotThrow(() => script.witness.write(SHARD, 2, entry));
});

test('another entry, another term, another answer or a gap is detected', () => {
  const script = new Script();
  const entry = script.put(1, put('one'));
  const { witness } = script;
  const payload = Uint8Array.of(1);
  throws(() => witness.write(SHARD, 2, { ...entry, payload }), /another one/);
  throws(() => witness.write(SHARD, 2, { ...entry, term: 2 }), /another one/);
  throws(() => witness.write(SHARD, 2, { ...entry, replies: [payload] }), /another way/);
  throws(() => witness.write(SHARD, 2, { ...entry, replies: [] }), /another way/);
  throws(() => witness.write(SHARD, 4, entry), /skips/);
});

test('an answer that no fresh machine gives is detected', () => {
  const script = new Script();
  const entry = script.put(1, put('one'));
  const { witness } = script;
  witness.write(SHARD, 3, { ...entry, replies: [Uint8Array.of(0x93, 0, 3, 0x91, 0xc2)] });
  throws(() => script.truth(), /machine of now/);
});

test('an acknowledged write that is nowhere is lost', () => {
  const script = new Script();
  script.put(1, put('one'));
  doesNotThrow(() => script.truth().judge([told(put('one'), 'ok', 2)]));
  throws(() => script.truth().judge([told(put('two'), 'ok', 2)]), /nowhere/);
  throws(() => script.truth().judge([told(put('one'), 'ok', 1)]), /nowhere/);
});

test('a write that was refused and is there is a phantom', () => {
  const script = new Script();
  script.put(1, put('one'));
  doesNotThrow(() => script.truth().judge([told(put('one'), 'unknown', undefined)]));
  throws(() => script.truth().judge([told(put('one'), 'failed', undefined)]), /is there/);
});

test('a write that was done under two sequences was done twice', () => {
  const script = new Script();
  script.put(1, put('one'));
  script.put(2, put('one'));
  throws(() => script.truth().judge([told(put('one'), 'ok', 2)]), /2 times/);
});

test('a counter with another sum than was added is detected', () => {
  const script = new Script();
  script.put(1, [
    { type: 'add', key: bytesOf('counter-1'), operand: { high: 0, low: 1 }, lifeMilliseconds: 0 },
  ]);
  throws(() => new Counters().judge(script.truth()), /counter-1 is 0 by 1 additions/);
});

test('a stale read that is older than requested is detected', () => {
  const script = new Script();
  const reads = new StaleReads({ keys: ['key'] });
  script.put(1, put('one'));
  script.put(2, put('two'));
  const row = { version: 2, expiresAt: 0, value: bytesOf('one') };
  const read = { key: 'key', ageMilliseconds: 100, end: 1000, row };
  reads.note({ ...read, invoke: 100 });
  doesNotThrow(() => reads.judge(script.truth()));
  reads.note({ ...read, invoke: 200 });
  throws(() => reads.judge(script.truth()), /old/);
});

test('a stale read of a value that was never written is detected', () => {
  const script = new Script();
  const reads = new StaleReads({ keys: ['key'] });
  script.put(1, put('one'));
  const row = { version: 2, expiresAt: 0, value: bytesOf('never') };
  reads.note({ key: 'key', ageMilliseconds: 100, invoke: 10, end: 1000, row });
  throws(() => reads.judge(script.truth()), /never written/);
});
