/**
 * The transactions whose home is a shard that this node leads: those on their way to a decision,
 * and decisions that participants have not acknowledged. It lasts for one term; the next leader
 * begins with the shard's state.
 */

import { present } from '../base/assert.ts';
import type { ShardId } from '../base/ids.ts';
import { TRANSACTION_LIMITS } from '../base/transaction-limits.ts';
import { shardAt } from '../catalog/questions.ts';
import type { Command } from '../machine/command.ts';
import { isCommittedBy } from '../machine/outcome.ts';
import { decodeReply, encodeReply, type Reply } from '../machine/reply.ts';
import type { TransactionRefusal } from '../machine/transaction.ts';
import {
  encodeConclusion,
  encodeDecide,
  encodeIds,
  encodeOperations,
  encodePrevention,
  encodeResolutions,
} from '../machine/transaction-codec.ts';
import { idName, type TransactionId } from '../machine/transaction-id.ts';
import type { DataMachine } from '../shard/data-machine.ts';
import type { Requester } from '../shard/proposals.ts';
import type { Replica } from '../shard/replica.ts';
import { NO_RESPONDER, type Responder } from '../shard/responder.ts';
import { ContentionQueue, contested, type QueuedTransaction } from '../txn/contention-queue.ts';
import { ContestedParts } from '../txn/contested-parts.ts';
import { type Answer, Coordinator, type CoordinatorPort, type Ending } from '../txn/coordinator.ts';
import { DecisionBroadcast, type DecisionBroadcastPort } from '../txn/decision-broadcast.ts';
import { bytesOf, type Plan, planOfStaged } from '../txn/plan.ts';
import type { StepTimes } from '../txn/step-times.ts';
import type { Request } from '../wire/request.ts';
import { effectOf, type Failure, type Response } from '../wire/response.ts';
import type { NodeState } from './node-state.ts';
import type { Router } from './router.ts';

interface CoordinatorsOptions {
  readonly node: NodeState;
  readonly router: Router;
  readonly stepTimes: StepTimes;
  readonly replica: Replica;
  readonly machine: DataMachine;
}

type Settling = Extract<Request, { type: 'settle' }>;

/** One transaction and the requests that wait for its end. */
interface Conducted {
  readonly coordinator: Coordinator;
  readonly queued: QueuedTransaction;
  readonly bytes: number;
  /** Its client, which may learn that it is committed before that is recorded. */
  readonly waiting: Requester[];
  /** The reply to its client once it is committed, recorded or not. */
  committed: Reply | undefined;
  /** Shards that hold a part: they end it by the recorded decision only. */
  readonly settling: Requester[];
}

/** A transaction that a client requested. */
interface Wanted {
  readonly plan: Plan;
  /** Approximate memory while it runs. */
  readonly bytes: number;
}

const ASKED_ONCE = 1;

export class Coordinators {
  readonly replica: Replica;
  readonly term: number;
  readonly #node: NodeState;
  readonly #router: Router;
  readonly #stepTimes: StepTimes;
  readonly #machine: DataMachine;
  readonly #conducted = new Map<string, Conducted>();
  #conductedBytes = 0;
  readonly #broadcast: DecisionBroadcast;
  readonly #queue = new ContentionQueue();
  readonly #contested = new ContestedParts();
  /** They leave the queue at the end of the turn, when all committed entries are applied. */
  #over: QueuedTransaction[] = [];
  #sweptAt = Number.NEGATIVE_INFINITY;

  constructor({ node, router, stepTimes, replica, machine }: CoordinatorsOptions) {
    this.replica = replica;
    this.term = replica.term;
    this.#node = node;
    this.#router = router;
    this.#stepTimes = stepTimes;
    this.#machine = machine;
    this.#broadcast = new DecisionBroadcast(this.#broadcastPort());
  }

  get isOver(): boolean {
    return !this.replica.isLeader || this.replica.term !== this.term;
  }

  /** Before its shard has adopted an arc it decides nothing, not even an abort. */
  get hasArc(): boolean {
    return this.#machine.epoch > 0;
  }

  get conducted(): number {
    return this.#conducted.size;
  }

  get conductedBytes(): number {
    return this.#conductedBytes;
  }

  /** Undefined for a transaction that does not run here. */
  stageOf(id: TransactionId): string | undefined {
    return this.#conducted.get(idName(id))?.coordinator.stage;
  }

  /** Participants that have not acknowledged a decision; undefined if it is not being sent. */
  waitsFor(id: TransactionId): number | undefined {
    return this.#broadcast.waitsFor(id)?.length;
  }

  /** A transaction that is requested twice runs once. */
  conduct({ plan, bytes }: Wanted, requester: Requester): void {
    const name = idName(plan.contender.id);
    const known = this.#conducted.get(name);
    if (known?.committed !== undefined) return this.#tell(requester, known.committed);
    if (known !== undefined) {
      known.waiting.push(requester);
      return;
    }
    const port = this.#portFor(name, plan);
    const coordinator = new Coordinator({ plan, port });
    const queued = this.#queuedFor({ plan, bytes }, coordinator);
    const waiting = [requester];
    const about = { coordinator, queued, bytes, waiting, settling: [], committed: undefined };
    this.#conducted.set(name, about);
    this.#conductedBytes += bytes;
    this.#queue.enter(queued);
    // It may wait for a transaction that is committed, and whose commit is deferred.
    if (coordinator.stage === 'waiting') this.replica.proposeDeferred();
  }

  /** Reports the decision of a transaction, and aborts it if it does not run here. */
  settle(settling: Settling, responder: Responder): void {
    const { id, contender, participants, isPreempting } = settling;
    // At another shard an abort would drop a prepared part though the home shard has committed.
    if (!this.#isHomeOf(settling)) return this.replica.fail({ responder, id }, 'malformed');
    // A decision never changes: a former leader may report it too.
    const decision = this.#machine.decisions.of(contender.id);
    if (decision !== undefined) {
      const reply: Reply = decision.isCommitted
        ? { type: 'committed', versions: [], outputs: [] }
        : { type: 'refused', reason: 'aborted', position: 0 };
      return this.#tell({ responder, id }, reply);
    }
    const conducted = this.#conducted.get(idName(contender.id));
    if (conducted !== undefined) {
      this.#settleLater(conducted, { responder, id });
      this.#contested.add(participants, this.#node.now);
      this.replica.releaseEndOf(contender);
      // A queued transaction has begun nothing here: the lock was left by an earlier coordinator.
      const isWaiting = conducted.coordinator.stage === 'waiting';
      if (isPreempting || isWaiting) conducted.coordinator.preempt();
      return;
    }
    if (this.#recover(contender.id, { responder, id })) return;
    const because = { type: 'refused', reason: 'aborted', position: 0 } as const;
    const proposal = { type: 'abort', because } as const;
    const bytes = encodeDecide({ ...contender, participants, proposal });
    const done = (answer: Answer) => {
      if (answer.type === 'failed') return this.replica.fail({ responder, id }, 'lost');
      // A stored decision is final, so it may be reported; a reply to one requester proves nothing.
      const kept = this.#machine.decisions.of(contender.id);
      if (kept !== undefined) this.#broadcast.tell(kept, true);
      const { reply } = answer;
      const isStaged = reply.type === 'refused' && reply.reason === 'staged';
      if (isStaged && this.#recover(contender.id, { responder, id })) return;
      this.#tell({ responder, id }, answer.reply);
    };
    this.#propose('decide', bytes, { epoch: this.#machine.epoch, responder: answering(done) });
  }

  /** A staged transaction without a coordinator: all parts together know whether it committed. */
  #recover(id: TransactionId, requester: Requester): boolean {
    const staged = this.#machine.lockTable.of(id);
    const { map } = this.#node;
    if (staged?.isStaged !== true || map === undefined) return false;
    const name = idName(id);
    const known = this.#conducted.get(name);
    if (known !== undefined) {
      this.#settleLater(known, requester);
      return true;
    }
    const plan = planOfStaged(staged, (position) => shardAt(map, position).shard);
    const coordinator = new Coordinator({ plan, port: this.#portFor(name, plan) });
    const bytes = bytesOf(plan);
    const queued = { contender: plan.contender, keys: [], bytes, ...NEVER_QUEUED };
    const settling = [requester];
    const about = { coordinator, queued, bytes, waiting: [], settling, committed: undefined };
    this.#conducted.set(name, about);
    this.#conductedBytes += bytes;
    coordinator.recover();
    return true;
  }

  /** A staged transaction waits for its participants, and holders ask again and again meanwhile. */
  #settleLater({ settling }: Conducted, requester: Requester): void {
    settling.push(requester);
    if (settling.length <= TRANSACTION_LIMITS.settlingMax) return;
    const oldest = present(settling.shift(), 'there is an oldest one');
    this.replica.fail(oldest, 'lost');
  }

  tick(): void {
    const { now } = this.#node;
    for (const { coordinator } of [...this.#conducted.values()]) coordinator.tick();
    if (now - this.#sweptAt >= TRANSACTION_LIMITS.sweepMilliseconds) {
      this.#sweptAt = now;
      for (const decision of this.#machine.decisions.all()) this.#broadcast.tell(decision, true);
    }
    this.#queue.tick();
    this.#broadcast.tick();
    this.flush();
  }

  /** The end of a turn. */
  flush(): void {
    const over = this.#over;
    this.#over = [];
    for (const one of over) this.#queue.leave(one);
    this.#broadcast.flush();
  }

  /** Leadership is lost: the progress so far is in the logs. */
  close(): void {
    this.#queue.close();
    for (const { coordinator } of [...this.#conducted.values()]) coordinator.lose();
  }

  #isHomeOf({ contender: { id }, participants }: Settling): boolean {
    const isHere = this.#shardAt(id.home) === this.replica.shard;
    return isHere && participants[0]?.position === id.home;
  }

  #portFor(name: string, plan: Plan): CoordinatorPort {
    const [node, stepTimes] = [this.#node, this.#stepTimes];
    const { contender } = plan;
    const { replica } = this;
    const { epoch, deadline } = homeOf(plan);
    return {
      get now() {
        return node.now;
      },
      get prepareMilliseconds() {
        return stepTimes.prepareMilliseconds;
      },
      get millisecondsLeft() {
        return deadline - replica.logTime;
      },
      precheck: () => this.#precheck(plan),
      prepare: ({ shard, part, isStaged }, bytes, done) => {
        const about = { id: ASKED_ONCE, shard, epoch: part.epoch };
        const step = isStaged ? 'stage' : 'prepare';
        this.#ask({ type: 'step', ...about, step, bytes }, this.#timed(shard, done));
      },
      prevent: ({ shard, part, at }, done) => {
        const { position } = present(plan.participants[at], 'each part has its participant');
        const { deadline } = part;
        const bytes = encodePrevention({ id: contender.id, position, deadline });
        const epoch = this.#router.rowOf(shard)?.epoch ?? 0;
        const about = { id: ASKED_ONCE, shard, epoch };
        this.#ask({ type: 'step', ...about, step: 'prevent', bytes }, this.#timed(shard, done));
      },
      committed: (reply) => {
        const conducted = present(this.#conducted.get(name), 'what is committed is conducted');
        conducted.committed = reply;
        for (const requester of conducted.waiting.splice(0)) this.#tell(requester, reply);
      },
      validate: ({ shard, part, checks }, done) => {
        this.#ask(
          {
            type: 'validate',
            id: ASKED_ONCE,
            shard,
            epoch: part.epoch,
            level: { type: 'linearizable' },
            patienceMilliseconds: stepTimes.prepareMilliseconds,
            owner: contender,
            checks: encodeOperations(checks),
          },
          this.#timed(shard, done),
        );
      },
      // The epoch of the client's map: the home shard's part is for the arc that it had then.
      decide: (bytes, done) =>
        this.#propose('decide', bytes, { epoch, responder: answering(done) }),
      record: (decision, done) => {
        const bytes = encodeConclusion({ commits: [decision], resolutions: [], cleared: [] });
        this.#propose('conclude', bytes, { epoch, responder: answering(done) });
        if (this.#hasHurry(name, plan)) this.replica.releaseEndOf(contender);
      },
      ended: (ending) => this.#end(name, plan, ending),
    };
  }

  /** A request waits for one of its keys, or probably will before long. */
  #hasHurry(name: string, { participants }: Plan): boolean {
    const conducted = present(this.#conducted.get(name), 'it is conducted');
    const { queued, settling, bytes } = conducted;
    if (this.#node.isClosing || bytes > TRANSACTION_LIMITS.deferredBytesMax) return true;
    if (settling.length > 0 || this.#queue.isAwaited(queued)) return true;
    return this.#contested.hasOneOf(participants, this.#node.now);
  }

  /** The answer also shows how long a step takes, and whether the shard answers. */
  #timed(shard: ShardId, done: (answer: Answer) => void): Responder {
    const node = this.#node;
    const askedAt = node.now;
    return answering((answer) => {
      if (answer.type === 'replied') this.#stepTimes.observe(shard, node.now - askedAt);
      else this.#stepTimes.miss(shard);
      done(answer);
    });
  }

  /** A decided transaction does not wait: its requester gets the decision. */
  #queuedFor({ plan, bytes }: Wanted, coordinator: Coordinator): QueuedTransaction {
    const home = homeOf(plan);
    const isDecided = this.#machine.decisions.of(plan.contender.id) !== undefined;
    const checks = isDecided ? NO_CHECKS : contested(home.operations);
    return {
      contender: plan.contender,
      keys: [...checks.keys()],
      bytes,
      isHopeless: (key) => {
        const check = checks.get(key);
        return check !== undefined && this.#failing(home, [check]) !== undefined;
      },
      begin: () => coordinator.begin(),
    };
  }

  #precheck(plan: Plan): TransactionRefusal | undefined {
    const home = homeOf(plan);
    if (home.deadline < this.replica.logTime) {
      return { type: 'refused', reason: 'deadline-passed', position: 0 };
    }
    const refusal = this.#failing(home, home.operations);
    const isFenced = refusal && home.operations[refusal.position]?.type === 'fence';
    if (isFenced) this.#node.leases.fenced += 1;
    return refusal;
  }

  /**
   * Undefined before the leader is current, and while a committed entry is not applied: clients may
   * have seen its writes elsewhere. Also for keys of another arc.
   */
  #failing({ epoch }: HomePart, operations: Command): TransactionRefusal | undefined {
    const { isCurrent, hasUnapplied } = this.replica;
    const isKnown = isCurrent && !hasUnapplied && epoch === this.#machine.epoch;
    return isKnown ? this.#machine.precheck(operations) : undefined;
  }

  #broadcastPort(): DecisionBroadcastPort {
    const node = this.#node;
    return {
      get now() {
        return node.now;
      },
      shardAt: (position) => this.#shardAt(position),
      resolve: (shard, resolutions, done) => {
        const epoch = this.#router.rowOf(shard)?.epoch ?? 0;
        const bytes = encodeResolutions(resolutions);
        this.#ask(
          { type: 'step', id: ASKED_ONCE, shard, epoch, step: 'resolve', bytes },
          { respond: (response) => done(heardBy(response, resolutions.length)) },
        );
      },
      clear: (ids) => {
        const { epoch } = this.#machine;
        this.#propose('clear', encodeIds(ids), { epoch, responder: NO_RESPONDER });
      },
    };
  }

  #end(name: string, plan: Plan, ending: Ending): void {
    const conducted = present(this.#conducted.get(name), 'what ends was conducted');
    const { coordinator, queued, bytes } = conducted;
    const waiting = [...conducted.waiting, ...conducted.settling];
    this.#conducted.delete(name);
    this.#conductedBytes -= bytes;
    if (ending.type !== 'lost' && coordinator.hasAsked) this.#announce(plan, ending.reply);
    if (ending.type === 'decided') {
      for (const requester of waiting) this.#tell(requester, ending.reply);
    } else {
      const failure = ending.type === 'lost' ? 'lost' : (ending.why as Failure);
      for (const requester of waiting) this.replica.fail(requester, failure);
    }
    this.#over.push(queued);
  }

  /** Also if no decision is kept, because then only an abort can follow. */
  #announce({ contender: { id }, participants }: Plan, reply: Reply): void {
    const isCommitted = isCommittedBy(reply);
    if (isCommitted === undefined) return;
    const decision = this.#machine.decisions.of(id);
    this.#broadcast.tell(decision ?? { id, isCommitted, participants }, decision !== undefined);
  }

  /** Served here, or one hop away. */
  #ask(request: Extract<Request, { type: 'step' | 'validate' }>, responder: Responder): void {
    this.#router.route(request, { responder, isForwarded: false });
  }

  #shardAt(position: number): ShardId | undefined {
    const { map } = this.#node;
    return map && shardAt(map, position).shard;
  }

  #propose(
    type: 'decide' | 'clear' | 'conclude',
    bytes: Uint8Array,
    { epoch, responder }: { readonly epoch: number; readonly responder: Responder },
  ): void {
    this.replica.stamp({ responder, id: ASKED_ONCE }, epoch, { type, bytes });
  }

  #tell({ responder, id }: Requester, reply: Reply): void {
    const { time } = this.#machine;
    responder.respond({ type: 'written', id, time, replies: [encodeReply(reply)] });
  }
}

/** Recovery waits for nothing. */
const NEVER_QUEUED = { isHopeless: () => false, begin: () => {} };

const NO_CHECKS: ReturnType<typeof contested> = new Map();

type HomePart = Plan['parts'][number]['part'];

function homeOf({ parts }: Plan): HomePart {
  return present(parts[0], 'a transaction has a home').part;
}

/** Failures that do not pass by themselves. */
const FINAL: readonly Failure[] = ['malformed', 'too-large', 'read-only'];

function answering(done: (answer: Answer) => void): Responder {
  return { respond: (response) => done(answerOf(response)) };
}

/** How many of the resolutions a shard has applied. It says so only if not all. */
function heardBy(response: Response, told: number): number {
  if (response.type !== 'written') return 0;
  const [bytes] = response.replies;
  if (bytes === undefined) return told;
  const reply = decodeReply(bytes);
  const isCut = reply?.type === 'refused' && reply.reason === 'entry-full';
  return isCut ? Math.min(reply.position, told) : 0;
}

function answerOf(response: Response): Answer {
  if (response.type === 'failed') {
    const { failure } = response;
    const isFinal = effectOf(failure) === 'notApplied' && FINAL.includes(failure);
    return { type: 'failed', why: failure, isFinal };
  }
  const bytes = response.type === 'written' ? response.replies[0] : undefined;
  const reply = bytes === undefined ? undefined : decodeReply(bytes);
  if (reply === undefined) return { type: 'failed', why: 'malformed', isFinal: false };
  return { type: 'replied', reply };
}
