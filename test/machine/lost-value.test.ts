/** A value that is damaged and that nothing else has: commands do without it, or do nothing. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import type { Operation } from '../../src/machine/command.ts';
import { int64From } from '../../src/machine/int64.ts';
import { Machine } from '../../src/machine/machine.ts';
import { LOST, SECTION, type StateSource } from '../../src/machine/section.ts';
import { bytesOf, MachineRig } from './machine-rig.ts';

const KEY = bytesOf('lost');
const OTHER = bytesOf('other');
const LIFE = 1000;

/** A shard in which one row is lost until it is written or deleted. */
function rigWithLoss(): MachineRig {
  const rig = new MachineRig();
  rig.do(putOf(KEY, 'old'));
  rig.do(putOf(OTHER, 'kept'));
  const lost = rig.rows.get(SECTION.values, KEY);
  const source: StateSource = {
    get: (section, key) => {
      const found = rig.rows.get(section, key);
      return found !== undefined && found === lost ? LOST : found;
    },
  };
  rig.machine = new Machine({ source });
  return rig;
}

function putOf(key: Uint8Array, value: string, lifeMilliseconds = 0): Operation {
  return { type: 'set', key, value: bytesOf(value), lifeMilliseconds };
}

function appendOf(key: Uint8Array, value: string): Operation {
  return { type: 'append', key, value: bytesOf(value), lifeMilliseconds: 0 };
}

const NEEDING: readonly Operation[] = [
  { type: 'get', key: KEY },
  { type: 'check-version', key: KEY, version: 1 },
  { type: 'check-value', key: KEY, value: bytesOf('old') },
  { type: 'check-presence', key: KEY, isThere: true },
  { type: 'add', key: KEY, operand: int64From(1n), lifeMilliseconds: 0 },
  appendOf(KEY, 'more'),
  { type: 'touch', key: KEY, lifeMilliseconds: LIFE },
];

for (const operation of NEEDING) {
  test(`${operation.type} of a lost value has no effect, nor have the operations beside it`, () => {
    const rig = rigWithLoss();
    const reply = rig.do(putOf(OTHER, 'changed'), operation);
    deepEqual(reply, { type: 'refused', reason: 'value-lost', position: 1 });
    equal(rig.value('other'), 'kept');
    const third = putOf(bytesOf('third'), 'x');
    const [one, two] = rig.ask([[operation, third], [putOf(OTHER, 'alone')]]);
    equal(one?.type, 'refused');
    equal(two?.type, 'done', 'another command of the batch takes effect');
    equal(rig.value('other'), 'alone');
  });
}

for (const operation of [putOf(KEY, 'new'), putOf(KEY, 'new', LIFE)]) {
  const what = operation.type === 'set' && operation.lifeMilliseconds > 0 ? ' for some time' : '';
  test(`a lost value is repaired by writing it again${what}`, () => {
    const rig = rigWithLoss();
    equal(rig.do(operation).type, 'done');
    const reply = rig.do(appendOf(KEY, 'er'));
    equal(reply.type, 'done');
    equal(rig.value('lost'), 'newer');
  });
}

test('a lost value is repaired by deleting it, and counts as present', () => {
  const rig = rigWithLoss();
  const reply = rig.do({ type: 'delete', key: KEY });
  deepEqual(reply.type === 'done' ? reply.outputs : [], [{ type: 'presence', wasThere: true }]);
  equal(rig.value('lost'), undefined);
  const check: Operation = { type: 'check-presence', key: KEY, isThere: false };
  equal(rig.do(check, putOf(KEY, 'again')).type, 'done');
});
