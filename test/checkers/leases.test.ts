/** The judge of leases: what hung on them went neither early nor late, nor with another lease. */

import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { type Attached, checkLeases, type Gap, type LeaseLife, type LeaseRule } from './leases.ts';

const TTL = 10_000;

function life(confirmed: readonly number[], more: Partial<LeaseLife> = {}): LeaseLife {
  const sent = confirmed.map((sentAt) => ({ shard: 1, sentAt }));
  return { lease: 'one', ttl: TTL, confirmed: sent, ...more };
}

function key(gone?: Attached['gone'], more: Partial<Attached> = {}): Attached {
  const about = { name: 'service/1', lease: 'one', shard: 1, from: 100 };
  return { ...about, ...(gone === undefined ? {} : { gone }), ...more };
}

const withLease = (at: number) => ({ at, by: 'lease' }) as const;

interface Case {
  readonly name: string;
  readonly rules: readonly LeaseRule[];
  readonly lives?: readonly LeaseLife[];
  readonly attached: Attached;
  readonly gaps?: readonly Gap[];
  readonly now?: number;
}

const CASES: readonly Case[] = [
  { name: 'it is kept alive and stays', rules: [], lives: [life([0, 2500])], attached: key() },
  {
    name: 'it goes when its time is over by the fastest clock',
    rules: [],
    lives: [life([0, 2500])],
    attached: key(withLease(2500 + 8000)),
  },
  {
    name: 'its client releases it',
    rules: [],
    lives: [life([0, 2500], { releasedAt: 3000 })],
    attached: key(withLease(3010)),
  },
  {
    name: 'a person revokes it',
    rules: [],
    lives: [life([0, 2500])],
    attached: key({ at: 2600, by: 'revoke' }),
  },
  {
    name: 'its client writes it anew',
    rules: [],
    lives: [life([0, 2500])],
    attached: key({ at: 2600, by: 'client' }),
  },
  {
    name: 'its client dies and it goes by the slowest clock',
    rules: [],
    lives: [life([0], { diedAt: 1000 })],
    attached: key(withLease(1000 + 12_500 + 2400)),
  },
  {
    name: 'its client dies and the shard has no leader for a minute',
    rules: [],
    lives: [life([0], { diedAt: 1000 })],
    attached: key(withLease(70_000)),
    gaps: [{ shard: 1, from: 2000, to: 62_000 }],
  },
  {
    name: 'its client dies while a transaction holds the key, and the shard has no leader',
    rules: [],
    lives: [life([0], { diedAt: 1000 })],
    attached: key(withLease(50_000), { held: [{ from: 900, to: 30_000 }] }),
    gaps: [{ shard: 1, from: 20_000, to: 40_000 }],
  },
  {
    name: 'a transaction that held the key for a moment excuses no more than that',
    rules: ['immortal'],
    lives: [life([0], { diedAt: 1000 })],
    attached: key(withLease(50_000), { held: [{ from: 30_000, to: 31_000 }] }),
  },
  {
    name: 'it goes though it was kept alive',
    rules: ['early'],
    lives: [life([0, 2500])],
    attached: key(withLease(10_000)),
  },
  {
    name: 'it goes in a leaderless minute, with all that were kept alive before',
    rules: ['early'],
    lives: [life([0, 2500, 5000])],
    attached: key(withLease(5001)),
    gaps: [{ shard: 1, from: 0, to: 5000 }],
  },
  {
    name: 'it goes by a keep that another shard got',
    rules: ['early'],
    lives: [life([0])],
    attached: key(withLease(7999)),
  },
  {
    name: 'its client is dead and it stays',
    rules: ['immortal'],
    lives: [life([0], { diedAt: 1000 })],
    attached: key(),
    now: 20_000,
  },
  {
    name: 'each election gives it all of its time again',
    rules: ['immortal'],
    lives: [life([0], { diedAt: 1000 })],
    attached: key(withLease(40_000)),
    gaps: [
      { shard: 1, from: 8000, to: 9000 },
      { shard: 1, from: 19_000, to: 20_000 },
    ],
  },
  {
    name: 'a gap of another shard excuses nothing',
    rules: ['immortal'],
    lives: [life([0], { diedAt: 1000 })],
    attached: key(withLease(70_000)),
    gaps: [{ shard: 2, from: 2000, to: 62_000 }],
  },
  {
    name: 'a key goes with a lease that is not its own',
    rules: ['stranger'],
    attached: key(withLease(5000), { lease: '' }),
  },
];

for (const { name, rules, lives = [], attached, gaps = [], now = 10_000 } of CASES) {
  test(name, () => {
    const findings = checkLeases({
      lives,
      attached: [attached],
      gaps,
      lingers: 0,
      stepMilliseconds: 0,
      now,
    });
    deepEqual(
      findings.map(({ rule }) => rule),
      rules,
    );
  });
}

const STAYS = { lives: [], gaps: [], lingers: 0, stepMilliseconds: 0, now: 10_000 };

test('nothing hangs on a lease again once it has ended in the shard', () => {
  const rulesOf = (...attached: readonly Attached[]) =>
    checkLeases({ ...STAYS, attached }).map(({ rule }) => rule);
  const later = { name: 'service/2', from: 5001 };
  deepEqual(rulesOf(key(withLease(5000)), key(undefined, later)), ['revived']);
  deepEqual(rulesOf(key({ at: 5000, by: 'revoke' }), key(undefined, later)), ['revived']);
  deepEqual(rulesOf(key(withLease(5000)), key(withLease(5000), { name: 'service/2' })), []);
  deepEqual(rulesOf(key({ at: 5000, by: 'client' }), key(undefined, later)), []);
  deepEqual(rulesOf(key(withLease(5000)), key(undefined, { ...later, isContinued: true })), []);
  deepEqual(rulesOf(key(withLease(5000)), key(undefined, { ...later, shard: 2 })), []);
});
