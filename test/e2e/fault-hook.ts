/** Loaded before the program: SIGUSR2 triggers the fault that the environment names. */

import fs from 'node:fs';
import { register } from 'node:module';
import { ClassicLevel } from 'classic-level';
import type { Bug } from '../planted/bug.ts';
import { PLANT_HOOK } from '../planted/plant-hook.ts';

/** What a child is started with. */
export const FAULT_HOOK = import.meta.url;

const FAULT = process.env.RINGKV_TEST_FAULT;

const ASSERTION: Bug = {
  name: 'assertion-in-a-frame',
  sentence: 'an invariant breaks while a frame of a client is served',
  file: 'src/node/client-frames.ts',
  find: 'if (client === undefined) return;',
  replace: "if (globalThis.ringkvFault) throw new Error('planted: a broken invariant');",
  profiles: [],
  isFast: false,
};

if (FAULT === 'assertion') register(PLANT_HOOK, { data: ASSERTION });

/** LevelDB's error for a block that it cannot read. */
function corruptNextRead(): void {
  const { getSync } = ClassicLevel.prototype;
  ClassicLevel.prototype.getSync = () => {
    ClassicLevel.prototype.getSync = getSync;
    throw Object.assign(new Error('Corruption: bad block'), { code: 'LEVEL_CORRUPTION' });
  };
}

if (FAULT !== undefined)
  process.on('SIGUSR2', () => {
    switch (FAULT) {
      case 'assertion':
        Object.assign(globalThis, { ringkvFault: true });
        return;
      case 'rejection':
        void Promise.reject(new Error('planted: a promise that fails unheard'));
        return;
      case 'hung-disk':
        // A thread of the pool never returns from it, as on a disk that does not answer.
        fs.open(process.env.RINGKV_TEST_FIFO ?? '', 'r', () => {});
        return;
      case 'corrupt-read':
        corruptNextRead();
        return;
    }
  });
