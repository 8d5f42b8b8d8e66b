/**
 * The steps of transactions over several shards, as entries apply them.
 * - `prepare` is executed at most once, as commands are: the slot of its transaction remembers it
 *   behind the decision. A late copy is found remembered, acknowledged or past its deadline.
 * - `decide` is a compare-and-set: the first decision that is applied is final. It is remembered as
 *   the reply to the client, and kept as a row until all participants have acknowledged it.
 * - `resolve` executes the prepared part or drops it, and releases its locks. A participant that
 *   gets an abort before the prepare remembers that it refused.
 */

import { assert } from '../base/assert.ts';
import { areEqual, nameOf } from '../base/bytes.ts';
import { MACHINE_LIMITS } from '../base/limits.ts';
import { NO_BYTES, Writer } from '../base/message-pack.ts';
import { TRANSACTION_LIMITS } from '../base/transaction-limits.ts';
import type { Operation } from './command.ts';
import type { Coordination } from './coordination.ts';
import { Decisions } from './decisions.ts';
import { Lifetime, RememberedRequest } from './deduplication.ts';
import { type EntryFull, Execution, type Held } from './execution.ts';
import type { ChangeRecorder } from './key-change.ts';
import { LockTable, type Prepared } from './lock-table.ts';
import { outputBytesMax, type Reason, type Reply } from './reply.ts';
import { type RowWrite, SECTION, type StateSource } from './section.ts';
import { type CommandResult, slotOf } from './session.ts';
import type { ShardMetadata } from './shard-metadata.ts';
import type { Decide, Participant, Prepare, Prevention, Resolution } from './transaction.ts';
import { isLocking, locksKey, POSITION } from './transaction.ts';
import type { TransactionId } from './transaction-id.ts';
import { WorkMeter } from './work.ts';

interface TransactionsOptions {
  readonly source: StateSource;
  readonly rows: Writer;
  readonly verdicts: Writer;
  readonly coordination: Coordination;
}

/** The entry that is being applied. */
export interface ApplyContext {
  readonly index: number;
  readonly metadata: ShardMetadata;
  readonly writes: RowWrite[];
  /** The largest value that its leader accepts. */
  readonly valueBytesMax: number;
  readonly work: WorkMeter;
  readonly recorder: ChangeRecorder;
}

const VERSION_BYTES_MAX = 9;

export const NOTHING_FREED: readonly Prepared[] = [];

type Commit = Extract<Decide['proposal'], { type: 'commit' }>;

export class Transactions {
  readonly #source: StateSource;
  readonly #rows: Writer;
  readonly #verdicts: Writer;
  readonly #coordination: Coordination;
  readonly lockTable: LockTable;
  readonly decisions: Decisions;
  /** Parts that have released their locks since the last entry. */
  #freed: Prepared[] = [];

  constructor({ source, rows, verdicts, coordination }: TransactionsOptions) {
    this.#coordination = coordination;
    this.#source = source;
    this.#rows = rows;
    this.#verdicts = verdicts;
    this.lockTable = new LockTable(source);
    this.decisions = new Decisions(source);
  }

  /** The parts that have released their locks since the last call. */
  takeFreed(): readonly Prepared[] {
    if (this.#freed.length === 0) return NOTHING_FREED;
    const freed = this.#freed;
    this.#freed = [];
    return freed;
  }

  /** `reason`: the objection to any command with this deadline and epoch. */
  prepare(prepare: Prepare, bytes: Uint8Array, moment: PrepareMoment): Reply {
    return this.#prepare(prepare, { bytes, isStaged: false }, moment);
  }

  /** The home shard's part of a transaction that all parts together commit. */
  stage(prepare: Prepare, bytes: Uint8Array, moment: PrepareMoment): Reply {
    if (prepare.at !== 0) return refused('malformed');
    return this.#prepare(prepare, { bytes, isStaged: true }, moment);
  }

  /**
   * The answer is final: `done` while the part is prepared, and otherwise it never will be. That is
   * remembered until its deadline, which is further ahead than that of any other request if the
   * client had a wrong idea of the log time here.
   */
  prevent({ id, position, deadline }: Prevention, moment: ApplyContext): Reply {
    const { logTime, arc } = moment.metadata;
    // Another shard knows nothing of the part.
    if (position < arc.from || position >= arc.to) return refused('wrong-epoch');
    const prepared = this.lockTable.of(id);
    if (prepared === undefined && deadline < logTime) return refused('deadline-passed');
    const record = this.#record(id, prepared === undefined ? deadline : 0, moment);
    const remembered = record.isAcknowledged ? undefined : record.recall(POSITION.part)?.verdict;
    if (prepared !== undefined) {
      // A client that has acknowledged the transaction does not need its outputs.
      const outputs = remembered?.type === 'done' ? remembered.outputs : [];
      return { type: 'done', version: prepared.version, outputs };
    }
    if (!record.isAcknowledged && remembered === undefined) {
      record.remember(POSITION.part, refused('aborted'));
    }
    this.#write(record, moment);
    return remembered?.type === 'check-failed' ? remembered : refused('aborted');
  }

  #prepare(prepare: Prepare, { bytes, isStaged }: Preparing, moment: PrepareMoment): Reply {
    const { id, operations } = prepare;
    if (!operations.some(isLocking)) return refused('malformed');
    if (moment.reason !== undefined) return refused(moment.reason);
    const { deadline } = prepare.participants[prepare.at] as Participant;
    const record = this.#record(id, deadline, moment);
    const known = this.#knownPart(prepare, record);
    if (known !== undefined) {
      this.#write(record, moment);
      const isOther = isStaged && this.lockTable.of(id)?.isStaged !== true;
      return isOther && known.type === 'done' ? refused('aborted') : known;
    }
    if (this.lockTable.isFull) return refused('window-full');
    // Its commit may be known before its decision is recorded: that must find room.
    if (isStaged && !this.#mayDecide) return refused('window-full');
    // Its cost is checked here, because a prepared part must be resolvable.
    // What is only tried changes nothing, so it is not recorded.
    const execution = this.#execution(id, moment, { operations: operations.length });
    const verdict = alone(execution.try(operations, record.resultBytesMax));
    if (verdict.type === 'locked') return verdict;
    record.remember(POSITION.part, verdict);
    this.#write(record, moment);
    if (verdict.type === 'done') {
      const since = moment.metadata.logTime;
      const writing = { writer: this.#rows, writes: moment.writes };
      const workBytes = moment.work.bytes;
      const about = { version: moment.index, since, workBytes, isStaged, bytes };
      this.lockTable.add(prepare, about, writing);
    }
    return replyOf(verdict, moment.index);
  }

  /** `reason` as for `prepare`; an abort ignores it. */
  decide(decide: Decide, moment: PrepareMoment): Reply {
    const { id, proposal, participants } = decide;
    const { logTime, arc } = moment.metadata;
    // Only the home shard decides: the decision of another shard must have no effect.
    if (id.home < arc.from || id.home >= arc.to) return refused('malformed');
    const staged = this.lockTable.of(id);
    if (staged?.isStaged) return this.#decideStaged(decide, staged, moment);
    // No commit has a later deadline, so no session has to be kept for longer.
    const furthest = logTime + MACHINE_LIMITS.timeoutMillisecondsMax;
    const deadline = Math.min((participants[0] as Participant).deadline, furthest);
    const isOver = deadline < logTime;
    const record = this.#record(id, isOver ? 0 : deadline, moment);
    const known = this.#decided(id, record) ?? this.#given(record, isOver);
    if (known !== undefined) {
      // The decision holds until no proposal can arrive any more, so it is remembered until then.
      if (!isOver) this.#write(record, moment);
      // A part that is still prepared here was not committed, and this reply makes sure that it
      // never is.
      const own = this.lockTable.of(id);
      if (own !== undefined) this.#release(own, false, moment);
      return known;
    }
    if (proposal.type === 'commit') return this.#commit(decide, proposal, record, moment);
    this.#remember(proposal.because, record, moment);
    this.#conclude(decide, false, moment);
    return proposal.because;
  }

  /**
   * A commit that all parts together have decided, among others of one entry: it costs as much as
   * its part.
   */
  record(decide: Decide, moment: ApplyContext): Reply {
    const { work } = moment;
    const costs = this.lockTable.of(decide.id)?.workBytes ?? 0;
    if (work.bytes > 0 && !work.allows(costs)) return refused('entry-full');
    work.add(costs);
    // Only a staged part is committed here, whatever its deadline and epoch.
    return this.decide(decide, { ...moment, reason: 'aborted' });
  }

  /** Returns how many were resolved: all, or those before the one that finds the entry full. */
  resolve(resolutions: readonly Resolution[], moment: ApplyContext): number {
    const { work } = moment;
    const refusals: Refusals = { lifetimes: new Map(), slots: new Map() };
    let done = 0;
    for (const { id, isCommitted, deadline } of resolutions) {
      const prepared = this.lockTable.of(id);
      // Only a decision of this shard ends it.
      if (prepared?.isStaged) {
        done += 1;
        continue;
      }
      const costs = isCommitted ? (prepared?.workBytes ?? 0) : 0;
      if (work.bytes > 0 && !work.allows(costs)) break;
      work.add(costs);
      done += 1;
      if (prepared !== undefined) this.#release(prepared, isCommitted, moment);
      else if (!isCommitted) this.#refuse(id, deadline, refusals, moment);
    }
    const writing = { writer: this.#rows, writes: moment.writes };
    for (const record of refusals.slots.values()) record.write(writing);
    for (const lifetime of refusals.lifetimes.values()) lifetime.write(writing);
    return done;
  }

  /**
   * The row of a key as the commit of its holder will leave it; no bytes for none. Undefined if it
   * writes none, or one that depends on the moment of the commit, as an expiry does.
   */
  rowAfter(holder: Prepared, key: Uint8Array, metadata: ShardMetadata): Uint8Array | undefined {
    const operations = this.lockTable.operationsOf(holder);
    if (!operations.every(isTimeless)) return undefined;
    const own = operations.filter((one) => locksKey(one) && areEqual(one.key, key));
    const writes: RowWrite[] = [];
    const work = WorkMeter.unbounded();
    const { valueBytesMax } = MACHINE_LIMITS;
    const about = { index: holder.version, metadata, writes, valueBytesMax, work };
    const writer = new Writer();
    this.#execution(holder.id, about, { operations: own.length, writer }).redo(own);
    const written = writes.find(({ section }) => section === SECTION.values);
    // A key that it only reads keeps its row, which may be damaged.
    return written && (written.value?.slice() ?? NO_BYTES);
  }

  /** All participants have acknowledged. */
  clear(ids: readonly TransactionId[], { writes }: ApplyContext): void {
    for (const id of ids) {
      const decision = this.decisions.of(id);
      if (decision !== undefined) this.decisions.remove(decision, { writer: this.#rows, writes });
    }
  }

  /**
   * All parts may be prepared, and then its client may know that it is committed. So neither the
   * deadline nor the epoch nor an acknowledgement ends it, and an abort only if a participant can
   * never become ready.
   */
  #decideStaged(decide: Decide, staged: Prepared, moment: PrepareMoment): Reply {
    const { id, proposal } = decide;
    const { participants } = staged;
    if (proposal.type === 'abort') return refused('staged');
    const isCommitted = proposal.type === 'commit';
    if (isCommitted && proposal.versions.length !== participants.length) return refused('staged');
    const { logTime } = moment.metadata;
    const furthest = logTime + MACHINE_LIMITS.timeoutMillisecondsMax;
    const deadline = Math.min((participants[0] as Participant).deadline, furthest);
    const record = this.#record(id, deadline < logTime ? 0 : deadline, moment);
    const { versions, outputs } = isCommitted ? proposal : { versions: [], outputs: [] };
    const verdict = isCommitted
      ? ({ type: 'committed', versions, outputs } as const)
      : proposal.because;
    const isFree = !record.isAcknowledged && record.recall(POSITION.decision) === undefined;
    if (isFree) record.remember(POSITION.decision, verdict);
    this.#write(record, moment);
    this.#conclude({ ...decide, participants }, isCommitted, moment);
    return verdict;
  }

  /** Each staged transaction may still become a decision. */
  get #mayDecide(): boolean {
    return this.decisions.size + this.lockTable.staged < TRANSACTION_LIMITS.slotsMax;
  }

  #commit(decide: Decide, commit: Commit, record: RememberedRequest, moment: PrepareMoment): Reply {
    if (moment.reason !== undefined) return refused(moment.reason);
    if (!this.#mayDecide) return refused('window-full');
    const verdict = this.#outcome(decide, commit, record, moment);
    if (verdict.type === 'locked') return verdict;
    this.#remember(verdict, record, moment);
    this.#conclude(decide, verdict.type === 'committed', moment);
    return replyOf(verdict, moment.index);
  }

  /** The result of a commit: the home shard may object to it. */
  #outcome(
    { id, participants }: Decide,
    { versions, outputs, operations }: Commit,
    record: RememberedRequest,
    moment: ApplyContext,
  ): CommandResult | Held {
    const bytes = outputs.reduce((sum, output) => sum + outputBytesMax(output), 0);
    const bytesLeft = record.resultBytesMax - bytes - participants.length * VERSION_BYTES_MAX;
    if (bytesLeft < 0) return refused('result-too-large');
    if (operations.length === 0) {
      // Its own part is gone without a known decision: its locks were not held until now.
      if (this.lockTable.of(id) === undefined) return refused('aborted');
      return { type: 'committed', versions, outputs };
    }
    const { recorder } = moment;
    const execution = this.#execution(id, moment, { operations: operations.length, recorder });
    const verdict = alone(execution.run(operations, bytesLeft));
    if (verdict.type !== 'done') return verdict;
    return {
      type: 'committed',
      versions: [moment.index, ...versions],
      outputs: [...verdict.outputs, ...outputs],
    };
  }

  /** From here on it is decided: resolves its own part; the broadcast follows. */
  #conclude(
    { id, attempts, age, participants }: Decide,
    isCommitted: boolean,
    moment: ApplyContext,
  ): void {
    const own = this.lockTable.of(id);
    if (own !== undefined) this.#release(own, isCommitted, moment);
    if (participants.length === 1) return;
    // The participants of an abort that is not kept have to ask for it: while some of them cannot
    // be reached, aborts must not take the room of commits.
    const { size } = this.decisions;
    const isFull = size >= TRANSACTION_LIMITS.keptForAbortMax || !this.#mayDecide;
    if (!isCommitted && isFull) return;
    const since = moment.metadata.logTime;
    const writing = { writer: this.#rows, writes: moment.writes };
    this.decisions.add({ id, attempts, age, isCommitted, since, participants }, writing);
  }

  #release(prepared: Prepared, isCommitted: boolean, moment: ApplyContext): void {
    if (isCommitted) {
      const operations = this.lockTable.operationsOf(prepared);
      const { version } = prepared;
      const valueBytesMax = MACHINE_LIMITS.valueBytesMax;
      const judged = { ...moment, index: version, valueBytesMax, work: WorkMeter.unbounded() };
      const about = { operations: operations.length, recorder: moment.recorder };
      this.#execution(prepared.id, judged, about).redo(operations);
    }
    this.lockTable.remove(prepared, { writer: this.#rows, writes: moment.writes });
    this.#freed.push(prepared);
  }

  /**
   * Remembers the refusal of a prepare that may arrive after its transaction's end, for as long as
   * one may.
   */
  #refuse(id: TransactionId, deadline: number, refusals: Refusals, moment: ApplyContext): void {
    const { logTime } = moment.metadata;
    const isPlausible =
      deadline >= logTime && deadline <= logTime + MACHINE_LIMITS.timeoutMillisecondsMax;
    if (!isPlausible) return;
    const { client, sequence } = id;
    const name = nameOf(client);
    const lifetime = refusals.lifetimes.get(name) ?? new Lifetime({ source: this.#source, client });
    refusals.lifetimes.set(name, lifetime);
    lifetime.extend(deadline);
    const slotName = `${name} ${slotOf(sequence)}`;
    const former = refusals.slots.get(slotName);
    // Of one slot the latest counts: the client has the answers to all earlier ones.
    if (former !== undefined && former.sequence >= sequence) return;
    const record = this.#slotOf(lifetime, sequence, moment);
    if (record.isAcknowledged || record.recall(POSITION.part) !== undefined) return;
    record.remember(POSITION.part, refused('aborted'));
    refusals.slots.set(slotName, record);
  }

  #decided(id: TransactionId, record: RememberedRequest): Reply | undefined {
    const verdict = record.recall(POSITION.decision)?.verdict;
    if (verdict !== undefined && verdict.type !== 'done') return verdict;
    const decision = this.decisions.of(id);
    if (decision === undefined) return undefined;
    if (!decision.isCommitted) return refused('aborted');
    return { type: 'committed', versions: [], outputs: [] };
  }

  /** Its sequence is used without a known decision: a commit would have been resolved. */
  #given(record: RememberedRequest, isOver: boolean): Reply | undefined {
    if (isOver) return refused('deadline-passed');
    const isSpent = record.isAcknowledged || record.recall(POSITION.decision);
    return isSpent ? refused('acknowledged') : undefined;
  }

  /** `done` lists what locks its keys, and nothing else. */
  #knownPart({ id, at }: Prepare, record: RememberedRequest): Reply | undefined {
    if (at === 0 && this.#decided(id, record) !== undefined) return refused('aborted');
    if (record.isAcknowledged) return refused('acknowledged');
    const remembered = record.recall(POSITION.part);
    if (remembered === undefined) return undefined;
    const { type } = remembered.verdict;
    const isLost = type === 'done' ? this.lockTable.of(id) === undefined : type === 'committed';
    return isLost ? refused('aborted') : replyOf(remembered.verdict, remembered.version);
  }

  /** For a transaction that may arrive until then. */
  #record(
    { client, sequence }: TransactionId,
    deadline: number,
    moment: ApplyContext,
  ): RememberedRequest {
    const lifetime = new Lifetime({ source: this.#source, client });
    lifetime.extend(deadline);
    return this.#slotOf(lifetime, sequence, moment);
  }

  #slotOf(
    lifetime: Lifetime,
    sequence: number,
    { index: version }: ApplyContext,
  ): RememberedRequest {
    const [source, writer] = [this.#source, this.#verdicts];
    return new RememberedRequest({ source, lifetime, sequence, version, writer });
  }

  #remember(verdict: CommandResult, record: RememberedRequest, moment: ApplyContext): void {
    record.remember(POSITION.decision, verdict);
    this.#write(record, moment);
  }

  #write(record: RememberedRequest, { writes }: ApplyContext): void {
    const writing = { writer: this.#rows, writes };
    record.write(writing);
    record.lifetime.write(writing);
  }

  #execution(
    transaction: TransactionId,
    moment: Omit<ApplyContext, 'recorder'>,
    { operations, recorder, writer = this.#rows }: Executing,
  ): Execution {
    const { index: version, metadata, writes, valueBytesMax, work } = moment;
    const { client } = transaction;
    return new Execution({
      source: this.#source,
      writer,
      writes,
      client,
      coordination: this.#coordination,
      logTime: metadata.logTime,
      leaseTime: metadata.leaseTime,
      version,
      valueBytesMax,
      work,
      recorder,
      transaction,
      operations,
      holderFor: (operation) => this.lockTable.holderFor(operation),
    });
  }
}

interface Preparing {
  readonly bytes: Uint8Array;
  readonly isStaged: boolean;
}

interface Executing {
  readonly operations: number;
  /** Undefined if they are only tried. */
  readonly recorder?: ChangeRecorder;
  /** By default that of the entry. */
  readonly writer?: Writer;
}

interface PrepareMoment extends ApplyContext {
  readonly reason: Reason | undefined;
}

/** What one entry remembers of transactions that were aborted before they were prepared. */
interface Refusals {
  /** By client: one entry may hold several transactions of one client. */
  readonly lifetimes: Map<string, Lifetime>;
  /** By client and slot. */
  readonly slots: Map<string, RememberedRequest>;
}

/** The result for a command that is alone in its entry is final. */
function alone(verdict: CommandResult | Held | EntryFull): CommandResult | Held {
  assert(verdict.type !== 'entry-full', 'the first command of an entry may use all of the work');
  return verdict;
}

/** What it writes does not depend on when it is executed, as long as its key is locked. */
function isTimeless(operation: Operation): boolean {
  if (operation.type === 'set' && operation.lease !== undefined) return false;
  return !('lifeMilliseconds' in operation) || operation.lifeMilliseconds === 0;
}

function refused(reason: Reason): Extract<Reply, { type: 'refused' }> {
  return { type: 'refused', reason, position: 0 };
}

/** A result as a reply: adds what the whole entry shares. */
export function replyOf(verdict: CommandResult, version: number): Reply {
  if (verdict.type !== 'done') return verdict;
  return { type: 'done', version, outputs: verdict.outputs };
}
