/** What is committed and not applied yet, in order. */

import type { Entry } from '../raft/message.ts';

export class ApplyQueue {
  #entries: Entry[] = [];
  /** What stands before it was applied. */
  #at = 0;

  get isEmpty(): boolean {
    return this.#at === this.#entries.length;
  }

  get first(): Entry | undefined {
    return this.#entries[this.#at];
  }

  add(entries: readonly Entry[]): void {
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
