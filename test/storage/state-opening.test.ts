/** The folders that a state store refuses, and the texts of the refusals. */

import assert from 'node:assert/strict';
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import test from 'node:test';
import { openLevelState } from '../../src/storage/state/level-state.ts';
import { markKey, STORE_KEY, shardKey } from '../../src/storage/state/state-key.ts';
import { StateStore } from '../../src/storage/state/state-store.ts';
import { IDENTITY, LevelMedium, MemoryMedium, put, SHARD, StateRig } from './state-rig.ts';

/** A folder with a store, and a copy to be damaged. */
async function planted(checkpoints: number): Promise<{ folder: string; copy: string }> {
  const medium = new LevelMedium();
  const rig = new StateRig(medium);
  await rig.open();
  rig.create();
  for (let at = 0; at < checkpoints; at++) {
    rig.apply([put('a', `${at}`), put(`b${at}`, 'x'.repeat(100))]);
    await rig.checkpoint();
  }
  const copy = `${medium.folder}-copy`;
  cpSync(medium.folder, copy, { recursive: true });
  await rig.close();
  return { folder: medium.folder, copy };
}

async function tryOpen(folder: string, identity = IDENTITY): Promise<void> {
  const disk = await openLevelState({ folder, onFault: () => {}, onDamage: () => {} });
  const options = {
    disk,
    identity,
    durableIndex: () => 0,
    onProgress: () => {},
    onBatch: () => {},
    onDamage: () => {},
  };
  try {
    new StateStore(options).close(() => {});
  } finally {
    await new Promise<void>((resolve) => disk.close(resolve));
  }
}

type Refusal = 'state-unusable' | 'state-store-damaged';

function isRefused(
  folder: string,
  { code, reason }: { readonly code: Refusal; readonly reason: RegExp },
  identity = IDENTITY,
): Promise<void> {
  return assert.rejects(tryOpen(folder, identity), (error: Error) => {
    assert.ok('code' in error && error.code === code, String(error));
    assert.match(error.message, reason);
    assert.ok(error.message.includes(folder));
    if (code === 'state-unusable') assert.ok(error.message.includes('rejoin as a new member'));
    return true;
  });
}

function remove(...folders: readonly string[]): void {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
}

test('a store opens again, and one of another node is refused', async () => {
  const { folder, copy } = await planted(1);
  await tryOpen(folder);
  await tryOpen(copy);
  const refusal = { code: 'state-unusable', reason: /another node/ } as const;
  await isRefused(folder, refusal, Uint8Array.of(9));
  remove(folder, copy);
});

const HARMS: readonly (readonly [
  what: string,
  harm: (folder: string) => void,
  code: Refusal,
  reason: RegExp,
])[] = [
  [
    'a manifest cut off',
    (folder) => {
      for (const name of readdirSync(folder)) {
        if (name.startsWith('MANIFEST')) truncateSync(`${folder}/${name}`, 3);
      }
    },
    'state-store-damaged',
    /MANIFEST-\d+ is damaged/,
  ],
  [
    'no CURRENT',
    (folder) => rmSync(`${folder}/CURRENT`),
    'state-store-damaged',
    /CURRENT is missing/,
  ],
  [
    'files of another program',
    (folder) => {
      remove(folder);
      mkdirSync(folder);
      writeFileSync(`${folder}/notes.txt`, 'mine');
    },
    'state-unusable',
    /notes\.txt/,
  ],
  [
    'a batch damaged in the middle',
    (folder) => {
      const name = readdirSync(folder).find((each) => each.endsWith('.log'));
      const bytes = readFileSync(`${folder}/${name}`);
      bytes[bytes.indexOf('b5')] = 0;
      writeFileSync(`${folder}/${name}`, bytes);
    },
    'state-store-damaged',
    /\.log has a record with a wrong checksum/,
  ],
];

for (const [what, harm, code, reason] of HARMS) {
  test(`${what} is refused with a text that says what to do`, async () => {
    // LevelDB skips a damaged block of its log and continues.
    const { folder, copy } = await planted(what.includes('middle') ? 300 : 3);
    harm(copy);
    await isRefused(copy, { code, reason });
    remove(folder, copy);
  });
}

test('a batch missing from the middle is detected', async () => {
  const medium = new MemoryMedium();
  const rig = new StateRig(medium);
  await rig.open();
  rig.create();
  for (const value of ['1', '2', '3']) {
    rig.apply([put('a', value)]);
    await rig.checkpoint();
  }
  await rig.close();
  rig.openOn(medium.openNow());
  assert.ok(medium.state.damage(markKey(2), () => undefined));
  assert.throws(() => rig.openOn(medium.openNow()), {
    code: 'state-store-damaged',
    message: /batch 2 of \d+ is missing from the middle/,
  });
});

test('a record of the store or of a shard with any bit flipped, or gone, is refused', async () => {
  for (const key of [STORE_KEY, shardKey(SHARD)]) {
    const medium = new MemoryMedium();
    const rig = new StateRig(medium);
    await rig.open();
    rig.create();
    rig.apply([put('a', '1')]);
    await rig.checkpoint();
    await rig.close();
    let record = new Uint8Array(0);
    const harm = (change: (value: Uint8Array) => Uint8Array | undefined) => {
      assert.ok(medium.state.damage(key, change));
      assert.throws(() => rig.openOn(medium.openNow()), { code: 'state-store-damaged' });
    };
    harm((value) => {
      record = value.slice();
      return value.subarray(1);
    });
    for (let bit = 0; bit < record.length * 8; bit++) {
      harm(() => record.map((byte, at) => (at === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte)));
    }
    assert.ok(medium.state.damage(key, () => record));
    rig.openOn(medium.openNow());
    harm(() => undefined);
  }
});

test('an emptied store counts as blank: the log tells what is missing', async () => {
  const { folder, copy } = await planted(3);
  const names = readdirSync(copy).filter((name) => name.endsWith('.log'));
  for (const name of names) truncateSync(`${copy}/${name}`);
  await tryOpen(copy);
  remove(folder, copy);
});

test('an end that is cut off is an earlier checkpoint', async () => {
  const { folder, copy } = await planted(5);
  const name = readdirSync(copy).find((each) => each.endsWith('.log'));
  const { length } = readFileSync(`${copy}/${name}`);
  truncateSync(`${copy}/${name}`, length - 10);
  const disk = await openLevelState({ folder: copy, onFault: () => {}, onDamage: () => {} });
  const rig = new StateRig(new LevelMedium());
  const store = rig.openOn(disk);
  assert.deepEqual(
    store.shards.map((shard) => store.description(shard).index),
    [4],
  );
  await new Promise<void>((resolve) => store.close(resolve));
  rig.medium.dispose();
  remove(folder, copy);
});
