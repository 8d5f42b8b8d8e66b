/** What one run of a transaction has read, seen and is about to write: what it will hang on. */

import { KvError } from '../base/errors.ts';
import { MACHINE_LIMITS } from '../base/limits.ts';
import type { Check, Command, Operation } from '../machine/command.ts';
import type { Row } from '../machine/row.ts';
import type { RowsRead, SeenRange } from './core/call.ts';
import { invalid } from './options.ts';
import { nameOf, type OwnWrite, OwnWrites } from './own-writes.ts';
import type { SeenPages } from './seen-pages.ts';

/** What stands under a key as the run sees it; what it wrote itself has no version yet. */
export type ViewRow = Pick<Row, 'value' | 'version'>;

interface FootprintOptions {
  readonly read: (keys: readonly Uint8Array[]) => Promise<RowsRead>;
}

export class ReadWriteSet {
  readonly writes = new OwnWrites();
  readonly #read: FootprintOptions['read'];
  /** A key is read once: who asks again, in the same turn or later, is told the same. */
  readonly #reads = new Map<string, Promise<Row | undefined>>();
  /** What the run was told. */
  readonly #told = new Map<string, Check>();
  /** When it was told of what is absent. */
  readonly moments = new Map<Operation, number>();
  readonly #pages: SeenPages[] = [];
  #answers = 0;
  #isOpen = true;

  constructor({ read }: FootprintOptions) {
    this.#read = read;
  }

  /** Whoever forgot to wait for a call of the run finds it closed. */
  end(): void {
    this.#isOpen = false;
  }

  assertOpen(): void {
    if (!this.#isOpen) throw invalid('the transaction is over; wait for its calls inside of it');
  }

  async rowsOf(keys: readonly Uint8Array[]): Promise<readonly (ViewRow | undefined)[]> {
    this.assertOpen();
    // What is written while these are on their way comes behind them.
    const own = keys.map((key) => this.writes.of(key));
    const strange = keys.filter((key, at) => own[at] === undefined && !this.#isRead(key));
    if (strange.length > 0) this.#ask(strange);
    return Promise.all(
      keys.map((key, at) => {
        const write = own[at];
        return write === undefined ? this.#reads.get(nameOf(key)) : viewOf(write);
      }),
    );
  }

  write(write: OwnWrite): void {
    this.assertOpen();
    this.writes.put(write);
    this.#assertBounds();
  }

  /** From now on its checks are among those of the run. */
  watch(pages: SeenPages): void {
    this.#pages.push(pages);
  }

  get checks(): readonly Check[] {
    return [...this.#told.values()];
  }

  get ranges(): readonly SeenRange[] {
    return this.#pages.flatMap(({ checks }) => checks);
  }

  /** Checks first, so that the writes have no part in which position a check has. */
  get command(): Command {
    return [...this.checks, ...this.writes.operations];
  }

  /** All that was told came with one answer of one shard: no need to ask whether it was so. */
  get isOneMoment(): boolean {
    return this.#answers + this.ranges.length <= 1;
  }

  #isRead(key: Uint8Array): boolean {
    return this.#reads.has(nameOf(key));
  }

  #ask(keys: readonly Uint8Array[]): void {
    const reading = this.#read(keys).then(
      (result) => {
        this.#tell(keys, result);
        return result.rows;
      },
      (error: unknown) => {
        // It may be asked for again.
        for (const key of keys) this.#reads.delete(nameOf(key));
        throw error;
      },
    );
    for (const [at, key] of keys.entries()) {
      const row = reading.then((rows) => rows[at]);
      row.catch(ignore);
      this.#reads.set(nameOf(key), row);
    }
  }

  /** What comes when the run is over has told it nothing. */
  #tell(keys: readonly Uint8Array[], { rows, seenAt, isOneMoment }: RowsRead): void {
    if (!this.#isOpen) return;
    this.#answers += isOneMoment ? 1 : 2;
    for (const [at, key] of keys.entries()) {
      const version = rows[at]?.version ?? 0;
      const check: Check = { type: 'check-version', key, version };
      this.#told.set(nameOf(key), check);
      if (version === 0) this.moments.set(check, seenAt[at] ?? 0);
    }
    this.#assertBounds();
  }

  #assertBounds(): void {
    const { operationsMax } = MACHINE_LIMITS;
    const operations = this.#told.size + this.writes.count;
    if (operations <= operationsMax) return;
    const message = `the transaction has ${operations} operations, the most are ${operationsMax}`;
    throw new KvError({ code: 'command-too-large', outcome: 'notApplied', message });
  }
}

export function viewOf(write: OwnWrite): ViewRow | undefined {
  return write.type === 'set' ? { value: write.value, version: 0 } : undefined;
}

function ignore(): void {}
