/** Clients against a small cluster that loses, repeats, delays and refuses, and elects leaders. */

import { ok } from 'node:assert/strict';
import { test } from 'node:test';
import { byEffort } from '../support/effort.ts';
import { type Profile, runSeed } from './model/seed.ts';

const SEEDS = Number(process.env.SEEDS ?? byEffort({ full: 30, brief: 1 }));

const CALM: Profile = {
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
  clockJump: 0,
  clockRates: [1],
  isOutcomeTrue: true,
};

const ROUGH: Profile = {
  ...CALM,
  faults: {
    overload: 0.05,
    wrongEpoch: 0.03,
    notHere: 0.03,
    notFresh: 0.3,
    tooMuch: 0.1,
    survival: 0.5,
    forward: 0.4,
    giveWay: 0.1,
    mute: 0.1,
    commitMax: 40,
  },
  links: { delayMax: 200, refusal: 0.1, echo: 0 },
  leaderChange: 0.05,
  breakLink: 0.05,
  breakNode: 0.01,
  clockJump: 0.005,
  clockRates: [0.5, 1, 1.25, 2],
};

const ECHOING: Profile = {
  ...ROUGH,
  links: { delayMax: 200, refusal: 0.05, echo: 0.5 },
  isOutcomeTrue: false,
};

const profiles: readonly (readonly [name: string, profile: Profile])[] = [
  ['in calm', CALM],
  ['in rough weather', ROUGH],
  ['where frames come again a minute later', ECHOING],
];

for (const [name, profile] of profiles) {
  test(`every call takes effect at most once and ends in time with a true outcome, ${name}`, () => {
    const counts = new Map<string, number>();
    for (let seed = 1; seed <= SEEDS; seed++) {
      try {
        for (const told of runSeed(profile, seed)) {
          counts.set(told, (counts.get(told) ?? 0) + 1);
        }
      } catch (error) {
        throw new Error(`seed ${seed}: ${error}`, { cause: error });
      }
    }
    const told = JSON.stringify([...counts]);
    ok((counts.get('done') ?? 0) > SEEDS * 100, `few were done: ${told}`);
    ok((counts.get('together done') ?? 0) > SEEDS * 20, `few were done together: ${told}`);
    ok((counts.get('read') ?? 0) > SEEDS * 20, `few were read: ${told}`);
  });
}
