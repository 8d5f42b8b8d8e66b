/**
 * Where keys were removed, as stretches of keys, each with the greatest version that went in it.
 * There are at most so many: when there are more, those that are closest to each other become one,
 * so that stretches follow the prefixes of keys. It errs for ranges that touch a stretch and no key
 * of it, and never the other way round.
 */

import { SHARD_LIMITS } from '../base/limits.ts';
import { compareBytes } from '../machine/bytes.ts';
import type { Deletion } from './deleted-keys.ts';

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

/** As much of a key as a stretch keeps. */
const END_BYTES_MAX = 64;

export class DeletedRanges {
  /** In the order of keys; none overlaps another. */
  #stretches: readonly Stretch[] = [];

  get size(): number {
    return this.#stretches.length;
  }

  /** Versions up to the floor are asked for by nobody. */
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

/** Neighbours of which this is said become one. */
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

/** Half as many as there may be: the narrowest gaps are closed. */
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

/** Greater the more bytes both begin with, and then the nearer the bytes behind are. */
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
