/** What is known of one shard from all its replicas together. */

import type { MemberId } from '../../src/base/ids.ts';
import type { PlacedConfiguration } from '../../src/raft/configuration.ts';
import type { LogEntry } from '../../src/raft/message.ts';

/** One entry that some log held, of possibly several at its index. */
export interface Cell {
  readonly term: number;
  readonly hash: number;
  readonly previousTerm: number;
  readonly next: Cell | undefined;
}

export interface AppliedEntry {
  readonly entry: LogEntry;
  readonly hash: number;
  /** When the first replica applied it. */
  readonly time: number;
}

export class Truth {
  readonly cells: (Cell | undefined)[] = [];
  /** By index; index 0 is empty. */
  readonly applied: (AppliedEntry | undefined)[] = [undefined];
  readonly indexOfOperation = new Map<number, number>();
  readonly leaders = new Map<number, MemberId>();
  commit = 0;
  /** Up to which index each term's leader committed, both rising. */
  readonly commits: { readonly term: number; index: number }[] = [];
  /** Every configuration that was in some log, in the order in which they appeared. */
  readonly configurations: PlacedConfiguration[] = [];

  cellAt(index: number, term: number): Cell | undefined {
    let cell = this.cells[index];
    while (cell !== undefined && cell.term !== term) cell = cell.next;
    return cell;
  }

  addCell(index: number, cell: Omit<Cell, 'next'>): void {
    this.cells[index] = { ...cell, next: this.cells[index] };
  }

  /** The greatest index that was committed in a term before this one. */
  committedBefore(term: number): number {
    const found = this.commits.findLast((commit) => commit.term < term);
    return found?.index ?? 0;
  }

  advance(index: number, term: number): void {
    this.commit = index;
    const last = this.commits[this.commits.length - 1];
    if (last !== undefined && last.term >= term) last.index = index;
    else this.commits.push({ term, index });
  }

  /** Those that are in force somewhere or may become so. */
  possibleConfigurations(): PlacedConfiguration[] {
    const standing = this.configurations.filter((placed) => !this.isOverwritten(placed));
    const settled = standing.filter(({ at }) => at.index <= this.commit);
    const newest = Math.max(...settled.map(({ at }) => at.index));
    return standing.filter(({ at }) => at.index >= newest);
  }

  /** Another entry was committed in its place: it was never in force for certain. */
  isOverwritten({ at }: PlacedConfiguration): boolean {
    const applied = this.applied[at.index];
    return applied !== undefined && applied.entry.term !== at.term;
  }
}
