/** A command split by shard, and the way back: its home shard, and the result of each operation. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import type { ShardId } from '../../src/base/ids.ts';
import { ShardSplit } from '../../src/client/core/shard-split.ts';
import type { Command } from '../../src/machine/command.ts';
import type { Output } from '../../src/machine/reply.ts';
import { append, checkVersion, get, put, textOf } from '../machine/machine-rig.ts';

/** The first letter is the shard of a key. */
const shardOf = (key: Uint8Array) => (textOf(key).charCodeAt(0) - 96) as ShardId;

function divided(command: Command) {
  return new ShardSplit({ command, ranges: [], moments: new Map(), shardOf });
}

const COMMAND: Command = [
  checkVersion('c', 4),
  checkVersion('a', 5),
  put('b', '1'),
  append('a', '2'),
  get('d'),
];

const LENGTH: Output = { type: 'appended', length: 9 };
const ROW: Output = { type: 'row', row: undefined };
/** The outputs of each shard. */
const OUTPUTS = new Map<number, Output>([
  [1, LENGTH],
  [4, ROW],
]);

test('the home shard is that of the first key that is written, or else locked', () => {
  deepEqual(
    divided(COMMAND).portions.map(({ shard }) => shard),
    [2, 3, 1, 4],
  );
  deepEqual(
    divided([checkVersion('a', 1), get('c')]).portions.map(({ shard }) => shard),
    [3, 1],
  );
});

test('each operation gets its own version and output, whatever the order of shards', () => {
  const split = divided(COMMAND);
  const participants = split.portions.filter(({ isLocking }) => isLocking);
  const versions = participants.map(({ shard }) => shard * 10);
  const said = participants.flatMap(({ shard }) => OUTPUTS.get(shard) ?? []);
  const done = split.doneOf(versions, said);
  equal(done?.version, 20, 'of what was written first');
  deepEqual(done?.versions, [0, 10, 20, 10, 40]);
  deepEqual(done?.outputs, [LENGTH, ROW]);
  const places = COMMAND.map((_, position) => split.placeAt(position));
  deepEqual([...places].sort(), [0, 1, 2, 3, 4]);
  equal(split.placeAt(5), undefined);
  equal(split.doneOf(versions.slice(1), said), undefined, 'an answer to something else');
});
