/**
 * The steps of transactions over several shards, as the entries of a shard take them.
 *
 * - `prepare` is done at most once, as commands are: its session remembers it under the sequence
 *   behind that of the decision. A late copy finds itself known, acknowledged or past its deadline.
 * - `decide` is a compare-and-set: the first decision that is applied wins for ever. It is
 *   remembered as the reply to the client, and kept as a row until all participants have heard.
 * - `resolve` does what was prepared or drops it, and gives the keys back. Told of an end before
 *   it was asked to prepare, a participant remembers that it refused.
 */

import { MACHINE_LIMITS } from '../base/limits.ts';
import type { Writer } from '../base/message-pack.ts';
import { TRANSACTION_LIMITS } from '../base/transaction-limits.ts';
import type { Affairs } from './affairs.ts';
import { Decisions } from './decisions.ts';
import { Execution, type Held } from './execution.ts';
import { type Prepared, PreparedParts } from './prepared.ts';
import { Remembrance } from './remembrance.ts';
import { outputBytesMax, type Reason, type Reply } from './reply.ts';
import { SECTION, type StateSource, type StateWrite } from './section.ts';
import { type Verdict, writeSession } from './session.ts';
import type { Decide, Participant, Prepare, Resolution } from './transaction.ts';
import { isLocking, partSequence } from './transaction.ts';
import { idText, type TransactionId } from './transaction-id.ts';

interface TransactionsOptions {
  readonly source: StateSource;
  readonly rows: Writer;
  readonly verdicts: Writer;
}

/** The entry that is being applied. */
export interface Moment {
  readonly index: number;
  readonly affairs: Affairs;
  readonly writes: StateWrite[];
}

const VERSION_BYTES_MAX = 9;

export const NOTHING_FREED: readonly Prepared[] = [];

type Commit = Extract<Decide['proposal'], { type: 'commit' }>;

export class Transactions {
  readonly #source: StateSource;
  readonly #rows: Writer;
  readonly #verdicts: Writer;
  readonly prepared: PreparedParts;
  readonly decisions: Decisions;
  /** Parts that have given their keys back since the last entry. */
  #freed: Prepared[] = [];

  constructor({ source, rows, verdicts }: TransactionsOptions) {
    this.#source = source;
    this.#rows = rows;
    this.#verdicts = verdicts;
    this.prepared = new PreparedParts(source);
    this.decisions = new Decisions(source);
  }

  /** The parts that have given their keys back since the last call. */
  takeFreed(): readonly Prepared[] {
    if (this.#freed.length === 0) return NOTHING_FREED;
    const freed = this.#freed;
    this.#freed = [];
    return freed;
  }

  /** `reason`: what speaks against any command with this deadline and epoch. */
  prepare(prepare: Prepare, bytes: Uint8Array, moment: PrepareMoment): Reply {
    const { id, operations } = prepare;
    if (!operations.some(isLocking)) return refused('malformed');
    if (moment.reason !== undefined) return refused(moment.reason);
    const { deadline } = prepare.participants[prepare.at] as Participant;
    const remembrance = this.#remembrance(prepare, deadline, moment);
    const known = this.#knownPart(prepare, remembrance);
    if (known !== undefined) {
      this.#writeSession(id, remembrance, moment);
      return known;
    }
    if (remembrance.isFull || this.prepared.isFull) return refused('window-full');
    const verdict = this.#execution(moment, moment.index, operations.length).try(
      operations,
      remembrance.resultBytesMax,
    );
    if (verdict.type === 'locked') return verdict;
    remembrance.remember(partSequence(id), verdict);
    this.#writeSession(id, remembrance, moment);
    if (verdict.type === 'done') {
      const since = moment.affairs.logTime;
      const writing = { writer: this.#rows, writes: moment.writes };
      this.prepared.add(prepare, { version: moment.index, since, bytes }, writing);
    }
    return replyOf(verdict, moment.index);
  }

  /** `reason` as for `prepare`; an abort asks for neither. */
  decide(decide: Decide, moment: PrepareMoment): Reply {
    const { id, proposal, participants } = decide;
    const { logTime, arc } = moment.affairs;
    // Only the home shard decides: what another one says of it would be believed nowhere else.
    if (id.home < arc.from || id.home >= arc.to) return refused('malformed');
    // No commit has a deadline further ahead, so nobody has to be remembered for longer.
    const furthest = logTime + MACHINE_LIMITS.timeoutMillisecondsMax;
    const deadline = Math.min((participants[0] as Participant).deadline, furthest);
    const isOver = deadline < logTime;
    const remembrance = this.#remembrance(decide, isOver ? 0 : deadline, moment);
    const known = this.#decided(id, remembrance) ?? this.#given(id, remembrance, isOver);
    if (known !== undefined) {
      // It stays true until no proposal can come any more, so the client is remembered until then.
      if (!isOver) this.#writeSession(id, remembrance, moment);
      // What is still prepared here was not committed, and what is told now is that it never was.
      const own = this.prepared.of(id);
      if (own !== undefined) this.#release(own, false, moment);
      return known;
    }
    if (proposal.type === 'commit') return this.#commit(decide, proposal, remembrance, moment);
    if (remembrance.isFull) return this.#abortUnremembered(id, remembrance, moment);
    this.#remember(id, proposal.because, remembrance, moment);
    this.#conclude(decide, false, moment);
    return proposal.because;
  }

  /**
   * There is no room for one more answer, and others wait for the keys: the client is taken to have
   * all answers up to this one, which forbids a commit for ever as well.
   */
  #abortUnremembered(id: TransactionId, remembrance: Remembrance, moment: Moment): Reply {
    remembrance.acknowledge(id.sequence + 1);
    this.#writeSession(id, remembrance, moment);
    const own = this.prepared.of(id);
    if (own !== undefined) this.#release(own, false, moment);
    return refused('acknowledged');
  }

  resolve(resolutions: readonly Resolution[], moment: Moment): void {
    const refusals = new Map<string, Refusing>();
    for (const { id, isCommitted, deadline } of resolutions) {
      const prepared = this.prepared.of(id);
      if (prepared !== undefined) this.#release(prepared, isCommitted, moment);
      else if (!isCommitted) this.#refuse(id, deadline, { refusals, moment });
    }
    for (const { id, remembrance } of refusals.values()) {
      this.#writeSession(id, remembrance, moment);
    }
  }

  /** All who took part have heard. */
  clear(ids: readonly TransactionId[], { writes }: Moment): void {
    for (const id of ids) {
      const decision = this.decisions.of(id);
      if (decision !== undefined) this.decisions.remove(decision, { writer: this.#rows, writes });
    }
  }

  #commit(decide: Decide, commit: Commit, remembrance: Remembrance, moment: PrepareMoment): Reply {
    const { id } = decide;
    if (moment.reason !== undefined) return refused(moment.reason);
    if (remembrance.isFull || this.decisions.isFull) return refused('window-full');
    const verdict = this.#outcome(decide, commit, remembrance, moment);
    if (verdict.type === 'locked') return verdict;
    this.#remember(id, verdict, remembrance, moment);
    this.#conclude(decide, verdict.type === 'committed', moment);
    return replyOf(verdict, moment.index);
  }

  /** What comes of a commit: the home shard may have something to say against it. */
  #outcome(
    { id, participants }: Decide,
    { versions, outputs, operations }: Commit,
    remembrance: Remembrance,
    moment: Moment,
  ): Verdict | Held {
    const bytes = outputs.reduce((sum, output) => sum + outputBytesMax(output), 0);
    const bytesLeft = remembrance.resultBytesMax - bytes - participants.length * VERSION_BYTES_MAX;
    if (bytesLeft < 0) return refused('result-too-large');
    if (operations.length === 0) {
      // Its own part is gone without a decision that is known: nobody vouches for the locks.
      if (this.prepared.of(id) === undefined) return refused('aborted');
      return { type: 'committed', versions, outputs };
    }
    const execution = this.#execution(moment, moment.index, operations.length);
    const verdict = execution.run(operations, bytesLeft);
    if (verdict.type !== 'done') return verdict;
    return {
      type: 'committed',
      versions: [moment.index, ...versions],
      outputs: [...verdict.outputs, ...outputs],
    };
  }

  /** From here on it is decided: its own part is resolved, and the others will be told. */
  #conclude(
    { id, attempts, age, participants }: Decide,
    isCommitted: boolean,
    moment: Moment,
  ): void {
    const own = this.prepared.of(id);
    if (own !== undefined) this.#release(own, isCommitted, moment);
    if (participants.length === 1) return;
    // Of an abort that is not kept each participant asks for itself, sooner or later: while some of
    // them cannot be reached, aborts must not take the room of commits.
    const { size } = this.decisions;
    if (!isCommitted && size >= TRANSACTION_LIMITS.keptForAbortMax) return;
    const since = moment.affairs.logTime;
    const writing = { writer: this.#rows, writes: moment.writes };
    this.decisions.add({ id, attempts, age, isCommitted, since, participants }, writing);
  }

  #release(prepared: Prepared, isCommitted: boolean, moment: Moment): void {
    if (isCommitted) {
      const operations = this.prepared.operationsOf(prepared);
      this.#execution(moment, prepared.version, operations.length).redo(operations);
    }
    this.prepared.remove(prepared, { writer: this.#rows, writes: moment.writes });
    this.#freed.push(prepared);
  }

  /** A prepare that comes after its transaction's end is refused, for as long as one may come. */
  #refuse(id: TransactionId, deadline: number, { refusals, moment }: Refusals): void {
    const { logTime } = moment.affairs;
    const isPlausible =
      deadline >= logTime && deadline <= logTime + MACHINE_LIMITS.timeoutMillisecondsMax;
    if (!isPlausible) return;
    const name = idText({ ...id, home: 0, sequence: 0 });
    const refusing = refusals.get(name) ?? {
      id,
      remembrance: this.#remembrance({ id, acknowledgedBelow: 0 }, deadline, moment),
      sequences: new Set<number>(),
    };
    refusals.set(name, refusing);
    const { remembrance, sequences } = refusing;
    remembrance.extend(deadline);
    const sequence = partSequence(id);
    const isKnown = remembrance.isAcknowledged(sequence) || remembrance.recall(sequence);
    if (isKnown || sequences.has(sequence) || remembrance.isFull) return;
    remembrance.remember(sequence, refused('aborted'));
    sequences.add(sequence);
  }

  #decided(id: TransactionId, remembrance: Remembrance): Reply | undefined {
    const verdict = remembrance.recall(id.sequence)?.verdict;
    if (verdict !== undefined && verdict.type !== 'done') return verdict;
    const decision = this.decisions.of(id);
    if (decision === undefined) return undefined;
    if (!decision.isCommitted) return refused('aborted');
    return { type: 'committed', versions: [], outputs: [] };
  }

  /** Its name is spent without a decision that is known: no commit came that is not resolved. */
  #given(id: TransactionId, remembrance: Remembrance, isOver: boolean): Reply | undefined {
    if (isOver) return refused('deadline-passed');
    const isSpent = remembrance.isAcknowledged(id.sequence) || remembrance.recall(id.sequence);
    return isSpent ? refused('acknowledged') : undefined;
  }

  /** `done` is told of what holds its keys, and of nothing else. */
  #knownPart({ id, at }: Prepare, remembrance: Remembrance): Reply | undefined {
    const isHome = at === 0;
    if (isHome && this.#decided(id, remembrance) !== undefined) return refused('aborted');
    if (isHome && remembrance.isAcknowledged(id.sequence)) return refused('acknowledged');
    const sequence = partSequence(id);
    if (remembrance.isAcknowledged(sequence)) return refused('acknowledged');
    const remembered = remembrance.recall(sequence);
    if (remembered === undefined) return undefined;
    const { type } = remembered.verdict;
    const isLost = type === 'done' ? this.prepared.of(id) === undefined : type === 'committed';
    return isLost ? refused('aborted') : replyOf(remembered.verdict, remembered.version);
  }

  #remembrance(
    { id, acknowledgedBelow }: Pick<Prepare, 'id' | 'acknowledgedBelow'>,
    deadline: number,
    { index }: Moment,
  ): Remembrance {
    return new Remembrance({
      row: this.#source.get(SECTION.sessions, id.client),
      batch: { acknowledgedBelow, deadline },
      version: index,
      writer: this.#verdicts,
    });
  }

  #remember(id: TransactionId, verdict: Verdict, remembrance: Remembrance, moment: Moment): void {
    remembrance.remember(id.sequence, verdict);
    this.#writeSession(id, remembrance, moment);
  }

  #writeSession({ client }: TransactionId, remembrance: Remembrance, { writes }: Moment): void {
    const session = remembrance.finish();
    if (session === undefined) return;
    const { length } = this.#rows;
    writeSession(this.#rows, session);
    const value = this.#rows.since(length);
    writes.push({ section: SECTION.sessions, key: client, value });
  }

  #execution({ affairs, writes }: Moment, version: number, operations: number): Execution {
    return new Execution({
      source: this.#source,
      writer: this.#rows,
      writes,
      logTime: affairs.logTime,
      version,
      operations,
      holderOf: (key) => this.prepared.holderOf(key),
    });
  }
}

interface PrepareMoment extends Moment {
  readonly reason: Reason | undefined;
}

interface Refusing {
  readonly id: TransactionId;
  readonly remembrance: Remembrance;
  /** What this entry has it remember. */
  readonly sequences: Set<number>;
}

interface Refusals {
  /** By client: one entry may hold several of one. */
  readonly refusals: Map<string, Refusing>;
  readonly moment: Moment;
}

function refused(reason: Reason): Extract<Reply, { type: 'refused' }> {
  return { type: 'refused', reason, position: 0 };
}

/** A verdict as it is told: what the whole entry shares comes back. */
export function replyOf(verdict: Verdict, version: number): Reply {
  if (verdict.type !== 'done') return verdict;
  return { type: 'done', version, outputs: verdict.outputs };
}
