/** A small cluster: nodes that answer, forward and refuse; shards with or without a leader. */

import type { Random } from '../../../src/base/random.ts';
import { encodeMap } from '../../../src/catalog/map-bytes.ts';
import type { Operation } from '../../../src/machine/command.ts';
import { encodeReply } from '../../../src/machine/reply.ts';
import { decodeOperations } from '../../../src/machine/transaction-codec.ts';
import type { Request } from '../../../src/wire/request.ts';
import type { Response } from '../../../src/wire/response.ts';
import { mapOf } from './map.ts';
import { type Effect, ModelShard } from './shard.ts';
import { ModelTransactions } from './transactions.ts';
import type { World } from './world.ts';

export interface Faults {
  /** Chances, each per request. */
  readonly overload: number;
  readonly wrongEpoch: number;
  readonly notHere: number;
  readonly notFresh: number;
  readonly tooMuch: number;
  /** That the entry of a write is committed although its leader has changed. */
  readonly survival: number;
  /** That a node that does not lead forwards a request. */
  readonly forward: number;
  /** That a transaction is preempted without another one. */
  readonly giveWay: number;
  /** That the answer to a decided transaction is lost. */
  readonly mute: number;
  /** Milliseconds from proposal to commit. */
  readonly commitMax: number;
}

type RangeRequest = Extract<Request, { type: 'range' }>;
type WriteRequest = Extract<Request, { type: 'write' }>;
type ReadRequest = Extract<Request, { type: 'read' | 'range' | 'validate' }>;
type Reply = (response: Response) => void;

export class ModelCluster {
  readonly nodes: number;
  readonly shards: readonly ModelShard[];
  readonly #world: Pick<World, 'after'>;
  readonly #random: Random;
  readonly #faults: Faults;
  /** 0 while no node leads. */
  readonly #leaders: number[];
  readonly #terms: number[];
  readonly #transactions: ModelTransactions;
  #version = 1;
  readonly #awaits = new Set<(isLast: boolean) => void>();

  constructor(options: {
    readonly nodes: number;
    readonly shards: number;
    readonly world: Pick<World, 'after'>;
    readonly random: Random;
    readonly faults: Faults;
    readonly onEffect: (effect: Effect) => void;
  }) {
    const { nodes, shards, world, random, faults, onEffect } = options;
    this.nodes = nodes;
    this.#world = world;
    this.#random = random;
    this.#faults = faults;
    this.shards = Array.from({ length: shards }, (_, at) => {
      const bornAt = 1_700_000_000_000 + random.below(2 ** 31);
      return new ModelShard({ shard: at + 1, shards, bornAt, onEffect });
    });
    for (const shard of this.shards) {
      shard.onGrants = () => void world.after(0, () => this.#lookAgain());
    }
    this.#leaders = this.shards.map(() => random.between(1, nodes));
    this.#terms = this.shards.map(() => 1);
    this.#transactions = new ModelTransactions({
      world,
      random,
      faults,
      shards: this.shards,
      termOf: (shard) => this.#terms[shard - 1] ?? 0,
    });
  }

  leaderOf(shard: number): number {
    return this.#leaders[shard - 1] ?? 0;
  }

  /** Another node leads after a while; uncommitted proposals are in doubt. */
  changeLeader(shard: number): void {
    const at = shard - 1;
    this.#terms[at] = (this.#terms[at] ?? 0) + 1;
    this.#leaders[at] = 0;
    this.#lookAgain();
    const term = this.#terms[at];
    this.#world.after(this.#random.between(5, 800), () => {
      if (this.#terms[at] === term) this.#leaders[at] = this.#random.between(1, this.nodes);
    });
  }

  /** Leaders do so each 200 ms or so. */
  sweep(): void {
    for (const shard of this.shards) if (this.leaderOf(shard.shard) !== 0) shard.sweep();
  }

  #lookAgain(): void {
    for (const look of [...this.#awaits]) look(false);
  }

  changeMap(): void {
    this.#version += 1;
  }

  pass(milliseconds: number): void {
    for (const shard of this.shards) shard.pass(milliseconds);
  }

  serve(node: number, request: Request, reply: Reply, isForwarded = false): void {
    const { id } = request;
    if (request.type === 'map') {
      const map = mapOf({ nodes: this.nodes, shards: this.shards.length, version: this.#version });
      const isNews = request.knownVersion < this.#version;
      return reply({ type: 'map', id, map: isNews ? encodeMap(map, 0) : new Uint8Array(0) });
    }
    if (!isOfShard(request)) throw new Error('no client sends this');
    const shard = this.shards[request.shard - 1] as ModelShard;
    const random = this.#random;
    const faults = this.#faults;
    const refuse = (failure: Extract<Response, { type: 'failed' }>['failure'], leader = 0) =>
      reply({
        type: 'failed',
        id,
        failure,
        time: random.chance(0.5) ? Math.floor(shard.time) : 0,
        leader,
        retryAfterMilliseconds: failure === 'overloaded' ? random.between(5, 80) : 0,
      });
    if (random.chance(faults.notHere)) return refuse('not-here');
    if (random.chance(faults.overload)) return refuse('overloaded');
    const leader = this.leaderOf(request.shard);
    const isStaleRead = 'level' in request && request.level.type === 'stale';
    if (isStaleRead && random.chance(faults.notFresh)) return refuse('not-fresh');
    if (leader !== node && !isStaleRead) {
      if (leader !== 0 && !isForwarded && random.chance(faults.forward)) {
        const hop = random.between(1, 5);
        return this.#world.after(hop, () => this.serve(leader, request, reply, true));
      }
      // Hints may be old, or name the asked node itself.
      const hint = random.chance(0.2) ? random.between(0, this.nodes) : leader;
      return refuse('not-leader', hint);
    }
    if (request.type === 'write') return this.#write(shard, request, { reply, refuse });
    if (request.type === 'settle') {
      return this.#transactions.settle(request, { reply, refuse });
    }
    if (request.type === 'transact') {
      return this.#transactions.conduct(request, { reply, refuse });
    }
    if (request.type === 'keep') return this.#keep(shard, request, { reply, refuse });
    if (request.type === 'await-ticket') return this.#await(shard, request, { reply, refuse });
    // A replica that has found damage, and still leads.
    if (!isStaleRead && random.chance(faults.notFresh / 4)) return refuse('damaged');
    const isMuch =
      request.type === 'read'
        ? request.keys.length > 1
        : request.type === 'range' && request.range.rowsMax > 1;
    if (isMuch && random.chance(faults.tooMuch)) return refuse('too-much');
    const term = this.#terms[shard.shard - 1];
    this.#read(shard, request, {
      reply,
      refuse,
      isOver: () => !isStaleRead && this.#terms[shard.shard - 1] !== term,
    });
  }

  /** A request for a key that a transaction holds waits until it is released. */
  #read(
    shard: ModelShard,
    request: ReadRequest,
    to: {
      readonly reply: Reply;
      readonly refuse: (failure: 'not-leader') => void;
      readonly isOver: () => boolean;
    },
  ): void {
    if (to.isOver()) return to.refuse('not-leader');
    if (operationsOf(request).some((operation) => shard.holderFor(operation) !== undefined)) {
      return this.#world.after(HELD, () => this.#read(shard, request, to));
    }
    const { id } = request;
    const time = Math.floor(shard.time);
    if (request.type === 'read') {
      const rows = request.keys.map((key) => shard.row(key) ?? new Uint8Array(0));
      return to.reply({ type: 'rows', id, time, index: shard.index, rows });
    }
    if (request.type === 'range') return to.reply(this.#range(shard, request));
    const verdict = encodeReply(shard.judge(operationsOf(request)));
    return to.reply({ type: 'written', id, time, replies: [verdict] });
  }

  #write(
    shard: ModelShard,
    { id, epoch, batch }: WriteRequest,
    to: { readonly reply: Reply; readonly refuse: (failure: 'lost') => void },
  ): void {
    const random = this.#random;
    const term = this.#terms[shard.shard - 1];
    const stamped = random.chance(this.#faults.wrongEpoch) ? epoch + 1 : epoch;
    this.#world.after(random.fraction() * this.#faults.commitMax, () => {
      if (this.#terms[shard.shard - 1] === term) {
        const replies = shard.write(batch, stamped);
        return to.reply({ type: 'written', id, time: Math.floor(shard.time), replies });
      }
      if (random.chance(this.#faults.survival)) {
        const late = random.chance(0.5) ? random.between(1, 1000) : 0;
        this.#world.after(late, () => shard.write(batch, stamped));
      }
      return to.refuse('lost');
    });
  }

  #keep(
    shard: ModelShard,
    { id, leases }: Extract<Request, { type: 'keep' }>,
    to: { readonly reply: Reply; readonly refuse: (failure: 'lost') => void },
  ): void {
    const term = this.#terms[shard.shard - 1];
    this.#world.after(this.#random.fraction() * this.#faults.commitMax, () => {
      if (this.#terms[shard.shard - 1] !== term) return to.refuse('lost');
      const ended = shard.keep(leases);
      return to.reply({ type: 'kept', id, time: Math.floor(shard.time), ended });
    });
  }

  /** Looks again after each entry that grants anything, and when the patience is over. */
  #await(
    shard: ModelShard,
    request: Extract<Request, { type: 'await-ticket' }>,
    to: { readonly reply: Reply; readonly refuse: (failure: 'not-leader') => void },
  ): void {
    const { id, name, ticket, patienceMilliseconds } = request;
    const term = this.#terms[shard.shard - 1];
    let isOver = false;
    const look = (isLast: boolean): void => {
      const { fence, position } = shard.stateOf(name, ticket);
      const isWaiting = fence === 0 && position > 0 && !isLast;
      if (isOver || (isWaiting && this.#terms[shard.shard - 1] === term)) return;
      isOver = true;
      this.#awaits.delete(look);
      if (this.#terms[shard.shard - 1] !== term) return to.refuse('not-leader');
      to.reply({ type: 'ticket', id, time: Math.floor(shard.time), fence, position });
    };
    this.#awaits.add(look);
    look(false);
    if (!isOver) this.#world.after(patienceMilliseconds, () => look(true));
  }

  #range(shard: ModelShard, request: RangeRequest): Response {
    const { from, to, isReverse, answer, rowsMax } = request.range;
    const inside = [...shard.within(from, to)];
    if (isReverse) inside.reverse();
    // A node may give fewer rows than it was asked for.
    const given = inside.slice(0, this.#random.between(1, rowsMax));
    const rows = answer === 'count' ? [] : given;
    return {
      type: 'range',
      id: request.id,
      time: Math.floor(shard.time),
      index: shard.index,
      rows: rows.map(({ key, row }) => ({ key, row: answer === 'keys' ? new Uint8Array(0) : row })),
      count: given.length,
      last: given.at(-1)?.key ?? new Uint8Array(0),
      isEnd: given.length === inside.length,
    };
  }
}

/** Milliseconds until a locked key is looked at again. */
const HELD = 5;

type OtherRequest = 'transact' | 'settle' | 'keep' | 'await-ticket';
type ShardRequest = WriteRequest | ReadRequest | Extract<Request, { type: OtherRequest }>;

const KINDS = [
  'write',
  'read',
  'range',
  'validate',
  'transact',
  'settle',
  'keep',
  'await-ticket',
] as const satisfies readonly ShardRequest['type'][];

function isOfShard(request: Request): request is ShardRequest {
  return KINDS.some((kind) => kind === request.type);
}

/** The keys and ranges of a request, as operations. */
function operationsOf(request: ReadRequest): readonly Operation[] {
  if (request.type === 'read') return request.keys.map((key) => ({ type: 'get', key }));
  if (request.type === 'validate') return decodeOperations(request.checks) ?? [];
  const { from, to } = request.range;
  return [{ type: 'check-range', key: from, to, count: 0, seenAt: 0 }];
}
