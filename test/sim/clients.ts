/** The load: clients that do one operation after another and record exactly what they saw. */

import type { ShardId } from '../../src/base/ids.ts';
import type { Random } from '../../src/base/random.ts';
import type { Host } from './host.ts';
import {
  digestOf,
  encodeOperation,
  type Operation,
  type OperationKind,
  type Reply,
  type Values,
} from './operation.ts';
import type { Response } from './request.ts';
import type { Services } from './services.ts';

/** One operation as its client sees it. */
export interface Call {
  readonly client: number;
  readonly shard: ShardId;
  readonly operation: Operation;
  /** What a `cas` expects to find. */
  readonly expected: Values;
  readonly invoke: number;
  /** Infinite while, or because, it is unknown. */
  end: number;
  outcome: 'ok' | 'failed' | 'unknown';
  reply: Reply | undefined;
  /** See `Response`. */
  index: number;
}

interface Wish {
  readonly client: number;
  readonly shard: ShardId;
  readonly kind: OperationKind;
  readonly key: number;
  readonly expected: Values;
  readonly node: number;
  readonly padding: number;
  readonly isLease: boolean;
}

const WRITES: readonly OperationKind[] = ['write', 'write', 'append', 'cas', 'cas'];

export class Clients {
  readonly #services: Services;
  readonly #hosts: readonly Host[];
  readonly #random: Random;
  readonly history: Call[] = [];
  /** The presumed leader of each shard, by client and shard. */
  readonly #believed = new Map<number, number>();
  /** What each client last saw under a key: a value to expect in a `cas`. */
  readonly #seen = new Map<number, Values>();
  #lastId = 0;
  #isOpen = false;

  constructor(services: Services, hosts: readonly Host[]) {
    this.#services = services;
    this.#hosts = hosts;
    this.#random = services.random.fork('clients');
  }

  start(): void {
    this.#isOpen = true;
    const { plan, agenda } = this.#services;
    for (let client = 0; client < plan.clients; client++) {
      const random = this.#random.fork(`client ${client}`);
      agenda.after(random.below(500), () => this.#next(client, random));
    }
  }

  stop(): void {
    this.#isOpen = false;
  }

  #next(client: number, random: Random): void {
    if (!this.#isOpen) return;
    const { plan, agenda } = this.#services;
    const shard = (1 + random.below(plan.shards)) as ShardId;
    // One key is hot, so that other clients soon read what is written there.
    const key = random.chance(0.3) ? 0 : random.below(plan.keys);
    const isRead = random.chance(plan.readShare);
    const kind = isRead ? 'read' : random.pick(WRITES);
    const seen = this.#seen.get(slot(client, shard, key)) ?? [];
    const padding = random.below(plan.paddingMax + 1);
    const node = this.#pickNode(client, shard, random);
    const isLease = plan.isLease && random.chance(0.7);
    const wish = { client, shard, kind, key, expected: seen, node, padding, isLease };
    const deadline = random.pick([500, 2000, 5000]);
    const think =
      (-Math.log(1 - random.fraction()) * 1000 * plan.clients) / plan.operationsPerSecond;
    const pause = plan.isPausing && random.chance(0.02) ? random.between(1000, 8000) : 0;
    this.call(wish, deadline, (call) => {
      if (call.reply !== undefined) this.#seen.set(slot(client, shard, key), call.reply.values);
      // A node that did not answer may be down: another one is tried.
      if (call.outcome === 'unknown') this.#believed.delete(slot(client, shard, 0));
      agenda.after(think + pause, () => this.#next(client, random));
    });
  }

  #pickNode(client: number, shard: ShardId, random: Random): number {
    const believed = this.#believed.get(slot(client, shard, 0));
    const isAnywhere =
      random.chance(0.02) || this.#services.buggify.fires('read-at-random-node', 4);
    if (isAnywhere) return random.below(this.#hosts.length);
    if (believed !== undefined) return believed;
    const near = this.#hosts.filter((host) => host.memberOf(shard) !== undefined);
    return near.length === 0 ? random.below(this.#hosts.length) : random.pick(near).id;
  }

  /** One operation, sent once. `onEnd` is called at its answer or its deadline. */
  call(wish: Wish, deadline: number, onEnd: (call: Call) => void): void {
    const { agenda } = this.#services;
    const { client, shard, kind, key, expected } = wish;
    this.#lastId += 1;
    const id = this.#lastId;
    const operation = { id, kind, key, value: id, expected: digestOf(expected) };
    const call: Call = {
      client,
      shard,
      operation,
      expected,
      invoke: agenda.now,
      end: Number.POSITIVE_INFINITY,
      outcome: 'unknown',
      reply: undefined,
      index: 0,
    };
    this.history.push(call);
    let isOpen = true;
    const close = () => {
      if (!isOpen) return;
      isOpen = false;
      onEnd(call);
    };
    agenda.after(deadline, close);
    const take = (response: Response) => {
      if (!isOpen) return;
      this.#note(call, response);
      close();
    };
    this.#submit(wish, operation, take);
  }

  #submit(wish: Wish, operation: Operation, take: (response: Response) => void): void {
    const { agenda, buggify, trace } = this.#services;
    const { shard, isLease, padding, node } = wish;
    const payload = encodeOperation(operation, padding);
    const answer = (response: Response) => {
      const delay = buggify.fires('reply-late', 4) ? this.#random.between(100, 3000) : 0;
      agenda.after(delay + this.#delay(), () => {
        trace.note(agenda.now, node, response.type === 'ok' ? 100 : 101, operation.id);
        take(response);
      });
    };
    agenda.after(this.#delay(), () => {
      this.#hosts[node]?.push({
        type: 'request',
        request: { shard, operation, payload, isLease, answer },
      });
    });
  }

  #delay(): number {
    return 0.05 - Math.log(1 - this.#random.fraction()) * 0.3;
  }

  #note(call: Call, response: Response): void {
    const place = slot(call.client, call.shard, 0);
    call.end = this.#services.agenda.now;
    if (response.type === 'failed') {
      call.outcome = 'failed';
      if (response.leader === undefined) this.#believed.delete(place);
      else this.#believed.set(place, response.leader);
      return;
    }
    call.outcome = 'ok';
    call.reply = response.reply;
    call.index = response.index;
  }
}

function slot(client: number, shard: number, key: number): number {
  return (client * 64 + shard) * 64 + key;
}
