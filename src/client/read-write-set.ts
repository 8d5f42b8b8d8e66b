/** The read-write set: what one run of a transaction has read, seen in ranges, and will write. */

import { KvError } from '../base/errors.ts';
import { MACHINE_LIMITS } from '../base/limits.ts';
import type { Check, Command, Operation } from '../machine/command.ts';
import type { Row } from '../machine/row.ts';
import type { RowsRead, SeenRange } from './core/call.ts';
import { invalid } from './options.ts';
import { nameOf, type OwnWrite, OwnWrites } from './own-writes.ts';
import type { SeenPages } from './seen-pages.ts';

/** The value of a key as the run sees it; its own write has no version and no expiry yet. */
type ViewRow = Pick<Row, 'value' | 'version'> & Partial<Pick<Row, 'expiresAt'>>;

/** A row, and the clock of the client less the log time of its shard when it was read. */
export interface SeenRow {
  readonly row: ViewRow | undefined;
  readonly clock: number;
}

interface ReadWriteSetOptions {
  readonly read: (keys: readonly Uint8Array[]) => Promise<RowsRead>;
}

export class ReadWriteSet {
  readonly writes = new OwnWrites();
  readonly #read: ReadWriteSetOptions['read'];
  /** A key is read once: later reads of the run return the same. */
  readonly #reads = new Map<string, Promise<SeenRow>>();
  /** The rows that the run was given. */
  readonly #told = new Map<string, Check>();
  /** The applied index at which a key was absent. */
  readonly moments = new Map<Operation, number>();
  readonly #pages: SeenPages[] = [];
  #answers = 0;
  #isOpen = true;

  constructor({ read }: ReadWriteSetOptions) {
    this.#read = read;
  }

  /** A call that the function does not await may come after the end of the run. */
  end(): void {
    this.#isOpen = false;
  }

  assertOpen(): void {
    if (!this.#isOpen)
      throw invalid('the transaction has ended; await its calls inside of the function');
  }

  async rowsOf(keys: readonly Uint8Array[]): Promise<readonly SeenRow[]> {
    this.assertOpen();
    // A write that is made while these reads are in flight does not change their result.
    const own = keys.map((key) => this.writes.of(key));
    const strange = keys.filter((key, at) => own[at] === undefined && !this.#isRead(key));
    if (strange.length > 0) this.#ask(strange);
    return Promise.all(
      keys.map((key, at) => {
        const write = own[at];
        return write === undefined
          ? (this.#reads.get(nameOf(key)) as Promise<SeenRow>)
          : { row: viewOf(write), clock: 0 };
      }),
    );
  }

  write(write: OwnWrite): void {
    this.assertOpen();
    this.writes.put(write);
    this.#assertBounds();
  }

  /** From now on its checks belong to the run. */
  watch(pages: SeenPages): void {
    this.#pages.push(pages);
  }

  get checks(): readonly Check[] {
    return [...this.#told.values()];
  }

  get ranges(): readonly SeenRange[] {
    return this.#pages.flatMap(({ checks }) => checks);
  }

  /** Checks come first, so that writes do not change the position of a check. */
  get command(): Command {
    return [...this.checks, ...this.writes.operations];
  }

  /** All rows came with one answer of one shard: no validation is needed. */
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
        return result;
      },
      (error: unknown) => {
        // It may be read again.
        for (const key of keys) this.#reads.delete(nameOf(key));
        throw error;
      },
    );
    for (const [at, key] of keys.entries()) {
      const row = reading.then(({ rows, clocks }) => ({ row: rows[at], clock: clocks[at] ?? 0 }));
      row.catch(ignore);
      this.#reads.set(nameOf(key), row);
    }
  }

  /** Rows that come after the end of the run do not count. */
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
    const limit = `the limit is ${operationsMax} (operationsMax)`;
    const message = `transaction has ${operations} operations; ${limit}`;
    throw new KvError({ code: 'command-too-large', outcome: 'notApplied', message });
  }
}

export function viewOf(write: OwnWrite): ViewRow | undefined {
  return write.type === 'set' ? { value: write.value, version: 0 } : undefined;
}

function ignore(): void {}
