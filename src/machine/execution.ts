/** Executes the commands of one entry: checks first, then reads and writes, all or nothing. */

import { assert, present, unreachable } from '../base/assert.ts';
import { areEqual } from '../base/bytes.ts';
import type { Writer } from '../base/message-pack.ts';
import { NO_BYTES } from '../base/message-pack.ts';
import type {
  AppendValue,
  Arithmetic,
  Check,
  Command,
  FenceCheck,
  LeaseReference,
  Operation,
  SetValue,
  Touch,
} from './command.ts';
import { CoordinatedCommands } from './coordinated-commands.ts';
import type { Coordination } from './coordination.ts';
import { computed, decodeInteger, encodeInteger } from './int64.ts';
import type { ChangeKind, ChangeRecorder } from './key-change.ts';
import { isWrite } from './operation-codec.ts';
import { type Output, outputBytesMax, type Reason, type Reply } from './reply.ts';
import { decodeRow, type Row, writeRow } from './row.ts';
import { ENDLESS, reindex } from './row-index.ts';
import { LOST, type RowWrite, SECTION, type StateSource } from './section.ts';
import { type CommandResult, SILENT } from './session.ts';
import type { Contender, TransactionId } from './transaction-id.ts';
import type { WorkMeter } from './work.ts';
import { WrittenKeys } from './written-keys.ts';

interface ExecutionOptions {
  readonly source: StateSource;
  /** Takes the written rows; they are views of it. */
  readonly writer: Writer;
  readonly writes: RowWrite[];
  /** Leases that its commands open are of this client. */
  readonly client: Uint8Array;
  readonly coordination: Coordination;
  readonly logTime: number;
  readonly leaseTime: number;
  /** The index of the entry, or of the one that prepared the part. */
  readonly version: number;
  readonly operations: number;
  /** The largest value: from the entry, or unbounded for a command that was judged before. */
  readonly valueBytesMax: number;
  /** Of the entry. */
  readonly work: WorkMeter;
  /** Takes the changes; undefined if the commands are only tried. */
  readonly recorder: ChangeRecorder | undefined;
  /** Whose changes they are; undefined for those of a batch. */
  readonly transaction: TransactionId | undefined;
  /** The transaction that locks what an operation needs, if there is one. */
  readonly holderFor: (operation: Operation) => Contender | undefined;
}

/** A command meets a lock: nothing is decided, nothing is remembered. */
export type Held = Extract<Reply, { type: 'locked' }>;

/** The entry's budget ends before the command: nothing is decided, nothing is remembered. */
export type EntryFull = { readonly type: 'entry-full' };
const ENTRY_FULL: EntryFull = { type: 'entry-full' };

/** One table serves all executions: applying is synchronous. */
const written = new WrittenKeys();

const OUTPUTS_HEADER_BYTES = 8;

/** An operation depends on a value that was lost. */
class ValueLost extends Error {}

export class Execution {
  readonly #source: StateSource;
  readonly #writer: Writer;
  readonly #writes: RowWrite[];
  readonly #options: ExecutionOptions;
  readonly #logTime: number;
  readonly #version: number;
  readonly #holderFor: ExecutionOptions['holderFor'];
  readonly #valueBytesMax: number;
  readonly #work: WorkMeter;
  readonly #recorder: ChangeRecorder | undefined;
  readonly #transaction: TransactionId | undefined;
  /** A single operation cannot conflict with others. */
  readonly #isAlone: boolean;
  #outputs: Output[] = [];
  #resultBytesLeft = 0;
  /** Of the current operation. */
  #position = 0;
  /** No earlier command of the entry has cost anything. */
  #isFirst = true;
  /** The command concerns leases, tickets or fences, which change once it has succeeded. */
  #coordinates = false;
  /** Of the entry; made when the first command needs it. */
  #coordinated: CoordinatedCommands | undefined;

  constructor(options: ExecutionOptions) {
    this.#source = options.source;
    this.#writer = options.writer;
    this.#writes = options.writes;
    this.#options = options;
    this.#logTime = options.logTime;
    this.#version = options.version;
    this.#holderFor = options.holderFor;
    this.#valueBytesMax = options.valueBytesMax;
    this.#work = options.work;
    this.#recorder = options.recorder;
    this.#transaction = options.transaction;
    this.#isAlone = options.operations === 1;
    if (!this.#isAlone) written.begin(options.operations);
  }

  /**
   * The outputs take up to `resultBytesMax`, or the command is refused. A command that costs more
   * than is left of the entry's budget is refused for good if it is the first of the entry that
   * costs anything; any other one finds the entry full, and may be asked for again.
   */
  run(command: Command, resultBytesMax: number): CommandResult | Held | EntryFull {
    const verdict = this.#evaluate(command, resultBytesMax);
    if (this.#coordinates && verdict.type === 'done') {
      for (const operation of command) this.#coordination.settle(operation);
    }
    return verdict;
  }

  #evaluate(command: Command, resultBytesMax: number): CommandResult | Held | EntryFull {
    this.#coordinates = false;
    const held = this.#heldIn(command);
    if (held !== undefined) return held;
    this.#isFirst = this.#work.bytes === 0;
    if (this.#work.isOver) return ENTRY_FULL;
    this.#coordinated?.beginCommand();
    const keys = written.count;
    const writes = this.#writes.length;
    const changes = this.#recorder?.length ?? 0;
    this.#outputs = [];
    this.#resultBytesLeft = resultBytesMax - OUTPUTS_HEADER_BYTES;
    const verdict = this.#judge(command);
    if (verdict !== undefined) {
      this.#writes.length = writes;
      this.#recorder?.cutTo(changes);
      if (!this.#isAlone) written.cutTo(keys);
      const isFull = verdict.type === 'refused' && verdict.reason === 'too-much-work';
      return isFull && !this.#isFirst ? ENTRY_FULL : verdict;
    }
    this.#recorder?.end(this.#transaction);
    return this.#outputs.length === 0 ? SILENT : { type: 'done', outputs: this.#outputs };
  }

  /**
   * Like `run`, but writes nothing: `redo` does it later. Only leases are opened now: later an
   * opening could not be told from one that has ended meanwhile. Required: no recorder.
   */
  try(command: Command, resultBytesMax: number): CommandResult | Held | EntryFull {
    assert(this.#recorder === undefined, 'what is only tried has no changes');
    const { length } = this.#writes;
    const verdict = this.#evaluate(command, resultBytesMax);
    this.#writes.length = length;
    if (this.#coordinates && verdict.type === 'done') {
      for (const operation of command) {
        if (operation.type === 'set') this.#coordination.settle(operation);
      }
    }
    return verdict;
  }

  /** Executes a command that `try` accepted. Required: its keys have not changed since. */
  redo(command: Command): void {
    this.#outputs = [];
    for (const operation of command) {
      if (operation.type === 'fence') this.#coordination.settle(operation);
      const reason = isWrite(operation) ? this.#redoOne(operation) : undefined;
      assert(reason === undefined, 'a prepared part succeeds when it is resolved');
    }
    this.#recorder?.end(this.#transaction);
  }

  /** An addition to a value that was lost meanwhile is lost with it. */
  #redoOne(operation: Operation): Reason | undefined {
    try {
      // The transaction took effect, and then the lease ended: no key outlives its lease.
      const isOver = operation.type === 'set' && this.#isOver(operation.lease);
      return isOver ? this.#delete(operation.key, 'lease-ended') : this.#do(operation);
    } catch (error) {
      if (!(error instanceof ValueLost)) throw error;
      return undefined;
    }
  }

  #isOver(lease: LeaseReference | undefined): boolean {
    return lease !== undefined && !this.#coordination.isAlive(lease);
  }

  #judge(command: Command): CommandResult | undefined {
    try {
      return this.#decide(command) ?? this.#act(command);
    } catch (error) {
      if (!(error instanceof ValueLost)) throw error;
      return refused('value-lost', this.#position);
    }
  }

  #heldIn(command: Command): Held | undefined {
    for (let position = 0; position < command.length; position++) {
      const holder = this.#holderFor(command[position] as Operation);
      if (holder !== undefined) return { type: 'locked', position, holder };
    }
    return undefined;
  }

  /** Decides without writing. */
  #decide(command: Command): CommandResult | undefined {
    for (let position = 0; position < command.length; position++) {
      const operation = command[position] as Operation;
      this.#position = position;
      if (!this.#isAlone && this.#isTaken(operation)) return refused('key-twice', position);
      switch (operation.type) {
        case 'check-version':
        case 'check-value':
        case 'check-presence': {
          const row = this.#rowAt(operation.key);
          if (this.#work.isOver) return refused('too-much-work', position);
          if (doesHold(operation, row)) break;
          return { type: 'check-failed', position, version: row?.version ?? 0 };
        }
        case 'fence': {
          const failed = this.#checkFence(operation, position);
          if (failed !== undefined) return failed;
          break;
        }
        default:
          break;
      }
    }
    return undefined;
  }

  /** An earlier command of the entry has written what the operation reads or writes. */
  #isTaken(operation: Operation): boolean {
    switch (operation.type) {
      case 'acquire':
      case 'release':
      case 'end-lease':
        return this.#coordinated?.isTaken(operation) ?? false;
      case 'fence':
        return false;
      default:
        return written.has(operation.key);
    }
  }

  /** A newer owner has written: its token is told as the version that is there. */
  #checkFence(fence: FenceCheck, position: number): CommandResult | undefined {
    const objection = this.#coordination.objectionToFence(fence);
    if (objection === undefined) return undefined;
    if (typeof objection === 'string') return refused(objection, position);
    return { type: 'check-failed', position, version: objection };
  }

  #act(command: Command): CommandResult | undefined {
    for (let position = 0; position < command.length; position++) {
      const operation = command[position] as Operation;
      this.#position = position;
      const isSecond = !this.#isAlone && isWrite(operation) && !written.add(operation.key);
      const reason = isSecond ? 'key-twice' : this.#do(operation);
      if (reason !== undefined) return refused(reason, position);
      if (this.#isTooMuch) return refused('result-too-large', position);
      if (this.#work.isOver) return refused('too-much-work', position);
    }
    return undefined;
  }

  #do(operation: Operation): Reason | undefined {
    switch (operation.type) {
      case 'check-version':
      case 'check-value':
      case 'check-presence':
      // The leader evaluates it, once all keys of the transaction are locked.
      case 'check-range':
        return undefined;
      case 'get': {
        const row = this.#rowAt(operation.key);
        this.#say({ type: 'row', row });
        return undefined;
      }
      case 'set':
        return operation.lease === undefined
          ? this.#set(operation.key, operation.value, operation.lifeMilliseconds)
          : this.#attach(operation, operation.lease);
      case 'delete':
        return this.#delete(operation.key);
      case 'add':
      case 'min':
      case 'max':
        return this.#compute(operation);
      case 'append':
        return this.#append(operation);
      case 'touch':
        return this.#touch(operation);
      case 'acquire':
      case 'release':
      case 'end-lease': {
        const answer = this.#coordination.answerTo(operation);
        if (typeof answer === 'string') return answer;
        this.#say(answer);
        return undefined;
      }
      case 'fence':
        return undefined;
      default:
        return unreachable(operation);
    }
  }

  /** A put without expiry does not read the old row: an old index row is left to go stale. */
  #set(key: Uint8Array, value: Uint8Array, lifeMilliseconds: number): undefined {
    const expiresAt = this.#endOf(lifeMilliseconds);
    let former: Former = 'not-read';
    if (expiresAt > 0) {
      former = this.#rowOrLost(key);
      reindex(key, former, { expiresAt, lease: undefined }, this.#writes);
    }
    this.#write(key, { version: this.#version, expiresAt, value, lease: undefined });
    this.#record('set', key, value, former);
    return undefined;
  }

  /** The key goes when the lease ends. */
  #attach({ key, value }: SetValue, lease: LeaseReference): Reason | undefined {
    const reason = this.#coordination.objectionTo(lease);
    if (reason !== undefined) return reason;
    const row = { version: this.#version, expiresAt: 0, value, lease: lease.id };
    const former = this.#rowOrLost(key);
    reindex(key, former, row, this.#writes);
    this.#write(key, row);
    this.#record('set', key, value, former);
    return undefined;
  }

  /** What the command does to leases, tickets and fences is done when it has succeeded. */
  get #coordination(): CoordinatedCommands {
    this.#coordinates = true;
    this.#coordinated ??= new CoordinatedCommands(this.#options);
    return this.#coordinated;
  }

  #delete(key: Uint8Array, kind: ChangeKind = 'delete'): undefined {
    const row = this.#rowOrLost(key);
    if (row === 'lost') this.#writes.push({ section: SECTION.values, key, value: undefined });
    else if (row !== undefined) {
      reindex(key, row, ENDLESS, this.#writes);
      const { version: removed } = row;
      this.#writes.push({ section: SECTION.values, key, value: undefined, removed });
    }
    if (row !== undefined) this.#record(kind, key, undefined, row);
    this.#say({ type: 'presence', wasThere: row !== undefined });
  }

  #compute(operation: Arithmetic): Reason | undefined {
    const { key } = operation;
    const row = this.#rowAt(key);
    const before = row === undefined ? undefined : decodeInteger(row.value);
    if (row !== undefined && before === undefined) return 'not-a-number';
    const after = computed(operation.type, operation.operand, before);
    if (after === undefined) return 'overflow';
    const expiresAt = this.#keptExpiry(operation, row);
    const value = encodeInteger(after);
    this.#write(key, { version: this.#version, expiresAt, value, lease: row?.lease });
    this.#record('set', key, value, row);
    this.#say({ type: 'integer', value: after });
    return undefined;
  }

  #append(operation: AppendValue): Reason | undefined {
    const { key, value } = operation;
    const row = this.#rowAt(key);
    const before = row?.value ?? NO_BYTES;
    const length = before.length + value.length;
    if (length > this.#valueBytesMax) return 'value-too-large';
    // Checked before memory is allocated.
    if (!this.#work.allows(length)) return 'too-much-work';
    const joined = new Uint8Array(length);
    joined.set(before);
    joined.set(value, before.length);
    const expiresAt = this.#keptExpiry(operation, row);
    this.#write(key, { version: this.#version, expiresAt, value: joined, lease: row?.lease });
    this.#record('set', key, joined, row);
    this.#say({ type: 'appended', length });
    return undefined;
  }

  /** An existing key keeps its expiry; one that is created begins its life now. */
  #keptExpiry({ key, lifeMilliseconds }: Arithmetic | AppendValue, row: Row | undefined): number {
    if (row !== undefined) return row.expiresAt;
    const expiresAt = this.#endOf(lifeMilliseconds);
    reindex(key, undefined, { expiresAt, lease: undefined }, this.#writes);
    return expiresAt;
  }

  #endOf(lifeMilliseconds: number): number {
    return lifeMilliseconds > 0 ? this.#logTime + lifeMilliseconds : 0;
  }

  /** The row keeps its version, so checks of other transactions on this key still hold. */
  #touch({ key, lifeMilliseconds }: Touch): undefined {
    const found = this.#rowAt(key);
    const row = found?.lease === undefined ? found : undefined;
    const expiresAt = this.#endOf(lifeMilliseconds);
    // What it costs must not depend on the time: a part is resolved later than it is prepared.
    if (row !== undefined && (row.expiresAt > 0 || expiresAt > 0)) {
      const after = { ...row, expiresAt };
      reindex(key, row, after, this.#writes);
      this.#write(key, after);
    }
    this.#say({ type: 'presence', wasThere: row !== undefined });
  }

  /** Throws `ValueLost`: writing anew and deleting do not need the row. */
  #rowAt(key: Uint8Array): Row | undefined {
    const row = this.#rowOrLost(key);
    if (row === 'lost') throw new ValueLost();
    return row;
  }

  #rowOrLost(key: Uint8Array): Row | 'lost' | undefined {
    const bytes = this.#source.get(SECTION.values, key);
    if (bytes === undefined) return undefined;
    if (bytes === LOST) return 'lost';
    this.#work.add(bytes.length);
    return present(decodeRow(bytes), 'a row is one');
  }

  #record(kind: ChangeKind, key: Uint8Array, value: Uint8Array | undefined, former: Former): void {
    const recorder = this.#recorder;
    if (recorder === undefined) return;
    if (!recorder.isRecording) return recorder.skip();
    const previous = former === 'not-read' ? this.#storedVersion(key) : versionOf(former);
    recorder.note({ kind, key, previous, version: this.#version, value });
  }

  /** Not counted as work: what an entry may do must not depend on whether it is recorded. */
  #storedVersion(key: Uint8Array): number {
    const bytes = this.#source.get(SECTION.values, key);
    if (bytes === undefined || bytes === LOST) return 0;
    return present(decodeRow(bytes), 'a row is one').version;
  }

  #write(key: Uint8Array, row: Row): void {
    const { length } = this.#writer;
    writeRow(this.#writer, row);
    this.#work.add(this.#writer.length - length);
    this.#writes.push({ section: SECTION.values, key, value: this.#writer.since(length) });
  }

  get #isTooMuch(): boolean {
    return this.#outputs.length > 0 && this.#resultBytesLeft < 0;
  }

  #say(output: Output): void {
    this.#outputs.push(output);
    this.#resultBytesLeft -= outputBytesMax(output);
  }
}

/** The row that an operation replaces, if it had to be read. */
type Former = Row | 'lost' | 'not-read' | undefined;

function versionOf(row: Row | 'lost' | undefined): number {
  return row === undefined || row === 'lost' ? 0 : row.version;
}

/** Also for leaders, which evaluate checks without an entry. */
export function doesHold(check: Check, row: Row | undefined): boolean {
  switch (check.type) {
    case 'check-version':
      return check.version === (row?.version ?? 0);
    case 'check-value':
      return row !== undefined && areEqual(row.value, check.value);
    case 'check-presence':
      return check.isThere === (row !== undefined);
    default:
      return unreachable(check);
  }
}

function refused(reason: Reason, position: number): CommandResult {
  return { type: 'refused', reason, position };
}
