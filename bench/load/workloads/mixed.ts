/** A little of everything, as an application would do it. */

import { ok } from 'node:assert/strict';
import { keyNumbered } from '../../cluster/keys.ts';
import { get, put, scanFrom, verifyKeys } from './single-keys.ts';
import { setApart } from './transactions.ts';
import type { Scene, Workload } from './workload.ts';

const SCAN_ROWS = 20;

export const MIXED: Readonly<Record<string, Workload>> = {
  mixed: {
    about: '50 % get, 30 % set, 10 % scan, 10 % transactions over two shards',
    work: mixed,
    verify: verifyKeys,
  },
};

async function mixed(scene: Scene): Promise<void> {
  const choice = Math.random();
  const number = scene.uniform();
  if (choice < 0.5) return get(scene, keyNumbered(number));
  if (choice < 0.8) return put(scene, number);
  if (choice < 0.9) return setApart(scene, 2);
  const from = Math.max(0, number - SCAN_ROWS);
  ok((await scanFrom(scene, from, SCAN_ROWS)) === SCAN_ROWS, 'a scan sees every key');
}
