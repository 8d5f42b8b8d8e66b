/** The small machine of the transcripts: a list of the applied commands, in order. */

import type { LogEntry } from '../../../src/raft/message.ts';

/** One applied command; the index tells where a snapshot has to stop. */
interface Line {
  readonly index: number;
  readonly text: string;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class ListMachine {
  #lines: readonly Line[] = [];
  #applied = 0;

  get applied(): number {
    return this.#applied;
  }

  get texts(): readonly string[] {
    return this.#lines.map(({ text }) => text);
  }

  apply(entry: LogEntry): void {
    if (entry.index !== this.#applied + 1) throw new Error(`applied out of order: ${entry.index}`);
    this.#applied = entry.index;
    if (entry.kind !== 'command') return;
    this.#lines = [...this.#lines, { index: entry.index, text: decoder.decode(entry.payload) }];
  }

  /** The state as it was at an index not beyond the present one. */
  contentAt(index: number): Uint8Array {
    if (index > this.#applied) throw new Error(`${index} is not applied yet`);
    const lines = this.#lines.filter((line) => line.index <= index);
    return encoder.encode(lines.map((line) => `${line.index}:${line.text}`).join(' '));
  }

  restore(checkpoint: { readonly index: number; readonly content: Uint8Array }): void {
    const words = decoder.decode(checkpoint.content).split(' ').filter(Boolean);
    this.#applied = checkpoint.index;
    this.#lines = words.map((word) => {
      const colon = word.indexOf(':');
      return { index: Number(word.slice(0, colon)), text: word.slice(colon + 1) };
    });
  }
}
