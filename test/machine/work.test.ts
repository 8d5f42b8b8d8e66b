/** What one entry may cost: a few bytes of it may not stand for gigabytes of rows. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { MACHINE_LIMITS } from '../../src/base/limits.ts';
import type { Operation } from '../../src/machine/command.ts';
import { dueKeyOf } from '../../src/machine/due-key.ts';
import { encodeEntry } from '../../src/machine/entry.ts';
import type { RowWrite } from '../../src/machine/section.ts';
import { append, bytesOf, EPOCH, get, MachineRig, put, said, touch } from './machine-rig.ts';
import { TransactionRig } from './transaction-rig.ts';

const MIB = 1024 * 1024;
const KEYS = 10;
const LARGE = 6 * MIB;
/** More than stands around a value in its row. */
const ROW_EXTRA = 50;
/** An append to a large value reads it and writes it: so many of them fit one entry. */
const FITTING = Math.floor(MACHINE_LIMITS.workBytesMax / (2 * (LARGE + ROW_EXTRA)));
const READABLE = Math.floor(MACHINE_LIMITS.workBytesMax / (LARGE + ROW_EXTRA));

const names = Array.from({ length: KEYS }, (_, at) => `k${at}`);

function putLarge(key: string, bytes = LARGE, lifeMilliseconds = 0): Operation {
  return { type: 'set', key: bytesOf(key), value: new Uint8Array(bytes), lifeMilliseconds };
}

function fill(rig: MachineRig): void {
  for (const name of names) rig.do(putLarge(name));
}

function bytesIn(writes: readonly RowWrite[]): number {
  return writes.reduce((sum, { value }) => sum + (value?.length ?? 0), 0);
}

test('an append stops at the largest value that the leader of its entry accepts', () => {
  const rig = new MachineRig();
  rig.valueBytesMax = 8;
  rig.do(put('a', '12345'));
  equal(said(rig.do(append('a', '6789'))), 'refused value-too-large at 0');
  equal(said(rig.do(append('a', '678'))), 'done at 4, 8 bytes');
  const asked = { sequence: 90 };
  deepEqual(rig.ask([[append('a', '9')]], asked).map(said), ['refused value-too-large at 0']);
  rig.valueBytesMax = 9;
  deepEqual(rig.ask([[append('a', '9')]], asked).map(said), ['refused value-too-large at 0']);
  equal(said(rig.do(append('a', '9'))), 'done at 7, 9 bytes');
});

test('a touch costs the row that it reads and writes', () => {
  const rig = new MachineRig();
  fill(rig);
  const command = names.map((name) => touch(name, 1000));
  equal(said(rig.do(...command)), `refused too-much-work at ${FITTING}`);
  equal(rig.row('k0')?.expiresAt, 0);
  equal(said(rig.do(...command.slice(0, FITTING))).startsWith('done'), true);
  equal(rig.row('k0')?.value.length, LARGE);
});

test('a command that would rewrite more than an entry may is refused finally', () => {
  const rig = new MachineRig();
  fill(rig);
  const command = names.map((name) => append(name, 'x'));
  const refusal = `refused too-much-work at ${FITTING}`;
  deepEqual(rig.ask([command], { sequence: 50 }).map(said), [refusal]);
  equal(rig.row('k0')?.value.length, LARGE);
  // Remembered: it is no matter what room a later entry has.
  deepEqual(rig.ask([command], { sequence: 50 }).map(said), [refusal]);
  equal(said(rig.do(...command.slice(0, FITTING))).startsWith('done'), true);
  equal(rig.row('k0')?.value.length, LARGE + 1);
});

test('a command that would read more than an entry may is refused finally', () => {
  const rig = new MachineRig();
  fill(rig);
  const checks = names.map(
    (name): Operation => ({ type: 'check-version', key: bytesOf(name), version: 2 }),
  );
  const versions = names.map((name) => rig.row(name)?.version ?? 0);
  const sound = checks.map((check, at) => ({ ...check, version: versions[at] ?? 0 }) as Operation);
  const reply = said(rig.do(...sound, put('z', 'x')));
  equal(reply, `refused too-much-work at ${READABLE}`);
  equal(rig.value('z'), undefined);
});

test('commands that do not fit an entry are executed by later copies, each of them once', () => {
  const rig = new MachineRig();
  fill(rig);
  const commands = names.map((name) => [append(name, 'x')]);
  const done = new Map<number, string>();
  for (let copy = 0; done.size < KEYS; copy++) {
    ok(copy < KEYS, 'each copy goes on');
    const asked = commands.map((command, at) => (done.has(at) ? [] : command));
    const batch = rig.batch(asked, { sequence: 50 });
    const { time, valueBytesMax } = rig;
    const payload = encodeEntry({ time, epoch: EPOCH, valueBytesMax }, { type: 'batch', batch });
    const outcome = rig.machine.apply({ index: rig.index + 1, payload });
    ok(outcome.type === 'applied' && bytesIn(outcome.writes) <= MACHINE_LIMITS.workBytesMax);
    const before = done.size;
    for (const [at, reply] of rig.applyPayload(payload).entries()) {
      if (done.has(at)) continue;
      if (said(reply) !== 'refused entry-full at 0') done.set(at, said(reply));
    }
    ok(done.size > before && done.size - before <= FITTING);
  }
  for (const name of names) equal(rig.row(name)?.value.length, LARGE + 1);
});

test('a part that costs more than an entry may is not prepared, so each can be resolved', () => {
  const rig = new TransactionRig();
  fill(rig.shard);
  const operations = names.map((name) => append(name, 'x'));
  equal(rig.prepare(operations), `refused too-much-work at ${FITTING}`);
  equal(rig.prepared, 0);
  equal(rig.commit(operations, { sequence: 21 }), `refused too-much-work at ${FITTING}`);
  equal(rig.shard.row('k0')?.value.length, LARGE);
});

test('of many commits an entry resolves as many as fit, and returns the number', () => {
  const rig = new TransactionRig();
  fill(rig.shard);
  const abouts = names.map((_, at) => ({ sequence: 30 + at }));
  for (const [at, about] of abouts.entries()) rig.prepare([append(`k${at}`, 'x')], about);
  equal(rig.prepared, KEYS);
  rig.rebuild();
  equal(rig.resolveSome(...abouts), `refused entry-full at ${FITTING}`);
  equal(rig.prepared, KEYS - FITTING);
  deepEqual(
    names.map((name) => rig.isHeld(name)),
    names.map((_, at) => at >= FITTING),
  );
  let left = abouts.slice(FITTING);
  for (; left.length > FITTING; left = left.slice(FITTING)) {
    equal(rig.resolveSome(...left), `refused entry-full at ${FITTING}`);
  }
  rig.resolve(true, ...left);
  equal(rig.prepared, 0);
  for (const name of names) equal(rig.shard.row(name)?.value.length, LARGE + 1);
});

test('an entry that expires keys reads no more rows than it may; the rest stays due', () => {
  const rig = new MachineRig();
  for (const name of names) rig.do(putLarge(name, LARGE, 10));
  const expiresAt = rig.time + 10;
  rig.time += 20;
  const dueKeys = names.map((name) => dueKeyOf({ expiresAt, key: bytesOf(name) }));
  rig.apply({ type: 'expire', dueKeys });
  const left = names.filter((name) => rig.row(name) !== undefined);
  const gone = READABLE + 1;
  deepEqual(left, names.slice(gone));
  rig.apply({ type: 'expire', dueKeys: dueKeys.slice(gone) });
  deepEqual(
    names.filter((name) => rig.row(name) !== undefined),
    [],
  );
});

test('an entry that forgets clients reads no more of their rows than it may', () => {
  const rig = new MachineRig();
  const slots = 250;
  const outputs = 14;
  rig.do(put('a', 'x'.repeat(MACHINE_LIMITS.resultBytesMax - 100)));
  for (let sequence = 0; sequence < slots; sequence++) {
    const commands = Array.from({ length: outputs }, (_, at) => [get('a'), put(`b${at}`, 'x')]);
    rig.ask(commands, { client: 7, sequence });
  }
  rig.time += 60_000;
  const clients = [new Uint8Array(16).fill(7)];
  equal(rig.slots(7).length, slots);
  rig.apply({ type: 'forget', clients });
  const left = rig.slots(7).length;
  ok(left > 0 && left < slots);
  equal(rig.session(7)?.slots, left);
  rig.apply({ type: 'forget', clients });
  equal(rig.session(7), undefined);
});
