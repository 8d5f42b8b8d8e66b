/**
 * Batches of the state store wait for free space, and LevelDB is asked to free the space of deleted
 * rows.
 */

import { deepEqual, equal } from 'node:assert/strict';
import test from 'node:test';
import type { Fullness } from '../../src/storage/log/log.ts';
import { gatedDisk } from '../../src/storage/state/gated-disk.ts';
import type { StateDisk } from '../../src/storage/state/state-disk.ts';

const KEY = Uint8Array.of(1);
const MIB = 1024 * 1024;

/** A disk that completes operations immediately, and a log that grants space on demand. */
function rigOf({ fullness = 'ok', freeBytes = 0 }: { fullness?: Fullness; freeBytes?: number }) {
  const done: string[] = [];
  const claims: { readonly bytes: number; readonly go: () => void }[] = [];
  const scene = { fullness, freeBytes, now: 0 };
  const disk = {
    name: 'disk',
    isBlank: true,
    batch: () => ({
      put: () => {},
      delete: () => {},
      write: (report: () => void) => {
        done.push('written');
        report();
      },
    }),
    maintain: () => {},
    compact: (report: () => void) => {
      done.push('compacted');
      report();
    },
    flush: (report: () => void) => {
      done.push('condensed');
      report();
    },
    close: (report: () => void) => report(),
  } as unknown as StateDisk;
  const log = {
    claim: (bytes: number, go: () => void) => claims.push({ bytes, go }),
    get fullness() {
      return scene.fullness;
    },
    metrics: () => ({ freeBytes: scene.freeBytes }),
  };
  const gated = gatedDisk({
    disk,
    log: log as unknown as Parameters<typeof gatedDisk>[0]['log'],
    now: () => scene.now,
  });
  return { gated, done, claims, scene };
}

function write(gated: StateDisk, { bytes = 0, deletes = 0 }): void {
  const batch = gated.batch();
  if (bytes > 0) batch.put(KEY, new Uint8Array(bytes));
  for (let nth = 0; nth < deletes; nth++) batch.delete(KEY);
  batch.write(() => {});
}

test('a batch is written when there is space for it, and never after a close', () => {
  const { gated, done, claims } = rigOf({});
  write(gated, { bytes: 5 * MIB });
  deepEqual(done, []);
  equal((claims[0]?.bytes ?? 0) > 5 * MIB, true);
  claims[0]?.go();
  deepEqual(done, ['written']);
  write(gated, { bytes: MIB });
  gated.close(() => {});
  claims[1]?.go();
  deepEqual(done, ['written']);
});

test('the claim includes the table that LevelDB may write because of a batch', () => {
  const { gated, claims } = rigOf({});
  for (let nth = 0; nth < 9; nth++) {
    write(gated, { bytes: 5 * MIB });
    claims.at(-1)?.go();
  }
  const large = claims.filter(({ bytes }) => bytes > 32 * MIB);
  equal(large.length, 1, 'of nine batches of 5 MiB one fills what is gathered');
});

test('while space is low LevelDB flushes its log and compacts deleted rows', () => {
  const { gated, done, claims, scene } = rigOf({ fullness: 'read-only', freeBytes: 100 * MIB });
  write(gated, { bytes: 2 * MIB, deletes: 3 });
  claims[0]?.go();
  gated.maintain();
  deepEqual(done, ['written', 'condensed']);
  gated.maintain();
  gated.maintain();
  deepEqual(done, ['written', 'condensed', 'compacted']);
  // Later, and only for rows deleted since.
  write(gated, { deletes: 1 });
  claims[1]?.go();
  gated.maintain();
  equal(done.length, 4);
  scene.now += 60_000;
  gated.maintain();
  equal(done.at(-1), 'compacted');
});

test('LevelDB does no maintenance without space or need for it', () => {
  const { gated, done, claims, scene } = rigOf({ fullness: 'full', freeBytes: MIB });
  write(gated, { bytes: 2 * MIB, deletes: 3 });
  claims[0]?.go();
  gated.maintain();
  deepEqual(done, ['written']);
  scene.freeBytes = 100 * MIB;
  scene.fullness = 'ok';
  gated.maintain();
  deepEqual(done, ['written']);
});
