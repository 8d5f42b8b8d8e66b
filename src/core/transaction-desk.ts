/** What a node does for transactions: conducts them, ends them, and resolves what they left. */

import type { ShardId } from '../base/ids.ts';
import { MACHINE_LIMITS } from '../base/limits.ts';
import { TRANSACTION_LIMITS } from '../base/transaction-limits.ts';
import { shardAt } from '../catalog/questions.ts';
import { faultOfCommand } from '../machine/batch.ts';
import type { Prepared } from '../machine/prepared.ts';
import { decodeReply, encodeReply, type Reason } from '../machine/reply.ts';
import { decodeTransaction, encodeResolutions } from '../machine/transaction-codec.ts';
import { DataMachine } from '../shard/data-machine.ts';
import type { Origin } from '../shard/origin.ts';
import type { Replica } from '../shard/replica.ts';
import { Meetings, type MeetingsPort } from '../txn/meetings.ts';
import { planOf } from '../txn/plan.ts';
import type { Request } from '../wire/request.ts';
import type { Failure } from '../wire/response.ts';
import { HomeDesk, type HomeDeskHost } from './home-desk.ts';
import type { NodeParts } from './node-parts.ts';

type Transacting = Extract<Request, { type: 'transact' }>;
type Settling = Extract<Request, { type: 'settle' }>;

const NOBODY_ASKED: Origin = { respond() {} };

export class TransactionDesk implements HomeDeskHost {
  readonly #core: NodeParts;
  readonly #homes = new Map<ShardId, HomeDesk>();
  readonly #meetings = new Map<Replica, Meetings>();
  #sweptAt = Number.NEGATIVE_INFINITY;

  constructor(core: NodeParts) {
    this.#core = core;
  }

  get now(): number {
    return this.#core.now;
  }

  /** Transactions on their way to a decision. */
  get conducted(): number {
    let conducted = 0;
    for (const desk of this.#homes.values()) conducted += desk.conducted;
    return conducted;
  }

  ask(request: Request, origin: Origin): void {
    this.#core.ask(request, origin);
  }

  shardAt(position: number): ShardId | undefined {
    const { map } = this.#core;
    return map && shardAt(map, position).shard;
  }

  epochOf(shard: ShardId): number {
    return this.#core.map?.shards[shard]?.epoch ?? 0;
  }

  /** Required: the replica leads. */
  transact(replica: Replica, request: Transacting, origin: Origin): void {
    const asker = { origin, id: request.id };
    const transaction = decodeTransaction(request.transaction);
    const plan = transaction && planOf(transaction);
    const home = transaction?.parts[0];
    const desk = this.#deskOf(replica);
    if (plan === undefined || home?.shard !== replica.shard || desk === undefined) {
      return replica.fail(asker, 'malformed');
    }
    const failure = this.#failureOf(replica, home.operations);
    if (failure !== undefined) return replica.fail(asker, failure);
    const reason = reasonAgainst(home.deadline, replica.logTime);
    if (reason !== undefined) {
      const reply = encodeReply({ type: 'refused', reason, position: 0 });
      const time = replica.machine.time;
      return origin.respond({ type: 'written', id: request.id, time, replies: [reply] });
    }
    desk.conduct(transaction as NonNullable<typeof transaction>, plan, asker);
  }

  /** Required: the replica leads. */
  settle(replica: Replica, request: Settling, origin: Origin): void {
    const desk = this.#deskOf(replica);
    if (desk === undefined) return replica.fail({ origin, id: request.id }, 'malformed');
    desk.settle(request, origin);
  }

  /** Somebody waits for a key that a transaction holds. */
  meet(replica: Replica, holder: Prepared, isPressing: boolean): void {
    this.#meetingsOf(replica)?.meet(holder, isPressing);
  }

  /** Who conducts or tells of transactions of a shard that this node leads. */
  homeOf(shard: ShardId): HomeDesk | undefined {
    return this.#homes.get(shard);
  }

  tick(): void {
    this.#dropOver();
    if (this.now - this.#sweptAt >= TRANSACTION_LIMITS.sweepMilliseconds) this.#sweep();
    for (const desk of this.#homes.values()) desk.tick();
    for (const meetings of this.#meetings.values()) meetings.tick();
  }

  /** The end of a turn: what was decided in it is told. */
  flush(): void {
    for (const desk of this.#homes.values()) desk.flush();
  }

  /** Parts that nobody has met, and decisions that a former leader has left. */
  #sweep(): void {
    this.#sweptAt = this.now;
    for (const replica of this.#core.replicas.all) {
      const { machine, isLeader } = replica;
      if (!isLeader || !(machine instanceof DataMachine)) continue;
      if (machine.decisions.size > 0) this.#deskOf(replica);
      for (const part of machine.prepared.all()) {
        const age = replica.logTime - part.since;
        if (age >= TRANSACTION_LIMITS.orphanMilliseconds) this.meet(replica, part, false);
      }
    }
  }

  #dropOver(): void {
    for (const [shard, desk] of this.#homes) {
      const isGone = this.#core.replicas.get(shard) !== desk.replica;
      if (!isGone && !desk.isOver) continue;
      this.#homes.delete(shard);
      desk.close();
    }
    for (const [replica, meetings] of this.#meetings) {
      const isGone = this.#core.replicas.get(replica.shard) !== replica;
      if (isGone || !replica.isLeader || meetings.size === 0) this.#meetings.delete(replica);
    }
  }

  #deskOf(replica: Replica): HomeDesk | undefined {
    const { machine, shard } = replica;
    if (!(machine instanceof DataMachine)) return undefined;
    const known = this.#homes.get(shard);
    if (known?.replica === replica && !known.isOver) return known;
    known?.close();
    const desk = new HomeDesk({ host: this, replica, machine });
    this.#homes.set(shard, desk);
    return desk;
  }

  #meetingsOf(replica: Replica): Meetings | undefined {
    const known = this.#meetings.get(replica);
    if (known !== undefined) return known;
    const { machine, shard } = replica;
    if (!(machine instanceof DataMachine)) return undefined;
    const desk = this;
    const meetings = new Meetings({
      get now() {
        return desk.now;
      },
      get prepared() {
        return machine.prepared;
      },
      settle: (holder, isPressing, done) => this.#askHome(holder, isPressing, done),
      resolve: (resolution) => {
        const bytes = encodeResolutions([resolution]);
        const asker = { origin: NOBODY_ASKED, id: 1 };
        replica.stamp(asker, this.epochOf(shard), { type: 'resolve', bytes });
      },
    });
    this.#meetings.set(replica, meetings);
    return meetings;
  }

  #askHome(
    holder: Prepared,
    isPressing: boolean,
    done: Parameters<MeetingsPort['settle']>[2],
  ): void {
    const shard = this.shardAt(holder.id.home);
    if (shard === undefined) return done(undefined);
    const { id, age, participants } = holder;
    const contender = { id, age };
    this.ask(
      { type: 'settle', id: 1, shard, contender, participants, isPressing },
      {
        respond: (response) => {
          const bytes = response.type === 'written' ? response.replies[0] : undefined;
          done(bytes === undefined ? undefined : decodeReply(bytes));
        },
      },
    );
  }

  #failureOf({ shard }: Replica, operations: Parameters<typeof faultOfCommand>[0]) {
    const { map, isReadOnly, valueBytesMax } = this.#core;
    const arc = map?.shards[shard];
    if (arc === undefined) return 'not-here';
    const fault = faultOfCommand(operations, { arc, valueBytesMax });
    if (fault === 'malformed') return 'malformed';
    if (fault === 'key-elsewhere') return 'not-here';
    if (fault === 'value-too-large') return 'too-large';
    const failure: Failure | undefined = isReadOnly ? 'read-only' : undefined;
    return this.#isFull ? 'overloaded' : failure;
  }

  get #isFull(): boolean {
    return this.conducted >= TRANSACTION_LIMITS.coordinatorsMax;
  }
}

/** As the machine will say, before keys are locked elsewhere. */
function reasonAgainst(deadline: number, logTime: number): Reason | undefined {
  if (deadline < logTime) return 'deadline-passed';
  return deadline > logTime + MACHINE_LIMITS.timeoutMillisecondsMax
    ? 'deadline-too-far'
    : undefined;
}
