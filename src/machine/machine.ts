/** The state machine of a data shard: applies committed entries to its state. */

import { present, unreachable } from '../base/assert.ts';
import { MACHINE_LIMITS } from '../base/limits.ts';
import { NO_BYTES, Writer } from '../base/message-pack.ts';
import { decodeBatch } from './batch.ts';
import type { CommandBatch } from './command.ts';
import { Coordination } from './coordination.ts';
import { Lifetime, RememberedRequest } from './deduplication.ts';
import { decodeEntry, type MachineEntry, type TransactionStep } from './entry.ts';
import { Execution } from './execution.ts';
import { type ExpiryContext, expireRow } from './expiry.ts';
import { ChangeRecorder, type Changes } from './key-change.ts';
import type { Prepared } from './lock-table.ts';
import { encodeReply, type Reason, type Reply } from './reply.ts';
import { type RowWrite, SECTION, type StateSource } from './section.ts';
import { decodeSession, slotKeyOf, writeSession } from './session.ts';
import {
  decodeMetadata,
  NO_METADATA,
  passTo,
  type ShardMetadata,
  writeMetadata,
} from './shard-metadata.ts';
import { type Grant, NO_GRANTS } from './tickets.ts';
import type { ConcludingSteps, Participant, Resolution } from './transaction.ts';
import {
  decodeConclusion,
  decodeDecide,
  decodeIds,
  decodePrepare,
  decodePrevention,
  decodeResolutions,
} from './transaction-codec.ts';
import { type ApplyContext, NOTHING_FREED, replyOf, Transactions } from './transactions.ts';
import { RULES, WorkMeter } from './work.ts';

/** The effects of an entry, or that this machine does not know it. */
type Outcome =
  | {
      readonly type: 'applied';
      /** In order; bytes in them are valid until the next `apply` of any machine. Often none. */
      readonly writes: readonly RowWrite[];
      /** One for each command of a batch, in the caller's ownership; a malformed batch has one. */
      readonly replies: readonly Uint8Array[];
      /** Prepared parts that have released their locks. */
      readonly freed: readonly Prepared[];
      /** Bytes in them are valid as those of the writes. */
      readonly changes: Changes;
      /** Tickets that waited, and own their lock now or are gone. */
      readonly grants: readonly Grant[];
      /** Commands that were refused because a newer owner has written. */
      readonly fenced: number;
    }
  /**
   * An entry of a later version: the replica has to stop, because no later entry can be applied.
   */
  | { readonly type: 'unknown' };

/** Buffers serve all machines: applying is synchronous, and the store copies what it keeps. */
const rows = new Writer();
const verdicts = new Writer();

/**
 * Deterministic: the state and the entry decide, nothing else does. It remembers nothing of its own
 * but what it reads when it is made: its metadata, the lock table, decisions, leases and tickets.
 * After a snapshot was installed, make another one.
 *
 * The caller applies the writes of an entry to the state before it hands over the next one, and
 * puts nothing else into these sections. What the source throws passes through.
 */
export class Machine {
  readonly #source: StateSource;
  readonly #coordination: Coordination;
  readonly #transactions: Transactions;
  readonly #recorder = new ChangeRecorder();
  #metadata: ShardMetadata;
  /** Of the entry that is being applied. */
  #work = WorkMeter.by(RULES);

  constructor({ source }: { readonly source: StateSource }) {
    this.#source = source;
    const coordination = new Coordination(source);
    this.#coordination = coordination;
    this.#transactions = new Transactions({ source, rows, verdicts, coordination });
    const row = source.get(SECTION.metadata, NO_BYTES);
    this.#metadata =
      row === undefined ? NO_METADATA : present(decodeMetadata(row), 'metadata are such');
  }

  get metadata(): ShardMetadata {
    return this.#metadata;
  }

  /** The lock table, and the decisions that are not acknowledged everywhere. */
  get transactions(): Pick<Transactions, 'lockTable' | 'decisions'> {
    return this.#transactions;
  }

  /** Leases, those that have ended, tickets and fences. */
  get coordination(): Pick<Coordination, 'leases' | 'tombstones' | 'tickets' | 'fences'> {
    return this.#coordination;
  }

  /** Takes any bytes: malformed entries have no effect, on every replica alike. */
  apply(committed: { readonly index: number; readonly payload: Uint8Array }): Outcome {
    rows.clear();
    verdicts.clear();
    const entry = decodeEntry(committed.payload);
    if (entry === 'unknown') return { type: 'unknown' };
    if (entry === 'malformed') {
      const effects = { freed: NOTHING_FREED, changes: [], grants: NO_GRANTS, fenced: 0 };
      return { type: 'applied', writes: [], replies: [MALFORMED], ...effects };
    }
    const writes: RowWrite[] = [];
    const { time } = entry.stamp;
    if (time > this.#metadata.logTime) this.#settle(passTo(time, this.#metadata), writes);
    this.#work = WorkMeter.by(entry.rules);
    // Decided before the body: an entry that begins the recording is not recorded itself.
    const { logTime, recordUntil } = this.#metadata;
    this.#recorder.begin({ isRecording: logTime <= recordUntil });
    const replies = this.#applyBody(entry, committed.index, writes);
    const coordination = this.#coordination;
    const grants = coordination.isSettled
      ? NO_GRANTS
      : coordination.finish(committed.index, { writer: rows, writes });
    const { changes } = this.#recorder;
    const freed = this.#transactions.takeFreed();
    const fenced = coordination.takeFenced();
    return { type: 'applied', writes, replies, freed, changes, grants, fenced };
  }

  /** See `Transactions.rowAfter`. The bytes are the caller's. */
  rowAfter(holder: Prepared, key: Uint8Array): Uint8Array | undefined {
    return this.#transactions.rowAfter(holder, key, this.#metadata);
  }

  #applyBody(entry: MachineEntry, index: number, writes: RowWrite[]): readonly Uint8Array[] {
    switch (entry.type) {
      case 'batch': {
        const batch = decodeBatch(entry.batch);
        if (batch === undefined) return [MALFORMED];
        const reason = this.#reasonAgainst(batch.deadline, entry.stamp.epoch);
        if (reason !== undefined) return batch.commands.map(() => refusal(reason));
        return this.#execute(batch, { index, stamp: entry.stamp, writes });
      }
      case 'expire':
        // The remaining keys are found due again.
        for (const dueKey of entry.dueKeys) {
          if (!this.#work.isOver) expireRow(dueKey, this.#expiry(index), writes);
        }
        return [];
      case 'forget':
        this.#forget(entry.clients, writes);
        return [];
      case 'adopt':
        if (entry.epoch > this.#metadata.epoch) {
          const { epoch, arc } = entry;
          this.#settle({ ...this.#metadata, epoch, arc }, writes);
        }
        return [];
      case 'record-changes':
        this.#record(entry.milliseconds, writes);
        return [];
      case 'keep-leases':
        return [this.#coordination.keep(entry.leases, this.#moment(index, writes))];
      case 'end-leases':
        this.#coordination.end(entry.ends, this.#moment(index, writes));
        return [];
      case 'forget-fences':
        this.#coordination.forget(entry.names, this.#moment(index, writes));
        return [];
      case 'prepare':
      case 'stage':
      case 'prevent':
      case 'decide':
      case 'resolve':
      case 'clear':
      case 'conclude': {
        const { valueBytesMax } = entry.stamp;
        const [metadata, work, recorder] = [this.#metadata, this.#work, this.#recorder];
        const moment = { index, metadata, writes, valueBytesMax, work, recorder };
        return this.#step(entry, moment);
      }
      default:
        return unreachable(entry);
    }
  }

  /** One step of one or several transactions. */
  #step({ type, bytes, stamp }: StepEntry, moment: ApplyContext): readonly Uint8Array[] {
    switch (type) {
      case 'prepare':
      case 'stage': {
        const prepare = decodePrepare(bytes);
        if (prepare === undefined) return [MALFORMED];
        const { deadline } = prepare.participants[prepare.at] as Participant;
        const reason = this.#reasonAgainst(deadline, stamp.epoch);
        return [encodeReply(this.#transactions[type](prepare, bytes, { ...moment, reason }))];
      }
      case 'prevent': {
        const prevention = decodePrevention(bytes);
        if (prevention === undefined) return [MALFORMED];
        return [encodeReply(this.#transactions.prevent(prevention, moment))];
      }
      case 'decide': {
        const decide = decodeDecide(bytes);
        if (decide === undefined) return [MALFORMED];
        const { deadline } = decide.participants[0] as Participant;
        const reason = this.#reasonAgainst(deadline, stamp.epoch);
        return [encodeReply(this.#transactions.decide(decide, { ...moment, reason }))];
      }
      case 'resolve': {
        const resolutions = decodeResolutions(bytes);
        return resolutions === undefined ? [MALFORMED] : this.#resolve(resolutions, moment);
      }
      case 'clear': {
        const ids = decodeIds(bytes);
        if (ids === undefined) return [MALFORMED];
        this.#transactions.clear(ids, moment);
        return [];
      }
      case 'conclude': {
        const conclusion = decodeConclusion(bytes);
        return conclusion === undefined ? [MALFORMED] : this.#conclude(conclusion, moment);
      }
      default:
        return unreachable(type);
    }
  }

  /** No reply if all were resolved. */
  #resolve(resolutions: readonly Resolution[], moment: ApplyContext): readonly Uint8Array[] {
    const done = this.#transactions.resolve(resolutions, moment);
    if (done === resolutions.length) return [];
    return [encodeReply({ type: 'refused', reason: 'entry-full', position: done })];
  }

  /** One reply for each commit, then that of the resolutions. */
  #conclude(conclusion: ConcludingSteps, moment: ApplyContext): readonly Uint8Array[] {
    const { commits, resolutions, cleared } = conclusion;
    const replies = commits.map((bytes) => {
      const decide = decodeDecide(bytes);
      const isOne = decide?.proposal.type === 'commit' && decide.proposal.operations.length === 0;
      return isOne ? encodeReply(this.#transactions.record(decide, moment)) : MALFORMED;
    });
    replies.push(...this.#resolve(resolutions, moment));
    this.#transactions.clear(cleared, moment);
    return replies;
  }

  /** Never for shorter than it was asked for before. */
  #record(milliseconds: number, writes: RowWrite[]): void {
    const recordUntil = this.#metadata.logTime + milliseconds;
    if (recordUntil <= this.#metadata.recordUntil) return;
    this.#settle({ ...this.#metadata, recordUntil }, writes);
  }

  #settle(metadata: ShardMetadata, writes: RowWrite[]): void {
    this.#metadata = metadata;
    const { length } = rows;
    writeMetadata(rows, metadata);
    writes.push({ section: SECTION.metadata, key: NO_BYTES, value: rows.since(length) });
  }

  /** The rule that makes late duplicates harmless, and the shard's own claim to the keys. */
  #reasonAgainst(deadline: number, epoch: number): Reason | undefined {
    const { logTime } = this.#metadata;
    if (deadline < logTime) return 'deadline-passed';
    if (deadline > logTime + MACHINE_LIMITS.timeoutMillisecondsMax) return 'deadline-too-far';
    return epoch === this.#metadata.epoch ? undefined : 'wrong-epoch';
  }

  #execute(batch: CommandBatch, { index, stamp, writes }: BatchMoment): readonly Uint8Array[] {
    const { client, sequence } = batch;
    const source = this.#source;
    const lifetime = new Lifetime({ source, client });
    const about = { source, lifetime, sequence, version: index, writer: verdicts };
    const record = new RememberedRequest(about);
    if (record.isAcknowledged) return batch.commands.map(() => refusal('acknowledged'));
    lifetime.extend(batch.deadline);
    const execution = new Execution({
      source,
      writer: rows,
      writes,
      client,
      coordination: this.#coordination,
      logTime: this.#metadata.logTime,
      leaseTime: this.#metadata.leaseTime,
      version: index,
      valueBytesMax: stamp.valueBytesMax,
      work: this.#work,
      recorder: this.#recorder,
      transaction: undefined,
      operations: batch.commands.reduce((count, command) => count + command.length, 0),
      holderFor: (operation) => this.#transactions.lockTable.holderFor(operation),
    });
    const replies: Uint8Array[] = [];
    let silent: Uint8Array | undefined;
    for (const [position, command] of batch.commands.entries()) {
      const remembered = record.recall(position);
      if (remembered !== undefined) {
        replies.push(encodeReply(replyOf(remembered.verdict, remembered.version)));
      } else if (command.length === 0) {
        replies.push(refusal('acknowledged'));
      } else {
        const verdict = execution.run(command, record.resultBytesMax);
        if (verdict.type === 'locked') {
          replies.push(encodeReply(verdict));
          continue;
        }
        if (verdict.type === 'entry-full') {
          replies.push(refusal('entry-full'));
          continue;
        }
        record.remember(position, verdict);
        const isSilent = verdict.type === 'done' && verdict.outputs.length === 0;
        const reply = (isSilent ? silent : undefined) ?? encodeReply(replyOf(verdict, index));
        if (isSilent) silent = reply;
        replies.push(reply);
      }
    }
    const writing = { writer: rows, writes };
    record.write(writing);
    lifetime.write(writing);
    return replies;
  }

  #moment(index: number, writes: RowWrite[]) {
    const { logTime, leaseTime } = this.#metadata;
    const { lockTable } = this.#transactions;
    const [work, recorder] = [this.#work, this.#recorder];
    return { writer: rows, writes, index, logTime, leaseTime, lockTable, work, recorder };
  }

  #expiry(version: number): ExpiryContext {
    const { logTime } = this.#metadata;
    const { lockTable } = this.#transactions;
    const [source, work, recorder] = [this.#source, this.#work, this.#recorder];
    return { source, version, logTime, lockTable, work, recorder };
  }

  /**
   * Deletes slots from the highest on. Of a client with more slots than the entry may delete, the
   * rest stays.
   */
  #forget(clients: readonly Uint8Array[], writes: RowWrite[]): void {
    let left: number = MACHINE_LIMITS.sweepRowsMax;
    for (const client of clients) {
      const bytes = this.#source.get(SECTION.sessions, client);
      if (bytes === undefined) continue;
      const { deadlineMax, slots } = present(decodeSession(bytes), 'a session is one');
      if (this.#metadata.logTime <= deadlineMax) continue;
      let kept = slots;
      for (; kept > 0 && left > 0 && !this.#work.isOver; kept--, left--) {
        this.#forgetSlot(slotKeyOf(client, kept - 1), writes);
      }
      const { length } = rows;
      if (kept > 0) writeSession(rows, { deadlineMax, slots: kept });
      const value = kept > 0 ? rows.since(length) : undefined;
      writes.push({ section: SECTION.sessions, key: client, value });
    }
  }

  #forgetSlot(key: Uint8Array, writes: RowWrite[]): void {
    const bytes = this.#source.get(SECTION.replies, key);
    if (bytes === undefined) return;
    this.#work.add(bytes.length);
    writes.push({ section: SECTION.replies, key, value: undefined });
  }
}

/** The entry of a batch that is being applied. */
interface BatchMoment {
  readonly index: number;
  readonly stamp: MachineEntry['stamp'];
  readonly writes: RowWrite[];
}

type StepEntry = Extract<MachineEntry, { type: TransactionStep }>;

function refusal(reason: Reason): Uint8Array {
  const reply: Reply = { type: 'refused', reason, position: 0 };
  return encodeReply(reply);
}

const MALFORMED = refusal('malformed');
