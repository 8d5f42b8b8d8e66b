/** Replicas in transfer, as the leaders on this node report them. */

import type { MemberId, NodeId, ShardId } from '../base/ids.ts';
import { CATALOG_LIMITS } from '../base/limits.ts';
import type { ClusterMap, ShardRow } from '../catalog/cluster-map.ts';
import type { RaftStatus } from '../raft/status.ts';

/** One replica that is added, removed or replaced. */
export interface MoveInfo {
  readonly shard: ShardId;
  /** The nodes, or 0 for a mere addition or removal. */
  readonly from: number;
  readonly to: number;
  /**
   * `snapshot`: the state is being sent, in bytes; the total is unknown before the last chunk.
   * `entries`: it has this many entries of the log, of a total. `waiting`: nothing was sent.
   */
  readonly phase: 'waiting' | 'snapshot' | 'entries' | 'leaving';
  readonly done: number;
  /** 0 if it is not known. */
  readonly total: number;
  readonly perSecond: number;
  /** The unheard node without which the move cannot continue; 0 if there is none. */
  readonly waitsForNode: number;
}

interface Led {
  readonly shard: ShardId;
  readonly isLeader: boolean;
  status(): RaftStatus;
}

interface Surroundings {
  readonly map: ClusterMap | undefined;
  readonly replicas: Iterable<Led>;
  readonly isHeard: (node: NodeId) => boolean;
}

interface Sample {
  readonly phase: MoveInfo['phase'];
  readonly done: number;
  readonly perSecond: number;
}

const SAMPLE_MILLISECONDS = 1000;

export class Moves {
  #samples = new Map<MemberId, Sample>();
  #sampledAt = Number.NEGATIVE_INFINITY;

  /** Rates are measured between two calls that are far enough apart. */
  tick(now: number, surroundings: Surroundings): void {
    const elapsed = now - this.#sampledAt;
    if (elapsed < SAMPLE_MILLISECONDS) return;
    const samples = new Map<MemberId, Sample>();
    for (const { member, phase, done } of movesOf(surroundings)) {
      if (member === undefined) continue;
      const before = this.#samples.get(member);
      const gained = before?.phase === phase ? Math.max(done - before.done, 0) : 0;
      samples.set(member, { phase, done, perSecond: Math.round((gained * 1000) / elapsed) });
    }
    this.#samples = samples;
    this.#sampledAt = now;
  }

  /** At most somewhat more than may be in progress at once. */
  infos(surroundings: Surroundings): readonly MoveInfo[] {
    const moves = movesOf(surroundings).slice(0, CATALOG_LIMITS.movesToldMax);
    return moves.map(({ member, ...move }) => {
      const perSecond = member === undefined ? 0 : (this.#samples.get(member)?.perSecond ?? 0);
      return { ...move, perSecond };
    });
  }
}

type Move = Omit<MoveInfo, 'perSecond'> & { readonly member: MemberId | undefined };

function movesOf({ map, replicas, isHeard }: Surroundings): Move[] {
  if (map === undefined) return [];
  return [...replicas].flatMap((replica) => {
    const row = map.shards[replica.shard];
    const isMoving = row?.members.some(({ isWanted, isVoter }) => isWanted !== isVoter);
    if (row === undefined || !replica.isLeader || isMoving !== true) return [];
    return movesIn(row, replica.status(), isHeard);
  });
}

function movesIn(row: ShardRow, status: RaftStatus, isHeard: (node: NodeId) => boolean): Move[] {
  const coming = row.members.filter(({ isWanted, isVoter }) => isWanted && !isVoter);
  const leaving = row.members.filter(({ isWanted }) => !isWanted);
  const length = Math.max(coming.length, leaving.length);
  return Array.from({ length }, (_, at): Move => {
    const [comer, leaver] = [coming[at], leaving[at]];
    const ends = { shard: row.shard, from: leaver?.node ?? 0, to: comer?.node ?? 0 };
    if (comer === undefined) {
      const progress = { phase: 'leaving', done: 0, total: 0 } as const;
      return { ...ends, ...progress, waitsForNode: 0, member: undefined };
    }
    const { node, member } = comer;
    const waitsForNode = isHeard(node) ? 0 : node;
    return { ...ends, ...progressOf(member, status), waitsForNode, member };
  });
}

function progressOf(
  member: MemberId,
  { followers, last }: RaftStatus,
): Pick<MoveInfo, 'phase' | 'done' | 'total'> {
  const follower = followers.find((one) => one.member === member);
  if (follower === undefined) return { phase: 'waiting', done: 0, total: 0 };
  if (follower.state === 'snapshot') {
    return { phase: 'snapshot', done: follower.snapshotBytes, total: 0 };
  }
  return { phase: 'entries', done: follower.match, total: last.index };
}
