/** The transactions of a node: coordinates them, ends them, and resolves their locks. */

import type { ShardId } from '../base/ids.ts';
import { MACHINE_LIMITS } from '../base/limits.ts';
import { TRANSACTION_LIMITS } from '../base/transaction-limits.ts';
import { CATALOG_SHARD } from '../catalog/cluster-map.ts';
import { shardAt } from '../catalog/questions.ts';
import type { Prepared } from '../machine/lock-table.ts';
import { decodeReply, type Reason } from '../machine/reply.ts';
import type { TransactionRequest } from '../machine/transaction.ts';
import { decodeTransaction, encodeResolutions } from '../machine/transaction-codec.ts';
import { plausibleRank } from '../machine/transaction-id.ts';
import { DataMachine } from '../shard/data-machine.ts';
import type { Requester } from '../shard/proposals.ts';
import type { Replica } from '../shard/replica.ts';
import { NO_RESPONDER, type Responder } from '../shard/responder.ts';
import { LockResolver, type LockResolverPort } from '../txn/lock-resolver.ts';
import { bytesOf, planOf } from '../txn/plan.ts';
import { StepTimes } from '../txn/step-times.ts';
import type { Failure } from '../wire/response.ts';
import { Coordinators } from './coordinators.ts';
import type { NodeState } from './node-state.ts';
import { refusalOf } from './request-refusal.ts';
import type { Asked, Router } from './router.ts';
import type { StoredPart } from './storage-growth.ts';
import type { StorageQuotas } from './storage-quotas.ts';

export class TransactionService {
  readonly #node: NodeState;
  readonly #router: Router;
  /** Undefined: nothing that is stored is limited. */
  readonly #quotas: StorageQuotas | undefined;
  readonly #coordinators = new Map<ShardId, Coordinators>();
  readonly #resolvers = new Map<Replica, LockResolver>();
  readonly stepTimes = new StepTimes();
  #sweptAt = Number.NEGATIVE_INFINITY;

  constructor(node: NodeState, router: Router, quotas?: StorageQuotas) {
    this.#node = node;
    this.#router = router;
    this.#quotas = quotas;
  }

  /** Undecided transactions that run here. */
  get conducted(): number {
    let conducted = 0;
    for (const coordinators of this.#coordinators.values()) conducted += coordinators.conducted;
    return conducted;
  }

  /** The leader of the home shard coordinates it. */
  transact(asked: Asked<'transact'>): void {
    const { request, responder } = asked;
    const router = this.#router;
    const requester = { responder, id: request.id };
    if (this.#node.isClosing) return router.fail(asked, 'closing');
    const replica = router.leaderHere(request.shard);
    if (replica === undefined) return router.pass(asked);
    if (router.rowOf(request.shard)?.epoch !== request.epoch) {
      return replica.fail(requester, 'not-here');
    }
    this.#coordinate(replica, request, requester);
  }

  #coordinate(replica: Replica, request: Asked<'transact'>['request'], requester: Requester): void {
    const asked = decodeTransaction(request.transaction);
    const transaction = asked && { ...asked, ...plausibleRank(asked, replica.logTime) };
    // A staged transaction holds its keys until all participants have answered.
    const mayStage = transaction?.parts.every(({ shard }) => !this.#isSilent(shard)) ?? false;
    const plan = transaction && planOf(transaction, { mayStage });
    if (transaction === undefined || plan === undefined)
      return replica.fail(requester, 'malformed');
    const [home] = transaction.parts;
    const coordinators = this.#coordinatorsOf(replica);
    if (home?.shard !== replica.shard || coordinators === undefined) {
      return replica.fail(requester, 'malformed');
    }
    if (!coordinators.hasArc) return replica.fail(requester, 'not-here');
    const bytes = request.transaction.length + bytesOf(plan);
    const overloaded = this.#isFullFor(bytes) ? 'overloaded' : undefined;
    const failure = this.#failureOf(transaction.parts) ?? overloaded;
    if (failure !== undefined) return replica.fail(requester, failure);
    const reason = reasonAgainst(home.deadline, replica.logTime);
    if (reason !== undefined) {
      return replica.refuse(requester, { type: 'refused', reason, position: 0 });
    }
    const excess = this.#quotas?.objectionTo(requester.responder, () => storedPartsOf(transaction));
    if (excess !== undefined) {
      const { responder, id } = requester;
      return responder.respond({ type: 'storage-limited', id, ...excess });
    }
    coordinators.conduct({ plan, bytes }, requester);
  }

  #isSilent(shard: number): boolean {
    return this.stepTimes.isSilent(shard as ShardId);
  }

  /** The decision of a transaction, by the leader of its home shard. */
  settle(asked: Asked<'settle'>): void {
    const { request, responder } = asked;
    const replica = this.#router.leaderHere(request.shard);
    if (replica === undefined) return this.#router.pass(asked);
    const coordinators = this.#coordinatorsOf(replica);
    if (coordinators === undefined) return replica.fail({ responder, id: request.id }, 'malformed');
    coordinators.settle(request, responder);
  }

  /** A request waits for a key that a transaction locks. */
  meet(replica: Replica, holder: Prepared, isPreempting: boolean): void {
    this.#resolverOf(replica)?.meet(holder, isPreempting);
  }

  /** The coordinators of a shard that this node leads. */
  homeOf(shard: ShardId): Coordinators | undefined {
    return this.#coordinators.get(shard);
  }

  tick(): void {
    this.stepTimes.tick();
    this.#dropOver();
    if (this.#node.now - this.#sweptAt >= TRANSACTION_LIMITS.sweepMilliseconds) this.#sweep();
    for (const coordinators of this.#coordinators.values()) coordinators.tick();
    for (const resolver of this.#resolvers.values()) resolver.tick();
  }

  /** The end of a turn: sends the decisions that were made in it. */
  flush(): void {
    for (const coordinators of this.#coordinators.values()) coordinators.flush();
  }

  /** Finds parts that no request has met, and decisions that a former leader has left. */
  #sweep(): void {
    this.#sweptAt = this.#node.now;
    for (const replica of this.#node.replicas.all) {
      const { machine, isLeader } = replica;
      if (!isLeader || !(machine instanceof DataMachine)) continue;
      if (machine.decisions.size > 0) this.#coordinatorsOf(replica);
      for (const part of machine.lockTable.all()) {
        const age = replica.logTime - part.since;
        if (age >= TRANSACTION_LIMITS.orphanMilliseconds) this.meet(replica, part, false);
      }
    }
  }

  #dropOver(): void {
    for (const [shard, coordinators] of this.#coordinators) {
      const isGone = this.#node.replicas.get(shard) !== coordinators.replica;
      if (!isGone && !coordinators.isOver) continue;
      this.#coordinators.delete(shard);
      coordinators.close();
    }
    for (const [replica, resolver] of this.#resolvers) {
      const isGone = this.#node.replicas.get(replica.shard) !== replica;
      if (isGone || !replica.isLeader || resolver.size === 0) this.#resolvers.delete(replica);
    }
  }

  #coordinatorsOf(replica: Replica): Coordinators | undefined {
    const { machine, shard } = replica;
    if (!(machine instanceof DataMachine)) return undefined;
    const known = this.#coordinators.get(shard);
    if (known?.replica === replica && !known.isOver) return known;
    known?.close();
    const coordinators = new Coordinators({
      node: this.#node,
      router: this.#router,
      stepTimes: this.stepTimes,
      replica,
      machine,
    });
    this.#coordinators.set(shard, coordinators);
    return coordinators;
  }

  #resolverOf(replica: Replica): LockResolver | undefined {
    const known = this.#resolvers.get(replica);
    if (known !== undefined) return known;
    const { machine, shard } = replica;
    if (!(machine instanceof DataMachine)) return undefined;
    const [node, { stepTimes }] = [this.#node, this];
    const resolver = new LockResolver({
      get now() {
        return node.now;
      },
      get resolveMilliseconds() {
        return stepTimes.resolveMilliseconds;
      },
      get lockTable() {
        return machine.lockTable;
      },
      settle: (holder, isPreempting, done) => this.#askHome(holder, isPreempting, done),
      resolve: (resolution) => {
        // The decision broadcast may have brought it meanwhile.
        if (replica.releaseEndOf(resolution)) return;
        const bytes = encodeResolutions([resolution]);
        const requester = { responder: NO_RESPONDER, id: 1 };
        replica.stamp(requester, this.#router.rowOf(shard)?.epoch ?? 0, { type: 'resolve', bytes });
      },
    });
    this.#resolvers.set(replica, resolver);
    return resolver;
  }

  #askHome(
    holder: Prepared,
    isPreempting: boolean,
    done: Parameters<LockResolverPort['settle']>[2],
  ): void {
    const { map } = this.#node;
    if (map === undefined) return done(undefined);
    const { shard } = shardAt(map, holder.id.home);
    const { id, attempts, age, participants } = holder;
    const contender = { id, attempts, age };
    const responder: Responder = {
      respond: (response) => {
        const bytes = response.type === 'written' ? response.replies[0] : undefined;
        done(bytes === undefined ? undefined : decodeReply(bytes));
      },
    };
    const request = {
      type: 'settle',
      id: 1,
      shard,
      contender,
      participants,
      isPreempting,
    } as const;
    this.settle({ request, responder, isForwarded: false });
  }

  /** Of all parts, so that no shard is asked in vain; the other nodes know their own disks. */
  #failureOf(parts: TransactionRequest['parts']): Failure | undefined {
    const { map, valueBytesMax } = this.#node;
    for (const [at, { shard, epoch, operations }] of parts.entries()) {
      const arc = shard === CATALOG_SHARD ? undefined : map?.shards[shard];
      if (arc === undefined) return 'not-here';
      // Rights that were taken away by that epoch are not known here, where the part is permitted.
      if (epoch > arc.epoch) return 'not-here';
      const isReadOnly = this.#node.isReadOnly && at === 0;
      const refusal = refusalOf(operations, { arc, valueBytesMax, isReadOnly });
      if (refusal !== undefined) return refusal;
    }
    return undefined;
  }

  #isFullFor(bytes: number): boolean {
    let conductedBytes = bytes;
    for (const coordinators of this.#coordinators.values())
      conductedBytes += coordinators.conductedBytes;
    const { coordinatorsMax, conductedBytesMax } = TRANSACTION_LIMITS;
    return this.conducted >= coordinatorsMax || conductedBytes > conductedBytesMax;
  }
}

function storedPartsOf({ parts }: TransactionRequest): readonly StoredPart[] {
  return parts.map(({ shard, operations }) => ({ shard: shard as ShardId, operations }));
}

/** The refusal that the machine would give, before keys are locked elsewhere. */
function reasonAgainst(deadline: number, logTime: number): Reason | undefined {
  if (deadline < logTime) return 'deadline-passed';
  return deadline > logTime + MACHINE_LIMITS.timeoutMillisecondsMax
    ? 'deadline-too-far'
    : undefined;
}
