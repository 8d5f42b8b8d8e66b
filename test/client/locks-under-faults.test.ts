/** Leases and locks of clients that are held, suspended and cut off, against the real machine. */

import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { byEffort } from '../support/effort.ts';
import {
  type LockCounts,
  type LockProfile,
  runLockSeed,
  shardsOfNames,
} from './model/lock-trial.ts';

const SEEDS = Number(process.env.SEEDS ?? byEffort({ full: 12, brief: 1 }));

const CALM: LockProfile = {
  faults: {
    overload: 0,
    wrongEpoch: 0,
    notHere: 0,
    notFresh: 0,
    tooMuch: 0,
    survival: 0.5,
    forward: 0.5,
    giveWay: 0,
    mute: 0,
    commitMax: 4,
  },
  links: { delayMax: 4, refusal: 0, echo: 0 },
  leaderChange: 0,
  breakLink: 0,
  breakNode: 0,
  hold: 0,
  suspend: 0,
  setWall: 0,
  clientRates: [0.9, 1.125],
  logRates: [0.9, 1.125],
};

const ROUGH: LockProfile = {
  ...CALM,
  faults: {
    ...CALM.faults,
    overload: 0.03,
    wrongEpoch: 0.03,
    notHere: 0.03,
    forward: 0.4,
    giveWay: 0.05,
    mute: 0.05,
    commitMax: 60,
  },
  links: { delayMax: 300, refusal: 0.1, echo: 0.02 },
  leaderChange: 0.005,
  breakLink: 0.01,
  breakNode: 0.002,
  hold: 0.003,
  suspend: 0.002,
  setWall: 0.001,
};

const profiles: readonly (readonly [name: string, profile: LockProfile])[] = [
  ['in calm', CALM],
  ['while loops are held, machines sleep, leaders change and answers are lost', ROUGH],
];

for (const [name, profile] of profiles) {
  test(`a client that believes to own a lock owns it, and nothing is left behind, ${name}`, () => {
    equal(shardsOfNames(), 2, 'the locks lie in two shards');
    const sum: Partial<LockCounts> = {};
    for (let seed = 1; seed <= SEEDS; seed++) {
      try {
        for (const [what, count] of Object.entries(runLockSeed(profile, seed))) {
          const key = what as keyof LockCounts;
          sum[key] = (sum[key] ?? 0) + count;
        }
      } catch (error) {
        throw new Error(`seed ${seed}: ${error}`, { cause: error });
      }
    }
    const told = JSON.stringify(sum);
    ok((sum.granted ?? 0) > SEEDS * 20, `few were granted: ${told}`);
    ok((sum.ended ?? 0) > SEEDS * 2, `few leases were ended: ${told}`);
  });
}
