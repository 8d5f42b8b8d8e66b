/**
 * The visited worlds, and how each was first reached. A message may stay in transit for ever, so a
 * world can do all that the same world with fewer messages can: the latter is not visited once the
 * former was.
 */

const FIRST_CAPACITY = 1 << 20;
const NONE = -1;

/** Numbers in a flat array that doubles. */
export class Numbers {
  #items = new Int32Array(1 << 16);
  length = 0;

  at(place: number): number {
    return this.#items[place] as number;
  }

  set(place: number, item: number): void {
    this.#items[place] = item;
  }

  push(item: number): void {
    if (this.length === this.#items.length) {
      const grown = new Int32Array(this.#items.length * 2);
      grown.set(this.#items);
      this.#items = grown;
    }
    this.#items[this.length++] = item;
  }

  slice(from: number, to: number): number[] {
    return Array.from(this.#items.subarray(from, to));
  }
}

export class Visited {
  /** How many numbers at the head of a world are not messages. */
  readonly #headLength: number;
  /** Chains of worlds whose heads have one hash: a place holds the number of the newest. */
  #chains = new Int32Array(FIRST_CAPACITY).fill(NONE);
  readonly #older = new Numbers();
  readonly #hashes = new Numbers();
  readonly #starts = new Numbers();
  readonly #worlds = new Numbers();
  readonly #parents = new Numbers();
  readonly #steps = new Numbers();
  readonly #outdone = new Set<number>();

  constructor(headLength: number) {
    this.#headLength = headLength;
  }

  get size(): number {
    return this.#parents.length;
  }

  worldOf(number: number): number[] {
    return this.#worlds.slice(this.#starts.at(number), this.#endOf(number));
  }

  /** Everything that can happen in this world can happen in one that was found later. */
  isOutdone(number: number): boolean {
    return this.#outdone.has(number);
  }

  /** Whether this world can do something that no visited one can. If so it gets the next number. */
  add(
    world: readonly number[],
    origin: { readonly parent: number; readonly step: number },
  ): boolean {
    const hash = hashOf(world, this.#headLength);
    const place = hash & (this.#chains.length - 1);
    let newer = NONE;
    for (let at = this.#chains[place] as number; at !== NONE; at = this.#older.at(at)) {
      if (this.#hashes.at(at) === hash && this.#hasSameHead(at, world)) {
        if (this.#includes(at, world)) return false;
        if (this.#isIncludedIn(at, world)) {
          this.#outdone.add(at);
          if (newer === NONE) this.#chains[place] = this.#older.at(at);
          else this.#older.set(newer, this.#older.at(at));
          continue;
        }
      }
      newer = at;
    }
    this.#older.push(this.#chains[place] as number);
    this.#chains[place] = this.size;
    this.#hashes.push(hash);
    this.#starts.push(this.#worlds.length);
    for (const item of world) this.#worlds.push(item);
    this.#parents.push(origin.parent);
    this.#steps.push(origin.step);
    if (this.size > this.#chains.length) this.#grow();
    return true;
  }

  /** The steps from the first world to this one. */
  pathTo(number: number): number[] {
    const path: number[] = [];
    for (let at = number; at > 0; at = this.#parents.at(at)) path.push(this.#steps.at(at));
    return path.reverse();
  }

  #endOf(number: number): number {
    return number + 1 < this.#starts.length ? this.#starts.at(number + 1) : this.#worlds.length;
  }

  #hasSameHead(number: number, world: readonly number[]): boolean {
    const start = this.#starts.at(number);
    for (let at = 0; at < this.#headLength; at++) {
      if (this.#worlds.at(start + at) !== world[at]) return false;
    }
    return true;
  }

  /** Whether the visited world has every message of this one. Messages are in rising order. */
  #includes(number: number, world: readonly number[]): boolean {
    const end = this.#endOf(number);
    let at = this.#starts.at(number) + this.#headLength;
    if (end - at < world.length - this.#headLength) return false;
    for (let wanted = this.#headLength; wanted < world.length; wanted++, at++) {
      while (at < end && this.#worlds.at(at) < (world[wanted] as number)) at += 1;
      if (at >= end || this.#worlds.at(at) !== world[wanted]) return false;
    }
    return true;
  }

  #isIncludedIn(number: number, world: readonly number[]): boolean {
    const end = this.#endOf(number);
    const start = this.#starts.at(number) + this.#headLength;
    if (end - start > world.length - this.#headLength) return false;
    let at = this.#headLength;
    for (let wanted = start; wanted < end; wanted++, at++) {
      while (at < world.length && (world[at] as number) < this.#worlds.at(wanted)) at += 1;
      if (at >= world.length || world[at] !== this.#worlds.at(wanted)) return false;
    }
    return true;
  }

  #grow(): void {
    const chains = new Int32Array(this.#chains.length * 2).fill(NONE);
    for (let number = 0; number < this.size; number++) {
      if (this.#outdone.has(number)) continue;
      const place = this.#hashes.at(number) & (chains.length - 1);
      this.#older.set(number, chains[place] as number);
      chains[place] = number;
    }
    this.#chains = chains;
  }
}

function hashOf(world: readonly number[], length: number): number {
  let hash = 0x2545f491;
  for (let at = 0; at < length; at++) {
    hash = Math.imul(hash ^ (world[at] as number), 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  return hash;
}
