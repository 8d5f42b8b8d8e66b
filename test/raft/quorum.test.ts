/** Majorities, single and joint, against counting by hand. */

import assert from 'node:assert/strict';
import test from 'node:test';
import type { MemberId } from '../../src/base/ids.ts';
import { Random } from '../../src/base/random.ts';
import type { Configuration } from '../../src/raft/configuration.ts';
import { majorityOf, reachedByQuorum, verdictOf } from '../../src/raft/quorum.ts';

const ROUNDS = 5000;

function members(count: number, from = 1): MemberId[] {
  return Array.from({ length: count }, (_, at) => (from + at) as MemberId);
}

function randomConfiguration(random: Random): Configuration {
  const all = random.shuffle(members(8));
  const voters = all.slice(0, random.between(1, 5));
  const outgoing = random.chance(0.5) ? [] : random.shuffle(all).slice(0, random.between(1, 5));
  return { voters, outgoing, learners: [] };
}

function isMajority(voters: readonly MemberId[], holds: (voter: MemberId) => boolean): boolean {
  return voters.filter(holds).length * 2 > voters.length;
}

test('a majority is more than half', () => {
  assert.deepEqual([1, 2, 3, 4, 5, 6, 7].map(majorityOf), [1, 2, 2, 3, 3, 4, 4]);
});

test('an index is reached when a majority of each half has it, and the next one is not', () => {
  const random = new Random(11);
  for (let round = 0; round < ROUNDS; round++) {
    const configuration = randomConfiguration(random);
    const matches = new Map(members(8).map((member) => [member, random.below(6)]));
    const match = (voter: MemberId) => matches.get(voter) ?? 0;
    const reached = reachedByQuorum(configuration, match);
    const halves = [configuration.voters, configuration.outgoing].filter((half) => half.length > 0);
    assert.ok(halves.every((half) => isMajority(half, (voter) => match(voter) >= reached)));
    assert.ok(!halves.every((half) => isMajority(half, (voter) => match(voter) > reached)));
  }
});

test('a ballot is won by a majority of each half, and lost when one half can not win', () => {
  const random = new Random(12);
  for (let round = 0; round < ROUNDS; round++) {
    const configuration = randomConfiguration(random);
    const votes = new Map<MemberId, boolean>();
    for (const member of members(8)) if (random.chance(0.7)) votes.set(member, random.chance(0.5));
    const halves = [configuration.voters, configuration.outgoing].filter((half) => half.length > 0);
    const isWon = halves.every((half) => isMajority(half, (voter) => votes.get(voter) === true));
    const isOpen = halves.every((half) => isMajority(half, (voter) => votes.get(voter) !== false));
    assert.equal(verdictOf(configuration, votes), isWon ? 'won' : isOpen ? 'open' : 'lost');
  }
});

test('no voters have no quorum', () => {
  const none: Configuration = { voters: [], outgoing: [], learners: [] };
  assert.equal(
    reachedByQuorum(none, () => 7),
    0,
  );
  assert.equal(verdictOf(none, new Map([[1 as MemberId, true]])), 'lost');
});
