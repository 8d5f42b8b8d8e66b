/**
 * Verifies the tables of an open store: each soon after it was written, and all of them
 * periodically, so that damage is found before LevelDB serves it or copies it into a new table.
 * Reads bypass LevelDB, at no more than `scrubBytesPerSecond`.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { monotoneNow } from '../../base/ambient.ts';
import { STATE_LIMITS } from '../limits.ts';
import type { TableFile } from './level-manifest.ts';
import { checkTable, type LevelDamage } from './level-table-check.ts';

interface LevelScrubOptions {
  readonly folder: string;
  /** Returns LevelDB's description of its complete tables. */
  readonly describe: () => string;
  /** Called once; the scrub ends then. */
  readonly onDamage: (damages: readonly LevelDamage[]) => void;
  /** The interval of asking LevelDB for new tables. */
  readonly lookMilliseconds?: number;
}

const MILLISECONDS_PER_SECOND = 1000;

export class LevelScrub {
  readonly #options: LevelScrubOptions;
  readonly #lookMilliseconds: number;
  readonly #stop = new AbortController();
  /** When each table was verified; the time of opening for those verified before. */
  readonly #soundAt = new Map<number, number>();
  readonly #ended: Promise<void>;
  /** Bytes and tables verified since the store was opened. */
  bytes = 0;
  tables = 0;

  constructor(options: LevelScrubOptions) {
    this.#options = options;
    this.#lookMilliseconds = options.lookMilliseconds ?? STATE_LIMITS.scrubLookMilliseconds;
    for (const { number } of this.#liveTables()) this.#soundAt.set(number, monotoneNow());
    this.#ended = this.#run();
  }

  /** Resolves when the scrub has no file open. */
  close(): Promise<void> {
    this.#stop.abort();
    return this.#ended;
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        const table = this.#dueTable();
        if (table === undefined) await this.#rest(this.#lookMilliseconds);
        else if (!(await this.#isSound(table))) return;
      } catch {
        // The scrub was stopped, or the process has no file descriptor left: the latter is retried.
        await this.#rest(this.#lookMilliseconds).catch(() => {});
      }
    }
  }

  #liveTables(): readonly TableFile[] {
    const lines = this.#options.describe().matchAll(/^ (\d+):(\d+)\[/gm);
    return [...lines].map(([, number, size]) => ({ number: Number(number), size: Number(size) }));
  }

  /** A new table comes first, then the one whose verification is oldest. */
  #dueTable(): TableFile | undefined {
    const live = this.#liveTables();
    const numbers = new Set(live.map(({ number }) => number));
    for (const number of this.#soundAt.keys()) {
      if (!numbers.has(number)) this.#soundAt.delete(number);
    }
    const unseen = live.find(({ number }) => !this.#soundAt.has(number));
    if (unseen !== undefined) return unseen;
    const until = monotoneNow() - STATE_LIMITS.scrubMilliseconds;
    const seenAt = ({ number }: TableFile) => this.#soundAt.get(number) ?? 0;
    const due = live.filter((table) => seenAt(table) < until);
    return due.sort((one, other) => seenAt(one) - seenAt(other))[0];
  }

  async #isSound(table: TableFile): Promise<boolean> {
    const pace = (bytes: number) => {
      this.bytes += bytes;
      return this.#rest((bytes / STATE_LIMITS.scrubBytesPerSecond) * MILLISECONDS_PER_SECOND);
    };
    const found = await checkTable(this.#options.folder, table, { pace });
    // LevelDB has deleted it meanwhile.
    if (found === 'gone') return true;
    this.tables += 1;
    this.#soundAt.set(table.number, monotoneNow());
    if (found.length === 0) return true;
    this.#options.onDamage(found);
    return false;
  }

  async #rest(milliseconds: number): Promise<void> {
    await sleep(milliseconds, undefined, { signal: this.#stop.signal, ref: false });
  }
}
