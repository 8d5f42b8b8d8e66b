/** What is committed and not applied yet, in order. */

import type { LogEntry } from '../raft/message.ts';

export class ApplyQueue {
  #entries: LogEntry[] = [];
  /** What stands before it was applied. */
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

  /** The first was applied. */
  shift(): void {
    this.#at += 1;
    if (this.isEmpty) this.clear();
  }

  clear(): void {
    this.#entries = [];
    this.#at = 0;
  }
}
