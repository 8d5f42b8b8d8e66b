/** The writes of a transaction: by key, and in the order of keys. */

import { compareBytes } from '../base/bytes.ts';
import type { Operation } from '../machine/command.ts';
import { isWithin, type KeyRange } from './core/range.ts';

/** One for each key: the last write, or what several ones do together. */
export type OwnWrite = Extract<
  Operation,
  { type: 'set' | 'delete' | 'add' | 'min' | 'max' | 'append' }
>;
/** The key is there afterwards. */
type OwnPut = Exclude<OwnWrite, { type: 'delete' }>;

export class OwnWrites {
  /** In the order in which their keys were written first. */
  readonly #byName = new Map<string, OwnWrite>();
  /** In the order of keys; made when it is first needed. */
  #sorted: Uint8Array[] | undefined;
  #deletes = 0;

  get count(): number {
    return this.#byName.size;
  }

  get deletes(): number {
    return this.#deletes;
  }

  get operations(): readonly OwnWrite[] {
    return [...this.#byName.values()];
  }

  of(key: Uint8Array): OwnWrite | undefined {
    return this.#byName.size === 0 ? undefined : this.#byName.get(nameOf(key));
  }

  put(write: OwnWrite): void {
    const name = nameOf(write.key);
    const former = this.#byName.get(name);
    if (former?.type === 'delete') this.#deletes -= 1;
    if (write.type === 'delete') this.#deletes += 1;
    this.#byName.set(name, write);
    if (former === undefined) this.#sorted?.splice(this.#placeOf(write.key), 0, write.key);
  }

  /** The next put of the range after a key, or the first one. */
  next({ range, isReverse, behind }: NextTerms): OwnPut | undefined {
    this.#sorted ??= [...this.#byName.values()].map(({ key }) => key).sort(compareBytes);
    const sorted = this.#sorted;
    let at = isReverse ? this.#lastPlace(range, behind) : this.#firstPlace(range, behind);
    for (let key = sorted[at]; key !== undefined; key = sorted[at]) {
      if (!isWithin(key, range)) return undefined;
      const write = this.of(key);
      if (write !== undefined && write.type !== 'delete') return write;
      at += isReverse ? -1 : 1;
    }
    return undefined;
  }

  #firstPlace({ from }: KeyRange, behind: Uint8Array | undefined): number {
    if (behind === undefined) return this.#placeOf(from);
    const at = this.#placeOf(behind);
    const found = this.#sorted?.[at];
    return found !== undefined && compareBytes(found, behind) === 0 ? at + 1 : at;
  }

  #lastPlace({ to }: KeyRange, behind: Uint8Array | undefined): number {
    const end = behind ?? to;
    return (end.length === 0 ? (this.#sorted?.length ?? 0) : this.#placeOf(end)) - 1;
  }

  /** The position of the first key that is not before this one. */
  #placeOf(key: Uint8Array): number {
    const sorted = this.#sorted ?? [];
    let low = 0;
    let high = sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compareBytes(sorted[middle] as Uint8Array, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

interface NextTerms {
  readonly range: KeyRange;
  readonly isReverse: boolean;
  readonly behind: Uint8Array | undefined;
}

/** The key as a map key: equal only for equal bytes. */
export function nameOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1');
}
