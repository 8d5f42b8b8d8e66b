/** Entries that no sound leader of this version proposes. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { MACHINE_LIMITS } from '../../src/base/limits.ts';
import { Writer } from '../../src/base/message-pack.ts';
import { encodeEntry } from '../../src/machine/entry.ts';
import { Machine } from '../../src/machine/machine.ts';
import { decodeReply } from '../../src/machine/reply.ts';
import { stampOf } from '../support/stamp.ts';
import { EPOCH, MachineRig, put, Rows, START, sayAll, WHOLE } from './machine-rig.ts';

function tokens(...counts: readonly number[]): Uint8Array {
  const writer = new Writer();
  writer.array(counts.length);
  for (const count of counts) writer.count(count);
  return writer.take();
}

test('an entry of an unknown kind stops the replica', () => {
  const rig = new MachineRig();
  for (const payload of [tokens(16, START, EPOCH), tokens(16), tokens(2 ** 40, 1), tokens(200)]) {
    deepEqual(rig.machine.apply({ index: 2, payload }), { type: 'unknown' });
  }
  equal(rig.machine.metadata.logTime, START);
});

test('an entry with an unknown version of the rules stops the replica', () => {
  const rig = new MachineRig();
  for (const rules of [2, 2 ** 40]) {
    const payload = tokens(1, rules, START, EPOCH, 0, 7);
    deepEqual(rig.machine.apply({ index: 2, payload }), { type: 'unknown' });
  }
  equal(rig.machine.metadata.logTime, START);
});

const adopt = { type: 'adopt', epoch: EPOCH + 1, arc: WHOLE } as const;
const stamp = stampOf({ time: START + 9, epoch: EPOCH });
const second = Uint8Array.of(2, ...new Uint8Array(15));
const first = Uint8Array.of(1, ...new Uint8Array(15));

const MALFORMED: Readonly<Record<string, Uint8Array>> = {
  'no bytes': new Uint8Array(0),
  'a count alone': Uint8Array.of(1),
  'an array of nothing': tokens(),
  'kind 0': tokens(0, 1, START, EPOCH, 9),
  'rules 0': tokens(1, 0, START, EPOCH, 9, 7),
  'a stamp alone': tokens(1, 1, START, EPOCH, 9),
  'a batch that is a count': tokens(1, 1, START, EPOCH, 9, 7),
  'a step that is a count': tokens(5, 1, START, EPOCH, 9, 7),
  'a step with more than its bytes': tokens(8, 1, START, EPOCH, 9, 7, 7),
  'an arc that ends before it begins': encodeEntry(stamp, { ...adopt, arc: { from: 9, to: 9 } }),
  'an arc beyond the ring': encodeEntry(stamp, { ...adopt, arc: { from: 9, to: 2 ** 32 + 1 } }),
  'epoch 0': encodeEntry(stamp, { ...adopt, epoch: 0 }),
  'a time beyond all times': tokens(4, 1, MACHINE_LIMITS.timeMax + 1, 1, 9, 9, 0, 5),
  'a value beyond all values': tokens(4, 1, START, 1, MACHINE_LIMITS.valueBytesMax + 1, 9, 0, 5),
  'clients out of order': encodeEntry(stamp, { type: 'forget', clients: [second, first] }),
  'a client twice': encodeEntry(stamp, { type: 'forget', clients: [first, first] }),
  'a client of 15 bytes': encodeEntry(stamp, { type: 'forget', clients: [first.subarray(1)] }),
  'a due key without a key': encodeEntry(stamp, { type: 'expire', dueKeys: [new Uint8Array(8)] }),
  'a recording for no time': tokens(9, 1, START, 1, 9, 0),
  'a recording for too long': tokens(9, 1, START, 1, 9, MACHINE_LIMITS.recordMillisecondsMax + 1),
  'a byte behind the end': Uint8Array.of(...encodeEntry(stamp, adopt), 0),
};

for (const [what, payload] of Object.entries(MALFORMED)) {
  test(`${what}: refused, without an effect`, () => {
    const rig = new MachineRig();
    const { metadata } = rig.machine;
    const outcome = rig.machine.apply({ index: 2, payload });
    equal(outcome.type === 'applied' && outcome.writes.length, 0);
    sayAll(rig.applyPayload(payload), ['refused malformed at 0']);
    deepEqual(rig.machine.metadata, metadata);
  });
}

test('a malformed batch is refused, and log time advances', () => {
  const rig = new MachineRig();
  rig.time += 50;
  sayAll(rig.apply({ type: 'batch', batch: Uint8Array.of(1, 2, 3) }), ['refused malformed at 0']);
  equal(rig.machine.metadata.logTime, START + 50);
});

test('before a shard has adopted an arc it refuses every batch', () => {
  const machine = new Machine({ source: new Rows() });
  const batch = new MachineRig().batch([[put('a', 'x')]]);
  for (const epoch of [1, EPOCH]) {
    const payload = encodeEntry(stampOf({ time: START, epoch }), { type: 'batch', batch });
    const outcome = machine.apply({ index: 1, payload });
    const replies = outcome.type === 'applied' ? outcome.replies : [];
    const expected = { type: 'refused', reason: 'wrong-epoch', position: 0 };
    deepEqual(replies.map(decodeReply), [expected]);
  }
});
