/** Whether the replicas of every shard have the same state. */

import { isSameHash } from '../../src/storage/state/state-hash.ts';
import { SimFailure } from '../sim/failure.ts';
import type { Computer } from './computer.ts';
import { newestMap } from './survivors.ts';

/** Why not yet; throws if they never will: replicas at the same index that differ. */
export function disagreementOf(computers: readonly Computer[], time: number): string | undefined {
  for (const { shard, members } of newestMap(computers)?.shards ?? []) {
    const cores = members
      .filter(({ isVoter }) => isVoter)
      .map(({ node }) => computers.find((one) => one.node === node))
      .filter((computer) => computer?.isLost !== true)
      .map((computer) => computer?.core);
    const [first, ...others] = cores;
    if (first?.state.replicas.get(shard) === undefined) return `shard ${shard} is not on its node`;
    for (const other of others) {
      const [one, two] = [first.state.replicas.get(shard), other?.state.replicas.get(shard)];
      if (one?.applied !== two?.applied) return `shard ${shard} is not applied alike`;
      const [hash, otherHash] = [first.state.store.hash(shard), other?.state.store.hash(shard)];
      if (hash === undefined || otherHash === undefined) return `shard ${shard} is damaged`;
      if (!isSameHash(hash, otherHash)) {
        throw new SimFailure('hash', `replicas of ${shard} differ`, { shard, time });
      }
    }
  }
  return undefined;
}
