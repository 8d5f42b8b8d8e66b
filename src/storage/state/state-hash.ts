/** The hash of a state: for each section its number of rows and two sums over them. */

import { assert } from '../../base/assert.ts';
import { hash } from '../../base/hash.ts';
import { STATE_LIMITS } from '../limits.ts';
import type { Place } from './state-key.ts';
import { wordOne, wordTwo } from './state-record.ts';

/**
 * Sums of keyed hashes of the rows, so that neither the order of writes nor intermediate values
 * matter: replaying the log from its beginning and installing a snapshot give the same hash.
 */
export interface SectionHash {
  readonly section: number;
  readonly rows: number;
  readonly one: number;
  readonly two: number;
}

/** Sections that have rows, in rising order. */
export type StateHash = readonly SectionHash[];

/** A hash that is updated with each write. */
export class StateSums {
  readonly #rows: number[];
  readonly #ones: number[];
  readonly #twos: number[];

  constructor(hash: StateHash = []) {
    const zeros = () => Array.from({ length: STATE_LIMITS.sections }, () => 0);
    this.#rows = zeros();
    this.#ones = zeros();
    this.#twos = zeros();
    for (const { section, rows, one, two } of hash) {
      assert(section < STATE_LIMITS.sections, 'a section is within its limit');
      this.#rows[section] = rows;
      this.#ones[section] = one;
      this.#twos[section] = two;
    }
  }

  /** Adds a record, or bytes that begin like it: only the checksum words matter. */
  add(section: number, place: Place, record: Uint8Array, from = 0): void {
    this.#turn(section, 1, wordOne(place, record, from), wordTwo(record, from));
  }

  subtract(section: number, place: Place, record: Uint8Array, from = 0): void {
    this.#turn(section, -1, -wordOne(place, record, from), -wordTwo(record, from));
  }

  /**
   * Complete once every replaced value has been subtracted. Undefined for sums that no rows can
   * have: the disk returned rows that were never written, and the hash is lost.
   */
  hash(): StateHash | undefined {
    const sections: SectionHash[] = [];
    for (const [section, rows] of this.#rows.entries()) {
      const one = this.#ones[section] as number;
      const two = this.#twos[section] as number;
      if (rows < 0 || (rows === 0 && (one !== 0 || two !== 0))) return undefined;
      if (rows > 0) sections.push({ section, rows, one, two });
    }
    return sections;
  }

  copy(): StateSums {
    const copy = new StateSums();
    for (const section of this.#rows.keys()) {
      copy.#rows[section] = this.#rows[section] as number;
      copy.#ones[section] = this.#ones[section] as number;
      copy.#twos[section] = this.#twos[section] as number;
    }
    return copy;
  }

  #turn(section: number, rows: number, one: number, two: number): void {
    this.#rows[section] = (this.#rows[section] as number) + rows;
    this.#ones[section] = ((this.#ones[section] as number) + one) >>> 0;
    this.#twos[section] = ((this.#twos[section] as number) + two) >>> 0;
  }
}

/** A hash in two words of 32 bits, which replicas compare. */
interface HashDigest {
  readonly one: number;
  readonly two: number;
}

export function digestOf(state: StateHash): HashDigest {
  const words = new Uint32Array(
    state.flatMap(({ section, rows, one, two }) => {
      return [section, Math.floor(rows / 2 ** 32), rows, one, two];
    }),
  );
  const bytes = new Uint8Array(words.length * 4);
  const view = new DataView(bytes.buffer);
  words.forEach((word, at) => {
    view.setUint32(at * 4, word);
  });
  return { one: hash(bytes, DIGEST_SEEDS.one), two: hash(bytes, DIGEST_SEEDS.two) };
}

const DIGEST_SEEDS = { one: 0x6469_6765, two: 0x7374_6f66 } as const;

export function isSameHash(one: StateHash, other: StateHash): boolean {
  if (one.length !== other.length) return false;
  return one.every((left, at) => {
    const right = other[at];
    return (
      right !== undefined &&
      left.section === right.section &&
      left.rows === right.rows &&
      left.one === right.one &&
      left.two === right.two
    );
  });
}
