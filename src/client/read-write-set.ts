/** The read-write set: what one run of a transaction has read, seen in ranges, and will write. */

import { KvError } from '../base/errors.ts';
import { MACHINE_LIMITS } from '../base/limits.ts';
import type { Check, Command, Operation } from '../machine/command.ts';
import type { Row } from '../machine/row.ts';
import { combined, isBlind, valueAfter } from './blind-write.ts';
import type { RowsRead, SeenRange } from './core/call.ts';
import { keyText } from './core/call-failure.ts';
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

type VersionCheck = Extract<Check, { type: 'check-version' }>;

interface ReadWriteSetOptions {
  readonly read: (keys: readonly Uint8Array[]) => Promise<RowsRead>;
}

export class ReadWriteSet {
  readonly writes = new OwnWrites();
  readonly #read: ReadWriteSetOptions['read'];
  /** A key is read once: later reads of the run return the same. */
  readonly #reads = new Map<string, Promise<SeenRow>>();
  /** The rows that the run was given. */
  readonly #told = new Map<string, VersionCheck>();
  /** What the run demands of keys that it need not have read. */
  readonly #demands = new Map<string, VersionCheck>();
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
    const strange = keys.filter((key, at) => {
      const write = own[at];
      return (write === undefined || isBlind(write)) && !this.#isRead(key);
    });
    if (strange.length > 0) this.#ask(strange);
    return Promise.all(
      keys.map(async (key, at) => {
        const write = own[at];
        // Undefined for a key that the run has set or deleted, whatever is stored.
        const stored = await this.#reads.get(nameOf(key));
        if (write === undefined) return stored as SeenRow;
        return { row: viewOf(write, stored?.row), clock: 0 };
      }),
    );
  }

  write(write: OwnWrite): void {
    this.assertOpen();
    this.writes.put(isBlind(write) ? combined(this.writes.of(write.key), write) : write);
    this.#assertBounds();
  }

  /** The transaction fails for good unless the key has this version when it takes effect. */
  demand(key: Uint8Array, version: number): void {
    this.assertOpen();
    const name = nameOf(key);
    const former = this.#demands.get(name) ?? { version };
    if (former.version !== version) {
      const versions = `${former.version} and ${version}`;
      throw invalid(`the transaction checks ${keyText(key)} for two versions: ${versions}`);
    }
    this.#demands.set(name, { type: 'check-version', key, version });
    this.#assertBounds();
  }

  /**
   * Reads the keys that are to be absent, of a run that writes nothing. A check finds a key absent
   * only at a moment of its shard; with the index of a read it holds from that moment on.
   */
  async readAbsences(): Promise<void> {
    const absent = [...this.#demands.values()].filter(({ version }) => version === 0);
    await this.rowsOf(absent.map(({ key }) => key));
  }

  /** Whether the check at this position of the command is one that the run demands. */
  isDemand(position: number): boolean {
    return position >= this.#told.size && position < this.checks.length;
  }

  /** From now on its checks belong to the run. */
  watch(pages: SeenPages): void {
    this.#pages.push(pages);
  }

  /** What was read; then what is demanded. */
  get checks(): readonly Check[] {
    return [...this.#told.values(), ...this.#demands.values()];
  }

  get reads(): readonly Check[] {
    return [...this.#told.values()];
  }

  get ranges(): readonly SeenRange[] {
    return this.#pages.flatMap(({ checks }) => checks);
  }

  /** Checks come first, so that writes do not change the position of a check. */
  get command(): Command {
    return [...this.checks, ...this.writes.operations];
  }

  get hasReadNothing(): boolean {
    return this.#told.size + this.ranges.length === 0;
  }

  /** All rows came with one answer of one shard: no validation is needed. */
  get isOneMoment(): boolean {
    return this.#answers + this.ranges.length <= 1 && this.#demands.size === 0;
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
      const check: VersionCheck = { type: 'check-version', key, version };
      this.#told.set(nameOf(key), check);
      if (version === 0) this.moments.set(check, seenAt[at] ?? 0);
    }
    this.#assertBounds();
  }

  #assertBounds(): void {
    const { operationsMax } = MACHINE_LIMITS;
    const operations = this.#told.size + this.#demands.size + this.writes.count;
    if (operations <= operationsMax) return;
    const limit = `the limit is ${operationsMax} (operationsMax)`;
    const message = `transaction has ${operations} operations; ${limit}`;
    throw new KvError({ code: 'command-too-large', outcome: 'notApplied', message });
  }
}

/** The stored row counts only for a write that computes with it. */
export function viewOf(write: OwnWrite, stored: ViewRow | undefined): ViewRow | undefined {
  if (write.type === 'delete') return undefined;
  const value = write.type === 'set' ? write.value : valueAfter(write, stored?.value);
  return { value, version: 0 };
}

function ignore(): void {}
