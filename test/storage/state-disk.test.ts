/** The contract of the disk under the state store, on LevelDB and on its twin. */

import assert from 'node:assert/strict';
import test from 'node:test';
import type {
  DiskCursor,
  DiskRow,
  DiskRows,
  StateDisk,
} from '../../src/storage/state/state-disk.ts';
import { MEDIA, type Medium } from './state-rig.ts';

const LIMITS = { rowsMax: 3, bytesMax: 1 << 20 };

for (const newMedium of MEDIA) {
  const { name } = newMedium();
  const sentence = (what: string, run: (disk: StateDisk, medium: Medium) => Promise<void>) =>
    test(`${name}: ${what}`, async () => {
      const medium = newMedium();
      const disk = await medium.open((cause) => assert.fail(String(cause)));
      await run(disk, medium);
      await close(disk, medium);
      medium.dispose();
    });

  sentence(
    'a new disk is blank, and holds what was written once it is opened again',
    async (disk, medium) => {
      assert.equal(disk.isBlank, true);
      await write(disk, medium, [[[1], [2]]]);
      await close(disk, medium);
      const again = await medium.open(() => {});
      assert.equal(again.isBlank, false);
      assert.deepEqual([...(again.get(Uint8Array.of(1)) ?? [])], [2]);
      await close(again, medium);
    },
  );

  sentence(
    'binary keys, prefixes of each other and empty values keep their order',
    async (disk, medium) => {
      const keys = [
        [0],
        [0, 0],
        [0, 1],
        [1],
        [1, 0xff],
        [1, 0xff, 0xff],
        [2],
        [0xff],
        [0xff, 0xff],
      ];
      await write(
        disk,
        medium,
        [...keys].reverse().map((key) => [key, []] as const),
      );
      const whole = { from: Uint8Array.of(0), to: Uint8Array.of(0xff, 0xff, 0) };
      const view = disk.view();
      const forward = await readAll(view.cursor({ ...whole, isReverse: false }), medium);
      assert.deepEqual(
        forward.map(([key]) => [...key]),
        keys,
      );
      assert.ok(forward.every(([, value]) => value.length === 0));
      const backward = await readAll(view.cursor({ ...whole, isReverse: true }), medium);
      assert.deepEqual(
        backward.map(([key]) => [...key]),
        [...keys].reverse(),
      );
      const some = { from: Uint8Array.of(0, 1), to: Uint8Array.of(1, 0xff, 0xff), isReverse: true };
      const middle = await readAll(view.cursor(some), medium);
      assert.deepEqual(
        middle.map(([key]) => [...key]),
        [[1, 0xff], [1], [0, 1]],
      );
      view.close();
    },
  );

  sentence('a value of a mebibyte comes back', async (disk, medium) => {
    const value = Uint8Array.from({ length: 1 << 20 }, (_, at) => at * 7);
    await write(disk, medium, [[[9], value]]);
    assert.equal(Buffer.compare(disk.get(Uint8Array.of(9)) ?? value.subarray(1), value), 0);
  });

  sentence('a view does not see what is written or deleted later', async (disk, medium) => {
    await write(disk, medium, [
      [[1], [1]],
      [[2], [2]],
    ]);
    const view = disk.view();
    const cursor = view.cursor({ from: Uint8Array.of(0), to: Uint8Array.of(9), isReverse: false });
    await write(disk, medium, [
      [[1], undefined],
      [[2], [3]],
      [[3], [3]],
    ]);
    assert.equal(disk.get(Uint8Array.of(1)), undefined);
    assert.deepEqual([...(view.get(Uint8Array.of(1)) ?? [])], [1]);
    const rows = await readAll(cursor, medium);
    assert.deepEqual(
      rows.map(([key, value]) => [...key, ...value]),
      [
        [1, 1],
        [2, 2],
      ],
    );
    view.close();
  });

  sentence('many keys are answered in their order, later', async (disk, medium) => {
    await write(disk, medium, [
      [[1], [1]],
      [[3], [3]],
    ]);
    let answer: unknown;
    disk.getMany([Uint8Array.of(3), Uint8Array.of(2), Uint8Array.of(1)], (values) => {
      answer = values === 'unreadable' ? values : values.map((value) => value?.[0]);
    });
    assert.equal(answer, undefined);
    while (answer === undefined) await medium.turn();
    assert.deepEqual(answer, [3, undefined, 1]);
  });

  sentence('a closed cursor and a closed disk report nothing more', async (disk, medium) => {
    await write(disk, medium, [[[1], [1]]]);
    const view = disk.view();
    const cursor = view.cursor({ from: Uint8Array.of(0), to: Uint8Array.of(9), isReverse: false });
    cursor.next(LIMITS, () => assert.fail('it was closed'));
    cursor.close();
    view.close();
    for (let turn = 0; turn < 20; turn++) await medium.turn();
    disk.getMany([Uint8Array.of(1)], () => assert.fail('it was closed'));
  });
}

async function write(
  disk: StateDisk,
  medium: Medium,
  rows: readonly (readonly [ArrayLike<number>, ArrayLike<number> | undefined])[],
): Promise<void> {
  const batch = disk.batch();
  for (const [key, value] of rows) {
    if (value === undefined) batch.delete(Uint8Array.from(key));
    else batch.put(Uint8Array.from(key), Uint8Array.from(value));
  }
  let isDone = false;
  batch.write(() => {
    isDone = true;
  });
  assert.equal(isDone, false, 'a report never comes within the call');
  while (!isDone) await medium.turn();
}

async function readAll(cursor: DiskCursor, medium: Medium): Promise<DiskRow[]> {
  const rows: DiskRow[] = [];
  for (;;) {
    let read: DiskRows | undefined;
    cursor.next(LIMITS, (some) => {
      read = some;
    });
    while (read === undefined) await medium.turn();
    if (read === 'unreadable') assert.fail(read);
    if (read.length === 0) return rows;
    rows.push(...read);
  }
}

async function close(disk: StateDisk, medium: Medium): Promise<void> {
  let isClosed = false;
  disk.close(() => {
    isClosed = true;
  });
  while (!isClosed) await medium.turn();
}
