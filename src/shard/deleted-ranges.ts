/**
 * Where keys were deleted, as key ranges (stretches), each with the greatest deleted version in it.
 * Their number is bounded: beyond it the nearest neighbours are merged, so that stretches follow
 * the prefixes of keys. False positives occur for ranges that touch a stretch and no deleted key of
 * it; false negatives never.
 */

import { compareBytes } from '../base/bytes.ts';
import type { Deletion } from './deleted-keys.ts';
import { SHARD_LIMITS } from './limits.ts';

/** Keys by their first bytes, as `endOf` has them: from the one up to the other, both included. */
interface Stretch {
  readonly from: Uint8Array;
  readonly to: Uint8Array;
  readonly version: number;
}

interface Question {
  readonly from: Uint8Array;
  /** Not in it; no bytes leave the end open. */
  readonly to: Uint8Array;
  readonly since: number;
}

/** The prefix of a key that a stretch keeps. */
const END_BYTES_MAX = 64;

export class DeletedRanges {
  /** In the order of keys; none overlaps another. */
  #stretches: readonly Stretch[] = [];

  get size(): number {
    return this.#stretches.length;
  }

  /** No request asks for versions up to the floor. */
  note(removals: readonly Pick<Deletion, 'key' | 'version'>[], floor: number): void {
    const added = removals.map(({ key, version }): Stretch => {
      const end = endOf(key);
      return { from: end, to: end, version };
    });
    const kept = this.#stretches.filter(({ version }) => version > floor);
    const all = [...kept, ...added].sort((one, other) => compareBytes(one.from, other.from));
    const joined = joinWhere(all, (one, next) => compareBytes(next.from, one.to) <= 0);
    this.#stretches = joined.length > SHARD_LIMITS.stretchesMax ? coarser(joined) : joined;
  }

  mayHave({ from, to, since }: Question): boolean {
    const stretches = this.#stretches;
    const first = endOf(from);
    let [low, high] = [0, stretches.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compareBytes((stretches[middle] as Stretch).to, first) < 0) low = middle + 1;
      else high = middle;
    }
    for (let at = low; at < stretches.length; at++) {
      const stretch = stretches[at] as Stretch;
      if (to.length > 0 && compareBytes(stretch.from, to) >= 0) return false;
      if (stretch.version > since) return true;
    }
    return false;
  }
}

/** Keys that have the same end lie together, and the order of keys is the order of their ends. */
function endOf(key: Uint8Array): Uint8Array {
  return key.length > END_BYTES_MAX ? key.slice(0, END_BYTES_MAX) : key;
}

/** Merges neighbours for which the predicate holds. */
function joinWhere(
  stretches: readonly Stretch[],
  isOne: (one: Stretch, next: Stretch, at: number) => boolean,
): readonly Stretch[] {
  const joined: Stretch[] = [];
  for (const [at, next] of stretches.entries()) {
    const last = joined.at(-1);
    if (last === undefined || !isOne(last, next, at)) {
      joined.push(next);
      continue;
    }
    joined[joined.length - 1] = {
      from: last.from,
      to: compareBytes(last.to, next.to) > 0 ? last.to : next.to,
      version: Math.max(last.version, next.version),
    };
  }
  return joined;
}

/** Merges across the narrowest gaps until half of the permitted number is left. */
function coarser(stretches: readonly Stretch[]): readonly Stretch[] {
  const excess = stretches.length - (SHARD_LIMITS.stretchesMax >> 1);
  const gaps = stretches.map((next, at) => {
    const last = stretches[at - 1];
    return { at, closeness: last === undefined ? -1 : closenessOf(last.to, next.from) };
  });
  gaps.sort((one, other) => other.closeness - one.closeness);
  const closed = new Set(gaps.slice(0, excess).map(({ at }) => at));
  return joinWhere(stretches, (_one, _next, at) => closed.has(at));
}

/** Greater for a longer common prefix, then for nearer following bytes. */
function closenessOf(one: Uint8Array, next: Uint8Array): number {
  const common = commonBytes(one, next);
  return common + 1 - (wordAt(next, common) - wordAt(one, common)) / 2 ** 16;
}

function wordAt(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) * 2 ** 8 + (bytes[at + 1] ?? 0);
}

function commonBytes(one: Uint8Array, other: Uint8Array): number {
  const length = Math.min(one.length, other.length);
  let at = 0;
  while (at < length && one[at] === other[at]) at += 1;
  return at;
}
