/** Seeded randomness: one stream, forked by label so that streams are independent. */

export class Random {
  // xoshiro128** 1.1 (Blackman, Vigna 2018), four words of state, never all zero.
  #a: number;
  #b: number;
  #c: number;
  #d: number;
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = seed >>> 0;
    let mixed = this.#seed;
    const next = () => {
      mixed = (mixed + 0x9e3779b9) >>> 0;
      return finalize(mixed);
    };
    this.#a = next();
    this.#b = next();
    this.#c = next();
    this.#d = next() | 1;
  }

  /** A stream that depends only on this one's seed and the label, not on earlier draws. */
  fork(label: string): Random {
    let hash = this.#seed;
    for (let at = 0; at < label.length; at++) {
      hash = finalize((Math.imul(hash, 31) + label.charCodeAt(at) + 1) >>> 0);
    }
    return new Random(hash);
  }

  /** An integer in [0, 2^32). */
  word(): number {
    const result = Math.imul(rotate(Math.imul(this.#b, 5), 7), 9) >>> 0;
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = rotate(this.#d, 11);
    return result;
  }

  /** A number in [0, 1). */
  fraction(): number {
    return this.word() / 0x1_0000_0000;
  }

  /** An integer in [0, limit), for limits up to 2^32. */
  below(limit: number): number {
    return Math.floor(this.fraction() * limit);
  }

  /** An integer in [low, high]. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  /** One of a non-empty list. */
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  shuffle<T>(items: readonly T[]): T[] {
    const result = [...items];
    for (let at = result.length - 1; at > 0; at--) {
      const other = this.below(at + 1);
      const held = result[at] as T;
      result[at] = result[other] as T;
      result[other] = held;
    }
    return result;
  }
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

/** The 32-bit finalizer of MurmurHash3: every input bit reaches every output bit. */
function finalize(word: number): number {
  let mixed = word;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
