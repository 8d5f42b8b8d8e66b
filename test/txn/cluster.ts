/**
 * Shards with real machines, and everything of this room between them, in a random order:
 * messages get lost, come late and come twice; leaders are lost, and their proposals are applied
 * or not. A shard is its log, so one machine stands for all of its replicas.
 */

import { present } from '../../src/base/assert.ts';
import type { ShardId } from '../../src/base/ids.ts';
import type { Random } from '../../src/base/random.ts';
import { TRANSACTION_LIMITS } from '../../src/base/transaction-limits.ts';
import type { Command } from '../../src/machine/command.ts';
import type { EntryBody } from '../../src/machine/entry.ts';
import { doesHold } from '../../src/machine/execution.ts';
import type { Prepared } from '../../src/machine/lock-table.ts';
import { Machine } from '../../src/machine/machine.ts';
import { isCommittedBy } from '../../src/machine/outcome.ts';
import { failingCheck } from '../../src/machine/precheck.ts';
import type { Reply } from '../../src/machine/reply.ts';
import type { Row } from '../../src/machine/row.ts';
import type { TransactionRequest } from '../../src/machine/transaction.ts';
import {
  encodeConclusion,
  encodeDecide,
  encodeIds,
  encodePrevention,
  encodeResolutions,
} from '../../src/machine/transaction-codec.ts';
import { type Contender, idText, isSameId } from '../../src/machine/transaction-id.ts';
import { hasPriority } from '../../src/txn/conflict-policy.ts';
import {
  ContentionQueue,
  contested,
  type QueuedTransaction,
} from '../../src/txn/contention-queue.ts';
import {
  type Answer,
  Coordinator,
  type CoordinatorPort,
  type Ending,
} from '../../src/txn/coordinator.ts';
import { DecisionBroadcast } from '../../src/txn/decision-broadcast.ts';
import { LockResolver } from '../../src/txn/lock-resolver.ts';
import { type Plan, planOf, planOfStaged } from '../../src/txn/plan.ts';
import { MachineRig, START, textOf } from '../machine/machine-rig.ts';

const LOST: Answer = { type: 'failed', why: 'lost', isFinal: false };
const COMMITTED = { type: 'committed', versions: [], outputs: [] } as const;
const ABORTED = { type: 'refused', reason: 'aborted', position: 0 } as const;

export interface Chances {
  /** Of a message, or of its answer. */
  readonly loss: number;
  readonly repetition: number;
  /** Of a leader, at each event. */
  readonly end: number;
  /** That for some seconds nothing arrives. */
  readonly storm: number;
}

/** Undefined for an answer that never comes. */
type Told = (reply: Reply | undefined) => void;

interface Requesters {
  readonly waiting: Told[];
  /** Shards that hold a part: they learn the recorded decision only. */
  readonly settling: Told[];
}

interface Conducted extends Requesters {
  readonly coordinator: Coordinator;
}

class Shard {
  readonly rig = new MachineRig();
  readonly number: number;
  readonly #cluster: Cluster;
  /** Counts leaders. */
  term = 0;
  conducted = new Map<string, Conducted>();
  readonly line = new ContentionQueue();
  readonly #inLine = new Map<string, QueuedTransaction>();
  broadcast: DecisionBroadcast;
  resolver: LockResolver;

  constructor(number: number, cluster: Cluster) {
    this.number = number;
    this.#cluster = cluster;
    this.broadcast = this.#newPhaseTwo();
    this.resolver = this.#newResolver();
  }

  get prepared() {
    return this.rig.machine.transactions.lockTable;
  }

  get decisions() {
    return this.rig.machine.transactions.decisions;
  }

  /** Its leader is lost; the next one knows what is in the log and in the state. */
  end(): void {
    this.term += 1;
    this.line.close();
    for (const { coordinator } of [...this.conducted.values()]) this.#lose(coordinator);
    this.conducted.clear();
    this.#inLine.clear();
    this.rig.machine = new Machine({ source: this.rig.rows });
    this.broadcast = this.#newPhaseTwo();
    this.resolver = this.#newResolver();
  }

  /** A former leader may hear of its end late: until then it takes answers, and tells clients. */
  #lose(coordinator: Coordinator, moments = this.#cluster.random.below(40)): void {
    if (moments === 0) return coordinator.lose();
    this.#cluster.later(() => this.#lose(coordinator, moments - 1));
  }

  /** `done` is not called if the leader is lost: the outcome of the entry is open. */
  propose(body: EntryBody, done: (reply: Reply | undefined) => void): void {
    const { term } = this;
    this.#cluster.later(() => {
      const isOurs = this.term === term;
      if (!isOurs && this.#cluster.random.below(2) === 0) return;
      const [reply] = this.rig.apply(body);
      if (isOurs) done(reply);
    });
  }

  /** As the proposal queue does: a request with higher priority preempts the holder. */
  prepare(
    { type, bytes }: { readonly type: 'prepare' | 'stage'; readonly bytes: Uint8Array },
    contender: Contender,
    done: (reply: Reply | undefined) => void,
  ): void {
    this.propose({ type, bytes }, (reply) => {
      if (reply?.type === 'locked') this.meet(reply.holder, hasPriority(contender, reply.holder));
      done(reply);
    });
  }

  meet({ id }: Contender, isPreempting: boolean): void {
    const holder = this.prepared.of(id);
    if (holder !== undefined) this.resolver.meet(holder, isPreempting);
  }

  /** Undefined while a key is held that has to be waited for. */
  validate(checks: Command, owner: Contender): Reply | undefined {
    for (const [position, { key }] of checks.entries()) {
      const holder = this.prepared.holderOf(key);
      if (holder === undefined || isSameId(holder.id, owner.id)) continue;
      if (hasPriority(holder, owner)) return { type: 'locked', position, holder };
      this.meet(holder, true);
      return undefined;
    }
    for (const [position, check] of checks.entries()) {
      const row = this.rig.row(textOf(check.key));
      const isGood = check.type === 'check-version' && doesHold(check, row);
      if (!isGood) return { type: 'check-failed', position, version: row?.version ?? 0 };
    }
    return { type: 'done', version: 0, outputs: [] };
  }

  conduct(transaction: TransactionRequest, told: Told): void {
    // Two leaders need not agree on it.
    const mayStage = this.#cluster.random.below(8) > 0;
    const plan = planOf(transaction, { mayStage }) as Plan;
    const name = idText(plan.contender.id);
    const known = this.conducted.get(name);
    if (known !== undefined) {
      known.waiting.push(told);
      return;
    }
    const { contender } = plan;
    const { operations } = present(plan.parts[0], 'it has a home').part;
    const requesters: Requesters = { waiting: [told], settling: [] };
    const coordinator = new Coordinator({ plan, port: this.#portFor(name, plan, requesters) });
    const checks = contested(operations);
    const inLine: QueuedTransaction = {
      contender,
      keys: [...checks.keys()],
      bytes: 1,
      isHopeless: (key) => this.#failing([checks.get(key) as Command[number]]) !== undefined,
      begin: () => coordinator.begin(),
    };
    this.conducted.set(name, { coordinator, ...requesters });
    this.#inLine.set(name, inLine);
    this.line.enter(inLine);
  }

  #failing(checks: Command) {
    const { fences } = this.rig.machine.coordination;
    return failingCheck(checks, { source: this.rig.rows, lockTable: this.prepared, fences });
  }

  #portFor(name: string, plan: Plan, requesters: Requesters): CoordinatorPort {
    const cluster = this.#cluster;
    const { term } = this;
    const { contender } = plan;
    const { operations, deadline } = present(plan.parts[0], 'it has a home').part;
    return {
      get now() {
        return cluster.now;
      },
      prepareMilliseconds: TRANSACTION_LIMITS.prepareMilliseconds,
      get millisecondsLeft() {
        return deadline - (START + cluster.now);
      },
      precheck: () => this.#failing(operations),
      prepare: ({ shard, isStaged }, bytes, done) => {
        const to = cluster.shard(shard);
        const type = isStaged ? 'stage' : 'prepare';
        cluster.ask((answer) => to.prepare({ type, bytes }, contender, answer), answered(done));
      },
      prevent: ({ shard, part, at }, done) => {
        const to = cluster.shard(shard);
        const position = plan.participants[at]?.position ?? 0;
        const bytes = encodePrevention({ id: contender.id, position, deadline: part.deadline });
        cluster.ask((answer) => to.propose({ type: 'prevent', bytes }, answer), answered(done));
      },
      committed: (reply) => {
        for (const one of requesters.waiting.splice(0)) one(reply);
      },
      validate: ({ shard, checks }, done) => {
        const to = cluster.shard(shard);
        cluster.ask((answer) => answer(to.validate(checks, contender)), answered(done));
      },
      decide: (bytes, done) => {
        if (this.term === term) this.propose({ type: 'decide', bytes }, answered(done));
      },
      record: (decision, done) => {
        const bytes = encodeConclusion({ commits: [decision], resolutions: [], cleared: [] });
        if (this.term === term) this.propose({ type: 'conclude', bytes }, answered(done));
      },
      ended: (ending) => {
        if (this.term === term) this.#end(name, plan, ending);
        const reply = ending.type === 'lost' ? undefined : ending.reply;
        for (const one of [...requesters.waiting, ...requesters.settling]) one(reply);
      },
    };
  }

  #end(name: string, plan: Plan, ending: Ending): void {
    const { coordinator } = present(this.conducted.get(name), 'it was conducted');
    this.conducted.delete(name);
    const reply = ending.type === 'lost' ? undefined : ending.reply;
    if (reply !== undefined && coordinator.hasAsked) this.#tellOthers(plan, reply);
    const inLine = this.#inLine.get(name);
    this.#inLine.delete(name);
    if (inLine !== undefined) this.line.leave(inLine);
  }

  settle(holder: Prepared, isPreempting: boolean, told: Told): void {
    const decision = this.decisions.of(holder.id);
    if (decision !== undefined) return told(decision.isCommitted ? COMMITTED : ABORTED);
    const name = idText(holder.id);
    const conducted = this.conducted.get(name);
    if (conducted !== undefined) {
      conducted.settling.push(told);
      if (isPreempting) conducted.coordinator.preempt();
      return;
    }
    if (this.#recover(holder, told)) return;
    const { id, attempts, age, participants } = holder;
    const proposal = { type: 'abort', because: ABORTED } as const;
    const bytes = encodeDecide({ id, attempts, age, participants, proposal });
    this.propose({ type: 'decide', bytes }, (reply) => {
      const isStaged = reply?.type === 'refused' && reply.reason === 'staged';
      if (!isStaged || !this.#recover(holder, told)) told(reply);
    });
  }

  #recover({ id }: Contender, told: Told): boolean {
    const staged = this.prepared.of(id);
    if (staged?.isStaged !== true) return false;
    const name = idText(id);
    const known = this.conducted.get(name);
    if (known !== undefined) {
      known.settling.push(told);
      return true;
    }
    const plan = planOfStaged(staged, (position) => this.#cluster.shardAt(position));
    const requesters: Requesters = { waiting: [], settling: [told] };
    const coordinator = new Coordinator({ plan, port: this.#portFor(name, plan, requesters) });
    this.conducted.set(name, { coordinator, ...requesters });
    coordinator.recover();
    return true;
  }

  tick(isSweep: boolean): void {
    for (const { coordinator } of [...this.conducted.values()]) coordinator.tick();
    this.line.tick();
    if (isSweep) for (const decision of this.decisions.all()) this.broadcast.tell(decision, true);
    if (isSweep) for (const part of this.prepared.all()) this.resolver.meet(part, false);
    // Clients that cannot send anything any more.
    if (isSweep) this.propose({ type: 'forget', clients: this.#cluster.clients }, () => {});
    this.broadcast.tick();
    this.broadcast.flush();
    this.resolver.tick();
  }

  #tellOthers({ contender: { id }, participants }: Plan, reply: Reply): void {
    const isCommitted = isCommittedBy(reply);
    const decision = this.decisions.of(id);
    if (isCommitted !== undefined) {
      this.broadcast.tell(decision ?? { id, isCommitted, participants }, decision !== undefined);
    }
  }

  #newPhaseTwo(): DecisionBroadcast {
    const cluster = this.#cluster;
    return new DecisionBroadcast({
      get now() {
        return cluster.now;
      },
      shardAt: (position) => cluster.shardAt(position),
      resolve: (shard, resolutions, done) => {
        const bytes = encodeResolutions(resolutions);
        const to = cluster.shard(shard);
        // A resolution has no reply: its application is the answer.
        const perform = (answer: Told) => {
          to.propose({ type: 'resolve', bytes }, () => answer(ABORTED));
        };
        cluster.ask(perform, (reply) => done(reply === undefined ? 0 : resolutions.length));
      },
      clear: (ids) => this.propose({ type: 'clear', bytes: encodeIds(ids) }, () => {}),
    });
  }

  #newResolver(): LockResolver {
    const cluster = this.#cluster;
    const prepared = () => this.prepared;
    return new LockResolver({
      get now() {
        return cluster.now;
      },
      resolveMilliseconds: TRANSACTION_LIMITS.resolveMilliseconds,
      get lockTable() {
        return prepared();
      },
      settle: (holder, isPreempting, done) => {
        const home = cluster.shard(cluster.shardAt(holder.id.home));
        cluster.ask((answer) => home.settle(holder, isPreempting, answer), done);
      },
      resolve: (resolution) => {
        const bytes = encodeResolutions([resolution]);
        this.propose({ type: 'resolve', bytes }, () => {});
      },
    });
  }
}

function answered(done: (answer: Answer) => void): Told {
  return (reply) => done(reply === undefined ? LOST : { type: 'replied', reply });
}

const SHARDS = 3;
/** After this time the requester considers an answer lost. */
const PATIENCE_MILLISECONDS = 400;
const SWEEP_MILLISECONDS = 500;
/** Longer than a transaction tries to become ready. */
const STORM_MILLISECONDS = 4000;
const DELAY_MILLISECONDS_MAX = 8000;

export class Cluster {
  now = 0;
  readonly random: Random;
  chances: Chances;
  readonly clients: Uint8Array[] = [];
  readonly shards: readonly Shard[];
  readonly #events: (() => void)[] = [];
  readonly #waits: { readonly until: number; readonly expire: () => void }[] = [];
  readonly #shardAt = new Map<number, ShardId>();
  #sweptAt = 0;
  #stormUntil = 0;

  constructor(random: Random, chances: Chances) {
    this.random = random;
    this.chances = chances;
    this.shards = Array.from({ length: SHARDS }, (_, at) => new Shard(at, this));
  }

  shard(number: number): Shard {
    return this.shards[number] as Shard;
  }

  /** The shard of each key of transactions. */
  learn(position: number, shard: number): void {
    this.#shardAt.set(position, shard as ShardId);
  }

  shardAt(position: number): ShardId {
    return this.#shardAt.get(position) as ShardId;
  }

  later(event: () => void): void {
    this.#events.push(event);
  }

  /** `done` is called once: with the answer, or with none if either way was lost. */
  ask(perform: (answer: Told) => void, done: Told): void {
    let isDone = false;
    const end = (reply: Reply | undefined) => {
      if (!isDone) done(reply);
      isDone = true;
    };
    this.#waits.push({ until: this.now + PATIENCE_MILLISECONDS, expire: () => end(undefined) });
    if (this.#isLost) return;
    this.later(() => {
      perform((reply) => {
        if (!this.#isLost) this.later(() => end(reply));
      });
    });
    // The copy may arrive much later, when everything is over and forgotten.
    if (!this.#happens('repetition')) return;
    const until = this.now + this.random.below(DELAY_MILLISECONDS_MAX);
    this.#waits.push({ until, expire: () => perform(() => {}) });
  }

  row(shard: number, key: string): Row | undefined {
    return this.shard(shard).rig.row(key);
  }

  /** One event, or some time. */
  step(): void {
    if (this.#happens('storm')) this.#stormUntil = this.now + STORM_MILLISECONDS;
    if (this.#happens('end')) this.shard(this.random.below(SHARDS)).end();
    if (this.#events.length === 0 || this.random.below(4) === 0) return this.#pass();
    const at = this.random.below(this.#events.length);
    const event = this.#events[at] as () => void;
    const last = this.#events.pop() as () => void;
    if (at < this.#events.length) this.#events[at] = last;
    event();
  }

  get isQuiet(): boolean {
    const isIdle = ({ prepared, decisions, conducted }: Shard) => {
      return prepared.size + decisions.size + conducted.size === 0;
    };
    return this.shards.every(isIdle);
  }

  #pass(): void {
    this.now += 1 + this.random.below(10);
    const isSweep = this.now - this.#sweptAt >= SWEEP_MILLISECONDS;
    if (isSweep) this.#sweptAt = this.now;
    for (const shard of this.shards) {
      shard.rig.time = START + this.now;
      shard.tick(isSweep);
    }
    const due = this.#waits.filter(({ until }) => until <= this.now);
    const left = this.#waits.filter(({ until }) => until > this.now);
    this.#waits.splice(0, this.#waits.length, ...left);
    for (const { expire } of due) expire();
  }

  get #isLost(): boolean {
    return this.now < this.#stormUntil || this.#happens('loss');
  }

  #happens(what: keyof Chances): boolean {
    return this.random.below(1000) < this.chances[what] * 1000;
  }
}
