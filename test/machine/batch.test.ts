/** What a batch may hold, and what a leader finds wrong with one before it proposes it. */

import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { MACHINE_LIMITS, WIRE_LIMITS } from '../../src/base/limits.ts';
import {
  bytesMaxOfCommand,
  decodeBatch,
  encodeBatch,
  faultOfBatch,
} from '../../src/machine/batch.ts';
import type { Command, CommandBatch, Operation } from '../../src/machine/command.ts';
import { keyPosition } from '../../src/ring/key-position.ts';
import { append, bytesOf, checkValue, clientOf, get, put, WHOLE } from './machine-rig.ts';

const { commandsMax, operationsMax, keyBytesMax, valueBytesMax } = MACHINE_LIMITS;

function batchOf(commands: readonly Command[], others: Partial<CommandBatch> = {}): Uint8Array {
  const client = clientOf(1);
  const numbers = { deadline: 5, sequence: 0 };
  return encodeBatch({ client, ...numbers, commands, ...others });
}

function putOf(key: Uint8Array, value: Uint8Array): Operation {
  return { type: 'set', key, value, lifeMilliseconds: 0 };
}

const SOUND: Readonly<Record<string, Uint8Array>> = {
  'as many commands as are allowed': batchOf(new Array(commandsMax).fill([put('a', 'x')])),
  'as many operations as are allowed': batchOf([new Array(operationsMax).fill(put('a', 'x'))]),
  'the longest key': batchOf([[putOf(new Uint8Array(keyBytesMax), new Uint8Array(0))]]),
  'the longest life': batchOf([[put('a', 'x', MACHINE_LIMITS.timeMax)]]),
  'the last of all sequences': batchOf([[put('a', 'x')]], { sequence: 2 ** 52 }),
  'a command that is not asked for any more': batchOf([[], [put('a', 'x')], []]),
};

for (const [what, bytes] of Object.entries(SOUND)) {
  test(`${what}: in order`, () => {
    ok(decodeBatch(bytes));
    equal(faultOfBatch(bytes, { arc: WHOLE, valueBytesMax }), undefined);
  });
}

const MALFORMED: Readonly<Record<string, Uint8Array>> = {
  'no bytes at all': new Uint8Array(0),
  'no command': batchOf([]),
  'commands that are not asked for any more, and no other': batchOf([[], []]),
  'a command that writes nothing': batchOf([[put('a', 'x')], [get('a'), checkValue('a', 'x')]]),
  'one command too many': batchOf(new Array(commandsMax + 1).fill([put('a', 'x')])),
  'one operation too many': batchOf([
    [put('a', 'x')],
    new Array(operationsMax).fill(put('a', 'x')),
  ]),
  'a key of no bytes': batchOf([[put('', 'x')]]),
  'a key too long': batchOf([[putOf(new Uint8Array(keyBytesMax + 1), new Uint8Array(0))]]),
  'a life too long': batchOf([[put('a', 'x', MACHINE_LIMITS.timeMax + 1)]]),
  'an id of 15 bytes': batchOf([[put('a', 'x')]], { client: new Uint8Array(15) }),
  'an id of 17 bytes': batchOf([[put('a', 'x')]], { client: new Uint8Array(17) }),
  'a byte behind the end': Uint8Array.of(...batchOf([[put('a', 'x')]]), 0),
};

for (const [what, bytes] of Object.entries(MALFORMED)) {
  test(`${what}: malformed`, () => {
    equal(decodeBatch(bytes), undefined);
    equal(faultOfBatch(bytes, { arc: WHOLE, valueBytesMax }), 'malformed');
  });
}

test('a value above the limit of the node is a fault, in any operation', () => {
  const terms = { arc: WHOLE, valueBytesMax: 3 };
  equal(faultOfBatch(batchOf([[put('a', 'xyz')]]), terms), undefined);
  const tooLarge = [
    [put('a', 'wxyz')],
    [append('a', 'wxyz')],
    [checkValue('b', 'wxyz'), put('a', '')],
  ];
  for (const command of tooLarge) equal(faultOfBatch(batchOf([command]), terms), 'value-too-large');
});

test('a key outside the arc is a fault, even in a check', () => {
  const position = keyPosition(bytesOf('a'));
  const batch = batchOf([[put('a', 'x')]]);
  const faultIn = (from: number, to: number) =>
    faultOfBatch(batch, { arc: { from, to }, valueBytesMax });
  equal(faultIn(position, position + 1), undefined);
  equal(faultIn(position + 1, 2 ** 32), 'key-elsewhere');
  equal(faultIn(0, position), 'key-elsewhere');
  const arc = { from: position, to: position + 1 };
  const looking = batchOf([[get('b'), put('a', 'x')]]);
  equal(faultOfBatch(looking, { arc, valueBytesMax }), 'key-elsewhere');
});

test('a command takes no more than its computed bound', () => {
  const commands: Command[] = [
    [put('a', 'x', MACHINE_LIMITS.timeMax)],
    [putOf(new Uint8Array(keyBytesMax), new Uint8Array(70_000)), get('b'), append('c', 'yz')],
    [{ type: 'add', key: bytesOf('n'), operand: { high: -1, low: 5 }, lifeMilliseconds: 0 }],
    [{ type: 'check-version', key: bytesOf('n'), version: 2 ** 52 }, put('a', '')],
  ];
  const bare = batchOf([[put('a', '')]]).length - 7;
  for (const command of commands) {
    const taken = batchOf([command]).length - bare;
    ok(taken <= bytesMaxOfCommand(command), `${taken} of ${bytesMaxOfCommand(command)}`);
  }
});

test('a put of the largest value under the longest key fits an entry', () => {
  const largest = putOf(new Uint8Array(keyBytesMax), new Uint8Array(valueBytesMax));
  const bytes = batchOf([[largest]]);
  ok(bytes.length + 64 <= WIRE_LIMITS.payloadBytesMax);
  equal(faultOfBatch(bytes, { arc: WHOLE, valueBytesMax }), undefined);
});
