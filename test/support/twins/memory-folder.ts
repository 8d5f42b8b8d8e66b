/** The names of files in memory: which of them are durable, and the changes in flight. */

import type { Random } from '../../../src/base/random.ts';
import type { FileEntry } from '../../../src/storage/files/files.ts';
import { MemoryFile } from './memory-file.ts';

/** `to` names `file` from now on, and `from` no file. */
interface NameChange {
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly file: MemoryFile;
}

export class MemoryFolder {
  #durable = new Map<string, MemoryFile>();
  #visible = new Map<string, MemoryFile>();
  #pending: NameChange[] = [];

  get size(): number {
    let size = 0;
    for (const file of this.#visible.values()) size += file.written.length;
    return size;
  }

  get(name: string): MemoryFile | undefined {
    return this.#visible.get(name);
  }

  list(): readonly FileEntry[] {
    return [...this.#visible]
      .map(([name, file]) => ({ name, size: file.written.length }))
      .sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  /** Each file that may exist after a crash. */
  files(): ReadonlySet<MemoryFile> {
    const pending = this.#pending.map(({ file }) => file);
    return new Set([...this.#durable.values(), ...this.#visible.values(), ...pending]);
  }

  create(name: string, file: MemoryFile): void {
    this.#change({ from: undefined, to: name, file });
  }

  rename(from: string, to: string): void {
    const file = this.#visible.get(from);
    if (file !== undefined) this.#change({ from, to, file });
  }

  remove(name: string): void {
    const file = this.#visible.get(name);
    if (file !== undefined) this.#change({ from: name, to: undefined, file });
  }

  #change(change: NameChange): void {
    apply(this.#visible, change);
    this.#pending.push(change);
  }

  /** The changes that a sync requested now covers. */
  mark(): readonly NameChange[] {
    return [...this.#pending];
  }

  sync(covered: readonly NameChange[]): void {
    for (const change of this.#pending) if (covered.includes(change)) apply(this.#durable, change);
    this.#pending = this.#pending.filter((change) => !covered.includes(change));
  }

  /** Any subset of the changes remains, in order. */
  crash(random: Random): void {
    const kept = random.below(this.#pending.length + 1);
    const isPrefix = random.chance(0.5);
    this.#pending.forEach((change, at) => {
      if (isPrefix ? at < kept : random.chance(0.5)) apply(this.#durable, change);
    });
    this.#pending = [];
    this.#visible = new Map(this.#durable);
  }

  image(): Map<string, Uint8Array> {
    return new Map([...this.#visible].map(([name, file]) => [name, file.written.slice()]));
  }

  restore(image: ReadonlyMap<string, Uint8Array>): void {
    this.#pending = [];
    this.#durable = new Map();
    for (const [name, bytes] of image) {
      const file = new MemoryFile(0);
      file.fill(bytes);
      this.#durable.set(name, file);
    }
    this.#visible = new Map(this.#durable);
  }
}

function apply(names: Map<string, MemoryFile>, { from, to, file }: NameChange): void {
  // A file has one name, even if a change between two remaining ones is lost.
  for (const [name, other] of names) {
    if (other === file && (name === from || to !== undefined)) names.delete(name);
  }
  if (to !== undefined) names.set(to, file);
}
