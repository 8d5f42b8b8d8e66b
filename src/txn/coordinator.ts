/**
 * One transaction on its way to a decision, at the leader of its home shard: two-phase commit.
 *
 * waiting -> preparing -> validating -> deciding -> over
 *
 * A staged transaction is committed as soon as all of its parts are ready, the home shard's among
 * them: its client is answered, and the decision is recorded afterwards. Its home shard records an
 * abort only if a participant can never become ready, so a coordinator that wants to end it asks
 * for that first:
 *
 * preparing -> (refused, given up) -> preventing -> deciding -> over
 *
 * A coordinator waits until `begin` is called and may be ended before; then it has asked no
 * participant, though an earlier coordinator of the same transaction may have. It holds no state
 * that must survive: its progress stands in the logs of the shards. If it is lost, a request that
 * meets one of its locks asks the home shard, and the home shard ends the transaction.
 */

import { assert, unreachable } from '../base/assert.ts';
import { WIRE_LIMITS } from '../base/limits.ts';
import { TRANSACTION_LIMITS } from '../base/transaction-limits.ts';
import { STAMP_BYTES_MAX } from '../machine/entry.ts';
import { isCommittedBy, isPreventedBy } from '../machine/outcome.ts';
import type { Output, Reason, Reply } from '../machine/reply.ts';
import type { DecisionProposal, TransactionRefusal } from '../machine/transaction.ts';
import { encodeDecide, encodePrepare } from '../machine/transaction-codec.ts';
import type { Contender } from '../machine/transaction-id.ts';
import { resolveConflict } from './conflict-policy.ts';
import type { Plan, PlannedPart, PlannedParticipant, PlannedValidation } from './plan.ts';

/** The outcome of one question. A failed question may have taken effect. */
export type Answer =
  | { readonly type: 'replied'; readonly reply: Reply }
  /** The question is repeated, unless `isFinal`: then every repetition would be refused as well. */
  | { readonly type: 'failed'; readonly why: string; readonly isFinal: boolean };

/** How the transaction ends for the requests that wait for it. */
export type Ending =
  | { readonly type: 'decided'; readonly reply: Reply }
  /** Ended because a node refused a part of it, for a reason that the client should know. */
  | { readonly type: 'refused'; readonly why: string; readonly reply: Reply }
  /** This node lost leadership: the next leader knows the outcome, or will decide it. */
  | { readonly type: 'lost' };

/** Every `done` is called exactly once, immediately or later. */
export interface CoordinatorPort {
  /** The monotone clock in milliseconds. */
  readonly now: number;
  /** Time limit for all participants to prepare, derived from observed step times. */
  readonly prepareMilliseconds: number;
  /** Until its deadline in the home shard. */
  readonly millisecondsLeft: number;
  /** A check that failed at some moment since the request arrived; undefined if it committed. */
  precheck(): TransactionRefusal | undefined;
  /** An entry of that shard; of the home shard with `isStaged`. */
  prepare(to: PlannedParticipant, bytes: Uint8Array, done: (answer: Answer) => void): void;
  /** An entry of that shard: the part is prepared, or never will be. */
  prevent(to: PlannedParticipant, done: (answer: Answer) => void): void;
  /** It is committed, though the decision is not recorded: for its client, and for no shard. */
  committed(reply: Reply): void;
  /**
   * Evaluated by the leader of the shard; it does not wait for keys that other transactions lock.
   */
  validate(to: PlannedValidation, done: (answer: Answer) => void): void;
  /** An entry of the home shard. */
  decide(bytes: Uint8Array, done: (answer: Answer) => void): void;
  /**
   * The same for a commit that all parts have decided together: its client is answered, so it may
   * be proposed later, with others, as long as no request waits for its keys.
   */
  record(bytes: Uint8Array, done: (answer: Answer) => void): void;
  ended(ending: Ending): void;
}

interface CoordinatorOptions {
  readonly plan: Plan;
  readonly port: CoordinatorPort;
}

type Stage = 'waiting' | 'preparing' | 'validating' | 'preventing' | 'deciding' | 'over';

/** A question that is repeated until it is answered. */
interface Question {
  state: 'asked' | 'resting' | 'answered';
  restsUntil: number;
  /** How often it was asked in vain. */
  rests: number;
  readonly ask: (done: (answer: Answer) => void) => void;
  readonly take: (reply: Reply) => void;
}

export class Coordinator {
  readonly plan: Plan;
  readonly #port: CoordinatorPort;
  /** When the request arrived; after `begin`, when the transaction began. */
  #since: number;
  #stage: Stage = 'waiting';
  /** Of the present stage. */
  #questions: Question[] = [];
  #left = 0;
  readonly #versions: number[] = [];
  readonly #outputs: (readonly Output[])[] = [];
  /** Reported instead of the reply that the home shard remembers. */
  #refusal: string | undefined;
  /** A commit was proposed, and no abort. */
  #isCommitting = false;
  #hasAsked = false;
  /** Another coordinator of the same transaction may have staged it, though this one did not. */
  #isStaged: boolean;

  constructor({ plan, port }: CoordinatorOptions) {
    this.plan = plan;
    this.#isStaged = plan.isStaged;
    this.#port = port;
    this.#since = port.now;
  }

  get isOver(): boolean {
    return this.#stage === 'over';
  }

  /** Participants may have prepared their parts. */
  get hasAsked(): boolean {
    return this.#hasAsked;
  }

  get stage(): Stage {
    return this.#stage;
  }

  /**
   * Does nothing if the transaction has ended. A transaction that would be refused is refused
   * before any participant is asked.
   */
  begin(): void {
    if (this.#stage !== 'waiting') return;
    const refusal = this.#port.precheck();
    if (refusal !== undefined) return this.#abort(refusal);
    this.#hasAsked = true;
    this.#since = this.#port.now;
    const parts = this.plan.isHomeLast ? this.plan.parts.slice(1) : this.plan.parts;
    const questions = parts.map((part) => this.#preparing(part));
    this.#enter('preparing', questions);
  }

  /** A staged transaction has lost its coordinator: ends it, without knowing its operations. */
  recover(): void {
    assert(this.plan.isStaged, 'only a staged transaction is recovered');
    if (this.#stage === 'waiting') this.#prevent(GIVEN_UP);
  }

  /**
   * A request with higher priority waits for one of its locks: it aborts while that is possible.
   */
  preempt(): void {
    this.#giveUp();
  }

  /** The node no longer leads the home shard. */
  lose(): void {
    this.#end({ type: 'lost' });
  }

  tick(): void {
    const { now } = this.#port;
    if (this.#stage === 'over') return;
    if (this.#stage === 'waiting') return this.#wait();
    const isLate = now - this.#since >= this.#port.prepareMilliseconds;
    if (isLate && UNDECIDED.includes(this.#stage)) return this.#giveUp();
    // The commit may be waiting for a locked key of its own shard. An abort waits for no lock;
    // whichever is applied first decides.
    if (isLate && this.#isCommitting && !this.#isStaged) return this.#abort(GIVEN_UP);
    for (const question of this.#questions) {
      if (question.state === 'resting' && question.restsUntil <= now) this.#ask(question);
    }
  }

  #wait(): void {
    const { queueMilliseconds, queueReserveMilliseconds } = TRANSACTION_LIMITS;
    const { now, millisecondsLeft } = this.#port;
    const isLate = now - this.#since >= queueMilliseconds;
    if (isLate || millisecondsLeft < queueReserveMilliseconds) this.#giveUp();
  }

  #preparing(to: PlannedParticipant): Question {
    const { contender, participants } = this.plan;
    const { operations } = to.part;
    const { at } = to;
    // Each prepare names all participants: encoding them all at once and keeping them would take
    // many times the size of the transaction.
    const encode = () => encodePrepare({ ...contender, participants, at, operations });
    return {
      state: 'resting',
      restsUntil: 0,
      rests: 0,
      ask: (done) => this.#port.prepare(to, encode(), done),
      take: (reply) => {
        if (reply.type !== 'done') return this.#refuse(reply, to);
        this.#versions[at] = reply.version;
        this.#outputs[at] = reply.outputs;
      },
    };
  }

  #preventing(to: PlannedParticipant, because: TransactionRefusal): Question {
    return {
      state: 'resting',
      restsUntil: 0,
      rests: 0,
      ask: (done) => this.#port.prevent(to, done),
      take: (reply) => {
        if (reply.type !== 'done') return this.#abort(because, { isPrevented: true });
        this.#versions[to.at] = reply.version;
        this.#outputs[to.at] = reply.outputs;
      },
    };
  }

  #validating(to: PlannedValidation): Question {
    return {
      state: 'resting',
      restsUntil: 0,
      rests: 0,
      ask: (done) => this.#port.validate(to, done),
      take: (reply) => {
        if (reply.type !== 'done') this.#refuse(reply, to, to.places);
      },
    };
  }

  #enter(stage: Stage, questions: Question[]): void {
    this.#stage = stage;
    this.#questions = questions;
    this.#left = questions.length;
    // An answer may come synchronously, and the last one changes the stage.
    for (const question of questions) if (this.#questions === questions) this.#ask(question);
    if (questions.length === 0) this.#goOn();
  }

  #goOn(): void {
    switch (this.#stage) {
      case 'preventing':
        return this.#commitStaged();
      case 'preparing': {
        if (this.#isStaged) return this.#commitStaged();
        // All keys are locked from here until the decision: what holds now holds at the decision.
        const { validations } = this.plan;
        return this.#enter(
          'validating',
          validations.map((one) => this.#validating(one)),
        );
      }
      case 'validating':
        return this.#commit();
      case 'waiting':
      case 'deciding':
      case 'over':
        return;
      default:
        return unreachable(this.#stage);
    }
  }

  #ask(question: Question): void {
    const { stage } = this;
    question.state = 'asked';
    question.ask((answer) => {
      // An answer for an earlier stage is stale.
      if (!this.#questions.includes(question) || question.state !== 'asked') return;
      if (answer.type === 'failed') return this.#retry(question, answer);
      const { reply } = answer;
      if (this.#isOpen(reply)) {
        return this.#rest(question, TRANSACTION_LIMITS.restMilliseconds);
      }
      if (reply.type === 'locked' && this.#mayPreempt(reply.holder)) {
        return this.#rest(question, TRANSACTION_LIMITS.preemptMilliseconds);
      }
      question.state = 'answered';
      this.#left -= 1;
      question.take(reply);
      if (this.#stage === stage && this.#left === 0) this.#goOn();
    });
  }

  /** The reply leaves open what it was asked for: asked again, it will be answered. */
  #isOpen(reply: Reply): boolean {
    if (this.#stage === 'preventing') return isPreventedBy(reply) === undefined;
    return this.#isStaged && this.#isCommitting && isCommittedBy(reply) === undefined;
  }

  /** An entry that meets a lock is refused whatever the priority: asked again, it waits. */
  #mayPreempt(holder: Contender): boolean {
    return resolveConflict(this.plan.contender, holder) === 'preempt';
  }

  #retry(question: Question, { why, isFinal }: Extract<Answer, { type: 'failed' }>): void {
    if (!isFinal || !UNDECIDED.includes(this.#stage))
      return this.#rest(question, TRANSACTION_LIMITS.restMilliseconds);
    this.#refusal = why;
    this.#giveUp();
  }

  /** A participant that is asked to prevent its part may be without a majority for days. */
  #rest(question: Question, milliseconds: number): void {
    const { resolveMilliseconds } = TRANSACTION_LIMITS;
    const isLong = this.#stage === 'preventing';
    const grown = isLong ? Math.min(milliseconds * 2 ** question.rests, resolveMilliseconds) : 0;
    question.state = 'resting';
    question.rests += 1;
    question.restsUntil = this.#port.now + Math.max(milliseconds, grown);
  }

  /** A participant refused: the position is reported among the operations of all parts. */
  #refuse(reply: Reply, { offset }: PlannedPart, places?: readonly number[]): void {
    if (reply.type === 'done' || reply.type === 'committed') {
      return assert(false, 'a part that is refused has a refusal');
    }
    const position = offset + (places?.[reply.position] ?? reply.position);
    if (reply.type === 'check-failed') {
      const because = { type: 'check-failed', position, version: reply.version } as const;
      // It is remembered until the part can be prepared no more.
      return this.#abort(because, { isPrevented: this.#isStaged });
    }
    if (reply.type === 'locked') {
      return this.#abort({ type: 'refused', reason: 'gave-way', position });
    }
    this.#abort({ type: 'refused', reason: toldReason(reply.reason), position });
  }

  #giveUp(): void {
    if (!UNDECIDED.includes(this.#stage)) return;
    this.#abort(GIVEN_UP);
  }

  #abort(because: TransactionRefusal, { isPrevented = false } = {}): void {
    this.#isCommitting = false;
    const isKnownToBeStaged = this.#isStaged && this.#versions[0] !== undefined;
    if (isKnownToBeStaged && !isPrevented) return this.#prevent(because);
    const type = isPrevented ? 'prevented' : 'abort';
    this.#propose(this.#decision({ type, because }), (reply) => {
      if (reply.type === 'refused' && reply.reason === 'staged') this.#prevent(because);
      else this.#decided(reply);
    });
  }

  /** Asks every participant whose part is not known to be ready, the home shard too. */
  #prevent(because: TransactionRefusal): void {
    this.#hasAsked = true;
    this.#isStaged = true;
    const unknown = this.plan.parts.filter(({ at }) => this.#versions[at] === undefined);
    this.#enter(
      'preventing',
      unknown.map((part) => this.#preventing(part, because)),
    );
  }

  /** All parts are ready: from here on nothing but a commit can be recorded. */
  #commitStaged(): void {
    const versions = [...this.#versions];
    const outputs = this.#outputs.flat();
    const reply: Reply = { type: 'committed', versions, outputs };
    this.#isCommitting = true;
    this.#port.committed(reply);
    this.#recordCommit(reply);
  }

  /** Repeated until the home shard has a decision, or had one that all have acknowledged. */
  #recordCommit(committed: Extract<Reply, { type: 'committed' }>): void {
    const { versions, outputs } = committed;
    const bytes = this.#decision({ type: 'commit', versions, outputs, operations: [] });
    const question: Question = {
      state: 'resting',
      restsUntil: 0,
      rests: 0,
      ask: (done) => this.#port.record(bytes, done),
      take: (reply) => {
        assert(!isAbort(reply), 'a transaction whose parts were all ready is not aborted');
        this.#end({ type: 'decided', reply: committed });
      },
    };
    this.#enter('deciding', [question]);
  }

  #commit(): void {
    const { isHomeLast } = this.plan;
    const versions = isHomeLast ? this.#versions.slice(1) : this.#versions;
    const outputs = this.#outputs.flat();
    const operations = isHomeLast ? this.#home.operations : [];
    const bytes = this.#decision({ type: 'commit', versions, outputs, operations });
    // The home shard's part came in one frame; together with the outputs of the others it may
    // exceed one.
    if (bytes.length + STAMP_BYTES_MAX > WIRE_LIMITS.payloadBytesMax) {
      return this.#abort({ type: 'refused', reason: 'result-too-large', position: 0 });
    }
    this.#isCommitting = true;
    this.#propose(bytes, (reply) => {
      if (reply.type === 'committed' || reply.type === 'check-failed') return this.#decided(reply);
      const reason = reply.type === 'refused' ? toldReason(reply.reason) : 'gave-way';
      const position = reply.type === 'refused' || reply.type === 'locked' ? reply.position : 0;
      // The shard may have applied that proposal or not; this one decides, or returns the decision.
      this.#abort({ type: 'refused', reason, position });
    });
  }

  /** One proposal at a time, each repeated until it is answered or leadership is lost. */
  #propose(bytes: Uint8Array, take: (reply: Reply) => void): void {
    const question: Question = {
      state: 'resting',
      restsUntil: 0,
      rests: 0,
      ask: (done) => this.#port.decide(bytes, done),
      take,
    };
    this.#enter('deciding', [question]);
  }

  #decided(reply: Reply): void {
    const why = reply.type === 'refused' ? this.#refusal : undefined;
    this.#end(why === undefined ? { type: 'decided', reply } : { type: 'refused', why, reply });
  }

  #end(ending: Ending): void {
    if (this.#stage === 'over') return;
    this.#stage = 'over';
    this.#questions = [];
    this.#port.ended(ending);
  }

  get #home(): PlannedParticipant['part'] {
    const [home] = this.plan.parts;
    assert(home !== undefined, 'a transaction has a home');
    return home.part;
  }

  #decision(proposal: DecisionProposal): Uint8Array {
    const { contender, participants: all } = this.plan;
    // A participant that was not asked needs no decision: what an earlier coordinator left there
    // asks the home shard by itself.
    const participants = this.#hasAsked ? all : all.slice(0, 1);
    return encodeDecide({ ...contender, participants, proposal });
  }
}

const UNDECIDED: readonly Stage[] = ['waiting', 'preparing', 'validating'];

/** By recovery, by a request with higher priority, or because an answer is missing. */
const GIVEN_UP: TransactionRefusal = { type: 'refused', reason: 'aborted', position: 0 };

/** Some reasons also describe undecided transactions; a prepared part needs no reason. */
function toldReason(reason: Reason): Reason {
  return NO_REASONS.includes(reason) ? 'aborted' : reason;
}

const NO_REASONS: readonly Reason[] = ['window-full', 'malformed', 'acknowledged', 'staged'];

/** The home shard has aborted the transaction, or will not commit it. */
function isAbort(reply: Reply): boolean {
  if (reply.type === 'check-failed') return true;
  return reply.type === 'refused' && reply.reason === 'aborted';
}
