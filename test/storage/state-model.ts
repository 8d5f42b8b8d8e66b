/** The expected content of a shard after each of its entries: plain sorted arrays of text. */

import assert from 'node:assert/strict';
import type { ShardId } from '../../src/base/ids.ts';
import type { Random } from '../../src/base/random.ts';
import type { StateRange, StateRow, StateWrite } from '../../src/storage/state/state.ts';

/** Rows as `section key value`, in hexadecimal, in order. */
export type Content = readonly string[];

export class ShardModel {
  readonly shard: ShardId;
  /** The content at each index, as far back as a crash can revert. */
  readonly #contents = new Map<number, Content>([[0, []]]);
  #index = 0;

  constructor(shard: ShardId) {
    this.shard = shard;
  }

  get index(): number {
    return this.#index;
  }

  get content(): Content {
    return this.at(this.#index);
  }

  at(index: number): Content {
    const content = this.#contents.get(index);
    assert.ok(content, `index ${index} was never reached`);
    return content;
  }

  apply(writes: readonly StateWrite[]): void {
    const rows = new Map(this.content.map((row) => [row.slice(0, row.lastIndexOf(' ')), row]));
    for (const { section, key, value } of writes) {
      const name = `${hex(Uint8Array.of(section))} ${hex(key)}`;
      if (value === undefined) rows.delete(name);
      else rows.set(name, `${name} ${hex(value)}`);
    }
    this.#index += 1;
    this.#contents.set(this.#index, [...rows.values()].sort(byName));
  }

  jump(index: number, content: Content): void {
    this.#index = index;
    this.#contents.set(index, content);
  }

  /** No crash can revert to before the present. */
  forget(): void {
    const { content } = this;
    this.#contents.clear();
    this.#contents.set(this.#index, content);
  }

  back(index: number): void {
    this.at(index);
    this.#index = index;
  }
}

/** Keys that are prefixes of others, at both ends of the byte order. */
export function randomWrites(random: Random): StateWrite[] {
  return Array.from({ length: random.below(6) }, () => {
    const length = random.below(4);
    const key = Uint8Array.from({ length }, () => random.pick([0, 1, 0x61, 0x62, 0xfe, 0xff]));
    const bytes = random.chance(0.1) ? 3000 : random.below(20);
    const fill = random.below(256);
    const value = random.chance(0.3) ? undefined : new Uint8Array(bytes).fill(fill);
    return { section: random.pick([0, 1, 15]), key, value };
  });
}

export function randomRange(random: Random): StateRange {
  const bound = () => {
    if (random.chance(0.3)) return undefined;
    return Uint8Array.from({ length: random.below(3) }, () => random.pick([0, 0x61, 0xff]));
  };
  const section = random.pick([0, 1, 15]);
  return { section, from: bound(), to: bound(), isReverse: random.chance(0.5) };
}

/** The expected result of a scan. */
export function scanOf(content: Content, { section, from, to, isReverse }: StateRange): string[] {
  const rows = content.filter((row) => {
    const [room, key = ''] = row.split(' ');
    if (room !== hex(Uint8Array.of(section))) return false;
    return (from === undefined || key >= hex(from)) && (to === undefined || key < hex(to));
  });
  return isReverse ? rows.reverse() : rows;
}

export function named(section: number, rows: readonly StateRow[]): string[] {
  return rows.map(({ key, value }) => `${hex(Uint8Array.of(section))} ${hex(key)} ${hex(value)}`);
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** Hexadecimal digits are ordered as the bytes, and a space comes before all of them. */
function byName(one: string, other: string): number {
  return one < other ? -1 : 1;
}
