/** The home shard of transactions on a real replica; other shards are represented by requests. */

import { ok } from 'node:assert/strict';
import type { ShardId } from '../../src/base/ids.ts';
import type { Operation } from '../../src/machine/command.ts';
import { decodeReply, encodeReply, type Reply } from '../../src/machine/reply.ts';
import type { TransactionRequest } from '../../src/machine/transaction.ts';
import { decodeResolutions } from '../../src/machine/transaction-codec.ts';
import { Coordinators } from '../../src/node/coordinators.ts';
import type { NodeState } from '../../src/node/node-state.ts';
import type { Router, Source } from '../../src/node/router.ts';
import { arcOf } from '../../src/ring/arc.ts';
import { keyPosition } from '../../src/ring/key-position.ts';
import type { DataMachine } from '../../src/shard/data-machine.ts';
import type { Responder } from '../../src/shard/responder.ts';
import { type Plan, planOf } from '../../src/txn/plan.ts';
import { StepTimes } from '../../src/txn/step-times.ts';
import type { Request } from '../../src/wire/request.ts';
import type { Failure, Response } from '../../src/wire/response.ts';
import { bytesOf, clientOf, put, said, WHOLE } from '../machine/machine-rig.ts';
import { ReplicaRig, SHARD } from '../shard/replica-rig.ts';

export const OTHER = 9 as ShardId;
export const EPOCH = 1;
/** Of the other shard. */
const EPOCH_THERE = 6;
const PATIENCE = 10_000;

interface Asked {
  readonly request: Request;
  readonly responder: Responder;
}

/** The differences from the usual transaction: a put here and a put there. */
interface Wish {
  readonly client?: number;
  readonly attempts?: number;
  readonly age?: number;
  readonly epoch?: number;
  readonly here?: readonly Operation[];
  readonly there?: readonly Operation[];
}

interface Planned {
  readonly transaction: TransactionRequest;
  readonly plan: Plan;
}

export class HomeRig {
  readonly rig = new ReplicaRig();
  readonly stepTimes = new StepTimes();
  readonly asked: Asked[] = [];
  coordinators: Coordinators;

  constructor() {
    this.rig.lead();
    const { requester } = this.rig.requester();
    this.rig.replica.stamp(requester, 0, { type: 'adopt', epoch: EPOCH, arc: WHOLE });
    this.rig.turns(4);
    this.coordinators = this.newTerm();
  }

  /** As the next leader has it. */
  newTerm(): Coordinators {
    const { replica } = this.rig;
    this.coordinators = new Coordinators({
      node: this.#node(),
      router: this.#router(),
      stepTimes: this.stepTimes,
      replica,
      machine: this.machine,
    });
    return this.coordinators;
  }

  /** Transactions of a client are staged if they can be. */
  mayStage = false;
  /** Approximate memory of each. */
  bytes = 1000;
  isClosing = false;

  get machine(): DataMachine {
    return this.rig.replica.machine as DataMachine;
  }

  /** Requests for this shard go to its replica, as through a router. */
  #ask(request: Request, responder: Responder): void {
    if (request.type !== 'step' || request.shard !== SHARD) {
      this.asked.push({ request, responder: responder });
      return;
    }
    const { id, epoch, step, bytes } = request;
    this.rig.replica.stamp({ responder, id }, epoch, { type: step, bytes });
  }

  /** The map of this node is ahead of the shard and of its clients. */
  #node(): NodeState {
    const [rig, home] = [this.rig, this];
    const arcs = 1024;
    const shards = Array.from({ length: arcs + 1 }, () => ({ shard: OTHER }));
    shards[1 + arcOf(keyPosition(bytesOf('here')), arcs)] = { shard: SHARD };
    const state = {
      get now() {
        return rig.now;
      },
      get isClosing() {
        return home.isClosing;
      },
      map: { settings: { shards: arcs }, shards },
    };
    return state as unknown as NodeState;
  }

  #router(): Router {
    const router = {
      route: (request: Request, { responder }: Source) => this.#ask(request, responder),
      rowOf: (shard: ShardId) => ({ epoch: shard === OTHER ? EPOCH_THERE : EPOCH + 1 }),
    };
    return router as unknown as Router;
  }

  plan(wish: Wish = {}): Planned {
    const { client = 1, attempts = 0, age = 5, epoch = EPOCH } = wish;
    const { here = [put('here', '1')], there = [put('there', '2')] } = wish;
    const deadline = this.rig.replica.logTime + PATIENCE;
    const terms = { deadline };
    const parts = [
      { ...terms, shard: SHARD, epoch, operations: here },
      { ...terms, shard: OTHER, epoch: EPOCH_THERE, operations: there },
    ].filter(({ operations }) => operations.length > 0);
    const transaction = { client: clientOf(client), sequence: 7, attempts, age, parts };
    const plan = planOf(transaction, { mayStage: this.mayStage });
    ok(plan, 'it has a home');
    return { transaction, plan };
  }

  conduct({ plan }: Planned): Response[] {
    const { requester, responses } = this.rig.requester();
    this.coordinators.conduct({ plan, bytes: this.bytes }, requester);
    return responses;
  }

  settle(plan: Plan, isPreempting = false): Response[] {
    const { requester, responses } = this.rig.requester();
    const { contender, participants } = plan;
    const about = { contender, participants, isPreempting };
    this.coordinators.settle(
      { type: 'settle', id: 7, shard: SHARD, ...about },
      requester.responder,
    );
    return responses;
  }

  /** The oldest request to another shard. */
  next(): Asked {
    const asked = this.asked.shift();
    ok(asked, 'a participant was asked');
    return asked;
  }

  answer(reply: Reply): void {
    const replies = [encodeReply(reply)];
    this.next().responder.respond({ type: 'written', id: 1, time: 1, replies });
  }

  refuse(failure: Failure): void {
    const nothingKnown = { time: 0, leader: 0, retryAfterMilliseconds: 0 };
    this.next().responder.respond({ type: 'failed', id: 1, failure, ...nothingKnown });
  }

  /** The other shard is ready. */
  ready(): void {
    this.answer({ type: 'done', version: 12, outputs: [] });
  }

  /** The end of a turn, and all that follows from it here. */
  turn(): void {
    this.rig.replica.proposeDeferred();
    this.rig.turns(4);
    this.coordinators.flush();
  }

  pass(milliseconds: number): void {
    this.rig.now += milliseconds;
    this.coordinators.tick();
    this.turn();
  }
}

/** Responses in a few words. */
export function told(responses: readonly Response[]): readonly string[] {
  return responses.map((response) => {
    if (response.type === 'failed') return response.failure;
    if (response.type !== 'written') return response.type;
    const [reply] = response.replies;
    return said(reply && decodeReply(reply));
  });
}

/** What a request says, in a few words. */
export function wish({ request }: Asked): string {
  if (request.type === 'validate') return `validate for ${request.owner?.age}`;
  if (request.type !== 'step') return request.type;
  if (request.step === 'prevent') return 'prevent';
  if (request.step === 'prepare') return `prepare in epoch ${request.epoch}`;
  const resolutions = decodeResolutions(request.bytes) ?? [];
  return resolutions.map(({ isCommitted }) => (isCommitted ? 'committed' : 'aborted')).join(' ');
}
