/** Pending transactions of a cluster, merged from the reports of its nodes. Pure. */

import type { PendingInfo, PendingPart } from './pending-info.ts';

/** `unknown`: the leader of the coordinator's shard, which decides, did not answer. */
export type PendingState = 'preparing' | 'prepared' | 'committed' | 'aborted' | 'unknown';

export interface PendingShard {
  readonly shard: number;
  /**
   * Keys that stay locked until the shard has applied the outcome; 0 if it has, or never locked
   * any. Undefined if its leader did not answer.
   */
  readonly keysHeld: number | undefined;
}

export interface Pending {
  readonly id: string;
  readonly state: PendingState;
  /** Time since the first shard locked keys for it, or since its decision. */
  readonly milliseconds: number;
  /** All participants; the coordinator's shard, which decides, comes first. */
  readonly shards: readonly PendingShard[];
  /** What a request to finish it has to contain. */
  readonly age: number;
  readonly participants: PendingPart['participants'];
}

/** The reports, and the shards whose leaders reported. */
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

/** A decision counts even while shards hold locks; the coordinator's shard may have none. */
function stateOf(parts: readonly PendingPart[], shards: readonly PendingShard[]): PendingState {
  const decided = parts.find(({ state }) => state === 'committed' || state === 'aborted');
  if (decided !== undefined) return decided.state as PendingState;
  const [home, ...others] = shards;
  if (home?.keysHeld === undefined) return 'unknown';
  const isReady = others.every(({ keysHeld }) => keysHeld !== undefined && keysHeld > 0);
  return isReady ? 'prepared' : 'preparing';
}

/** A readable duration: `1.5s`, `12m`. */
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
