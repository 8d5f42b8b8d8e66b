/** A small world of two shards, and how histories of its watches are written by hand. */

import type { WatchRule } from './watch.ts';
import {
  type Given,
  type GivenChange,
  identityOf,
  type Positions,
  type SetEvent,
  type TrueChange,
  type Watching,
  type WatchWorld,
} from './watch-history.ts';

export interface WatchCase {
  readonly name: string;
  /** Undefined: the history is good. */
  readonly rule?: WatchRule;
  readonly watching: Watching;
}

const set = (key: string, version: number, previous: number, group: string): TrueChange => ({
  type: 'set',
  key,
  version,
  previous,
  value: `${key}${version}`,
  group,
});

/** The parts of T lie in both shards; that of `d` has the version of its prepare. */
const ONE = [
  { index: 1, changes: [set('a', 1, 0, 'g1')] },
  { index: 2, changes: [set('a', 2, 1, 'g2')] },
  { index: 3, changes: [set('b', 3, 0, 'g3'), set('c', 3, 0, 'g3')] },
  {
    index: 5,
    changes: [{ type: 'expire', cause: 'ttl', key: 'a', previous: 2, group: 'g5' } as const],
  },
  { index: 6, changes: [set('d', 4, 0, 'T')] },
  { index: 8, changes: [{ type: 'delete', key: 'b', previous: 3, group: 'g8' } as const] },
];
const TWO = [
  { index: 1, changes: [set('x', 1, 0, 'h1')] },
  { index: 2, changes: [set('y', 2, 0, 'T')] },
];

export const WORLD: WatchWorld = {
  shards: new Map([
    [1, ONE],
    [2, TWO],
  ]),
  shardOf: (key) => (key < 'm' ? 1 : 2),
  termOf: () => 1,
  acknowledged: [
    { key: 'a', index: 2, at: 20 },
    { key: 'b', index: 3, at: 30 },
    { key: 'd', index: 6, at: 60 },
    { key: 'y', index: 2, at: 60 },
    { key: 'b', index: 8, at: 80 },
  ],
  floors: [{ shard: 1, index: 5, at: 500 }],
};

const WAS = new Map<string, GivenChange>();
for (const { changes } of [...ONE, ...TWO]) {
  changes.forEach((change, at) => {
    const { key, group: transaction, previous: previousVersion } = change;
    const isLast = changes[at + 1]?.group !== transaction;
    const about = { at: 100, key, transaction, previousVersion, isLast };
    const event: GivenChange =
      change.type === 'set'
        ? {
            ...about,
            type: 'set',
            value: change.value,
            version: change.version ?? 0,
            isInitial: false,
          }
        : change.type === 'delete'
          ? { ...about, type: 'delete' }
          : { ...about, type: 'expire', cause: 'ttl' };
    WAS.set(identityOf(change), event);
  });
}

/** The event as it should be, and what is wrong about it. */
export function was(identity: string, wrong: object = {}): Given {
  return { ...(WAS.get(identity) as GivenChange), ...wrong };
}

export function row(key: string, version: number, wrong: Partial<SetEvent> = {}): Given {
  const value = `${key}${version}`;
  const about = { at: 100, key, previousVersion: 0, transaction: '', isLast: true };
  return { ...about, type: 'set', value, version, isInitial: true, ...wrong };
}

export function gone(key: string, previousVersion: number): Given {
  return { type: 'delete', at: 600, key, previousVersion, transaction: '', isLast: true };
}

export function at(one: number, two: number, term = 1): Positions {
  return new Map([
    [1, { index: one, term }],
    [2, { index: two, term }],
  ]);
}

export const synced = (one: number, two: number): Given => ({
  type: 'synced',
  at: 100,
  token: at(one, two),
});
export const progress = (one: number, two: number, term = 1): Given => ({
  type: 'progress',
  at: 100,
  token: at(one, two, term),
});
export const sync = (asked: number): Given => ({ type: 'sync', at: 100, asked });
export const compacted = (differences: boolean, time = 600): Given => ({
  type: 'compacted',
  at: time,
  differences,
});

export const ALL = { from: 'a', to: 'z', begunAt: 0, isComplete: true };

export function initial(given: readonly Given[], more: Partial<Watching> = {}): Watching {
  return { ...ALL, name: 'w', start: 'initial', given, ...more };
}

export function resumed(start: Positions, given: readonly Given[], more = {}): Watching {
  return { ...ALL, name: 'w', start, given, ...more };
}

export const REST_OF_ONE = ['a ends 2', 'd begins 4', 'b ends 3'].map((identity) => was(identity));
export const WHOLE = [
  ...['a begins 1', 'a begins 2', 'b begins 3', 'c begins 3'].map((identity) => was(identity)),
  ...REST_OF_ONE,
  ...['x begins 1', 'y begins 2'].map((identity) => was(identity)),
];
/** Seven events of the first shard, and those of the second. */
export const FROM_START = at(0, 0);
export const FIRST = WHOLE.slice(0, 7);

/** The whole history but one event, which is spoilt, repeated, moved or left out. */
export function spoilt(identity: string, ...instead: readonly Given[]): readonly Given[] {
  return WHOLE.flatMap((event) => (event === WHOLE[placeOf(identity)] ? instead : [event]));
}

function placeOf(identity: string): number {
  return WHOLE.findIndex((event) => 'key' in event && identityOf(event) === identity);
}
