/** What happens when no number is free: as many parts or decisions are kept as there may be. */

import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { MACHINE_LIMITS } from '../../src/base/limits.ts';
import { TRANSACTION_LIMITS } from '../../src/base/transaction-limits.ts';
import { SECTION } from '../../src/machine/section.ts';
import { slotKey } from '../../src/machine/slots.ts';
import { put } from './machine-rig.ts';
import { type About, TransactionRig } from './transaction-rig.ts';

const { slotsMax, keptForAbortMax, preparedBytesMax } = TRANSACTION_LIMITS;
const { valueBytesMax } = MACHINE_LIMITS;

/** One client may have fewer commands open than there are numbers. */
function one(at: number): About {
  return { client: 2 + Math.floor(at / 100), sequence: 2 * at };
}

test('once all numbers are taken nothing is prepared until one is free', () => {
  const rig = new TransactionRig();
  for (let at = 0; at < slotsMax; at++) rig.prepare([put(`k${at}`, 'x')], one(at));
  equal(rig.prepared, slotsMax);
  equal(rig.prepare([put('more', 'x')], one(slotsMax)), 'refused window-full at 0');
  rig.rebuild();
  equal(rig.prepare([put('more', 'x')], one(slotsMax)), 'refused window-full at 0');
  rig.resolve(false, one(77));
  equal(rig.prepare([put('more', 'x')], one(slotsMax)).startsWith('done'), true);
  ok(rig.shard.rows.get(SECTION.prepared, slotKey(77)) !== undefined);
});

test('prepared parts are bounded in bytes, too, also after a rebuild', () => {
  const rig = new TransactionRig();
  const value = 'x'.repeat(valueBytesMax);
  let at = 0;
  for (; rig.prepare([put(`k${at}`, value)], one(at)).startsWith('done'); at++);
  ok(at * valueBytesMax >= preparedBytesMax && (at - 1) * valueBytesMax < preparedBytesMax);
  rig.rebuild();
  equal(rig.prepare([put('small', 'x')], one(at)), 'refused window-full at 0');
  rig.resolve(true, one(3));
  equal(rig.prepare([put('small', 'x')], one(at)).startsWith('done'), true);
});

test('once all numbers are taken nothing is committed until one is free', () => {
  const rig = new TransactionRig();
  for (let at = 0; at < slotsMax; at++) rig.commit([put(`k${at}`, 'x')], one(at));
  equal(rig.decisions, slotsMax);
  const last = one(slotsMax);
  equal(rig.commit([put('a', 'x')], last), 'refused window-full at 0');
  equal(rig.abort(last), 'refused aborted at 0');
  equal(rig.decisions, slotsMax);
  rig.clear(one(5));
  equal(rig.commit([put('a', 'x')], last), 'refused aborted at 0');
  const next = one(slotsMax + 1);
  equal(rig.commit([put('a', 'x')], next).startsWith('committed'), true);
});

test('unacknowledged aborts never take the room of commits', () => {
  const rig = new TransactionRig();
  for (let at = 0; at < 2 * keptForAbortMax; at++) rig.abort(one(at));
  equal(rig.decisions, keptForAbortMax);
  equal(rig.abort(one(2 * keptForAbortMax - 1)), 'refused aborted at 0');
  equal(rig.commit([put('a', 'x')], one(2 * keptForAbortMax - 1)), 'refused aborted at 0');
  equal(rig.commit([put('a', 'x')], one(slotsMax)).startsWith('committed'), true);
});
