/** Committed entries that are not applied yet, in order. */

import type { LogEntry } from '../raft/message.ts';

export class ApplyQueue {
  #entries: LogEntry[] = [];
  /** Everything before it has been applied. */
  #at = 0;

  get isEmpty(): boolean {
    return this.#at === this.#entries.length;
  }

  get first(): LogEntry | undefined {
    return this.#entries[this.#at];
  }

  add(entries: readonly LogEntry[]): void {
    for (const entry of entries) this.#entries.push(entry);
  }

  /** The first entry has been applied. */
  shift(): void {
    this.#at += 1;
    if (this.isEmpty) this.clear();
  }

  clear(): void {
    this.#entries = [];
    this.#at = 0;
  }
}
