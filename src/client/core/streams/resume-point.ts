/** Whether a resume point fits a cluster: its id, and the arcs of its shards. */

import { hash } from '../../../base/hash.ts';
import type { ShardId } from '../../../base/ids.ts';
import { arcStart } from '../../../ring/arc.ts';
import type { ResumePoint, StreamMark, WatchedArc } from './watch-call.ts';

const encoder = new TextEncoder();

export function clusterDigest(cluster: string): readonly [number, number] {
  const bytes = encoder.encode(cluster);
  return [hash(bytes, 0), hash(bytes, 1)];
}

/** The arc of a shard: shards are numbered from 1, in the order of their arcs. */
export function arcOfShard(shard: ShardId, shards: number): WatchedArc {
  return { from: arcStart(shard - 1, shards), to: arcStart(shard, shards) };
}

/** A mark for each arc; or why the point does not fit. */
export function marksFor(
  { cluster, arcs: marked }: ResumePoint,
  expected: { readonly cluster: string; readonly arcs: readonly WatchedArc[] },
): readonly StreamMark[] | string {
  const [first, second] = clusterDigest(expected.cluster);
  if (cluster[0] !== first || cluster[1] !== second) return 'it belongs to another cluster';
  const isSame = (at: number, { from, to }: WatchedArc) => {
    return marked[at]?.from === from && marked[at]?.to === to;
  };
  if (marked.length !== expected.arcs.length || !expected.arcs.every((arc, at) => isSame(at, arc)))
    return 'the cluster has other shards';
  return marked.map(({ mark }) => mark);
}
