/** Transactions that wait in a cluster, put together from what each node knows of them. Pure. */

import type { PendingInfo, PendingPart } from './pending-info.ts';

/** `unknown`: whoever leads the home shard, which decides, could not be asked. */
export type PendingState = 'preparing' | 'prepared' | 'committed' | 'aborted' | 'unknown';

export interface PendingShard {
  readonly shard: number;
  /**
   * Keys that nobody else can write until the shard has heard of the outcome; none if it has, or
   * never held any. Undefined if nobody could be asked who leads it.
   */
  readonly keysHeld: number | undefined;
}

export interface Pending {
  readonly id: string;
  readonly state: PendingState;
  /** Since the first shard has held keys for it, or it was decided. */
  readonly milliseconds: number;
  /** All that take part; the home shard, which decides, stands first. */
  readonly shards: readonly PendingShard[];
  /** What whoever ends it has to know. */
  readonly age: number;
  readonly participants: PendingPart['participants'];
}

/** What was heard, and the shards whose leaders were heard. */
export interface Heard {
  readonly infos: readonly PendingInfo[];
  readonly shards: ReadonlySet<number>;
}

/** The oldest first. */
export function pendingFrom({ infos, shards: heard }: Heard): readonly Pending[] {
  const byId = new Map<string, PendingPart[]>();
  for (const part of infos.flatMap(({ transactions }) => transactions)) {
    const parts = byId.get(part.id);
    if (parts === undefined) byId.set(part.id, [part]);
    else parts.push(part);
  }
  const pending = [...byId.values()].map((parts) => joined(parts, heard));
  return pending.sort((one, other) => {
    return other.milliseconds - one.milliseconds || (one.id < other.id ? -1 : 1);
  });
}

function joined(parts: readonly PendingPart[], heard: ReadonlySet<number>): Pending {
  const { id, age, participants } = parts[0] as PendingPart;
  const shards = participants.map(({ shard }) => {
    const held = parts.filter((part) => part.shard === shard).map(({ keys }) => keys);
    const isHeard = heard.has(shard) || held.length > 0;
    return { shard, keysHeld: isHeard ? Math.max(0, ...held) : undefined };
  });
  const milliseconds = Math.max(...parts.map((part) => part.milliseconds));
  return { id, state: stateOf(parts, shards), milliseconds, shards, age, participants };
}

/** A decision is one, whoever holds keys still. The home shard may do its part as it decides. */
function stateOf(parts: readonly PendingPart[], shards: readonly PendingShard[]): PendingState {
  const decided = parts.find(({ state }) => state === 'committed' || state === 'aborted');
  if (decided !== undefined) return decided.state as PendingState;
  const [home, ...others] = shards;
  if (home?.keysHeld === undefined) return 'unknown';
  const isReady = others.every(({ keysHeld }) => keysHeld !== undefined && keysHeld > 0);
  return isReady ? 'prepared' : 'preparing';
}

/** `1.5s`, `12m`: how long, as people say it. */
export function durationText(milliseconds: number): string {
  const units: readonly (readonly [name: string, size: number])[] = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1000],
  ];
  for (const [name, size] of units) {
    if (milliseconds >= size) {
      const amount = milliseconds / size;
      return `${amount < 10 ? Math.floor(amount * 10) / 10 : Math.floor(amount)}${name}`;
    }
  }
  return `${Math.round(milliseconds)}ms`;
}
