/**
 * The core workloads of YCSB (Cooper et al., "Benchmarking Cloud Serving Systems with YCSB"), with
 * its Zipf constant of 0.99 and rows of the usual size.
 */

import { ok } from 'node:assert/strict';
import { keyNumbered } from '../../cluster/keys.ts';
import { fillerOf, get, put, scanFrom, verifyKeys, writeKeys } from './single-keys.ts';
import type { Done, Scene, Workload } from './workload.ts';

const SCAN_ROWS_MAX = 100;
const CHECKS = 1000;

export const YCSB: Readonly<Record<string, Workload>> = {
  'ycsb-a': {
    about: '50 % get, 50 % set, Zipf',
    work: (scene) => readOr(scene, 0.5),
    verify: verifyKeys,
  },
  'ycsb-b': {
    about: '95 % get, 5 % set, Zipf',
    work: (scene) => readOr(scene, 0.95),
    verify: verifyKeys,
  },
  'ycsb-c': { about: 'get only, Zipf', work: (scene) => readOr(scene, 1) },
  'ycsb-d': {
    about: '95 % get of the latest, 5 % insert',
    work: (scene) =>
      Math.random() < 0.95 ? get(scene, scene.inserts.latest(scene.zipfian())) : insert(scene),
    verify: verifyInserts,
  },
  'ycsb-e': {
    about: '95 % scan of up to 100 rows, 5 % insert',
    work: async (scene) => {
      if (Math.random() >= 0.95) return insert(scene);
      const rows = 1 + Math.floor(Math.random() * SCAN_ROWS_MAX);
      return scanFrom(scene, scene.zipfian(), rows);
    },
    verify: verifyInserts,
  },
  'ycsb-f': {
    about: '50 % get, 50 % read-modify-write in a transaction, Zipf',
    work: readModifyWrite,
    verify: verifyKeys,
  },
};

function readOr(scene: Scene, reads: number): Promise<void> {
  const number = scene.zipfian();
  return Math.random() < reads ? get(scene, keyNumbered(number)) : put(scene, number);
}

async function insert({ client, inserts, shape }: Scene): Promise<void> {
  const nth = inserts.next();
  await client().set(inserts.keyOf(nth), fillerOf(shape.valueBytes));
  inserts.acknowledge(nth);
}

async function verifyInserts({ client }: Scene, { inserted }: Done): Promise<void> {
  for (let from = 0; from < inserted.length; from += CHECKS) {
    const some = inserted.slice(from, from + CHECKS);
    for (const [at, entry] of (await client().getMany(some)).entries()) {
      ok(entry !== undefined, `${some[at]} was inserted and does not exist`);
    }
  }
}

async function readModifyWrite(scene: Scene): Promise<void> {
  const number = scene.zipfian();
  if (Math.random() < 0.5) return get(scene, keyNumbered(number));
  return writeKeys(scene, [number], (kv, [key, value]) =>
    kv.transaction(async (tx) => {
      ok((await tx.get(key)) !== undefined, `${key} exists, and a transaction must see it`);
      tx.set(key, value);
    }),
  );
}
