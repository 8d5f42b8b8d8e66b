/**
 * Three nodes that serve streams from real histories, of replicas that lag, restart, install
 * snapshots and forget. They refuse, fall silent, and send messages twice or not at all.
 */

import { compareBytes, keyBehind } from '../../../src/base/bytes.ts';
import { NO_BYTES, Writer } from '../../../src/base/message-pack.ts';
import type { Random } from '../../../src/base/random.ts';
import { encodeMap } from '../../../src/catalog/map-bytes.ts';
import { writeChange } from '../../../src/machine/change-codec.ts';
import { decodeRow } from '../../../src/machine/row.ts';
import { SECTION } from '../../../src/machine/section.ts';
import { ORIGIN, type Position } from '../../../src/raft/position.ts';
import { Stream } from '../../../src/shard/stream.ts';
import type { Request } from '../../../src/wire/request.ts';
import type { Failure, Response } from '../../../src/wire/response.ts';
import type { HistoryReplica, HistoryWorld } from '../../shard/history-world.ts';
import { mapOf } from './map.ts';

export const NODES = 3;
const PAGE_ROWS_MAX = 4;

type WatchRequest = Extract<Request, { type: 'watch' }>;
type ChangesResponse = Extract<Response, { type: 'changes' }>;
type Reply = (response: Response) => void;

interface Page {
  readonly block: Uint8Array;
  readonly cursor: Uint8Array | undefined;
}

interface Served {
  readonly link: number;
  readonly request: WatchRequest;
  readonly reply: Reply;
  readonly replica: HistoryReplica;
  readonly history: HistoryReplica['history'];
  readonly stream: Stream;
  isBegun: boolean;
  /** Steps that it has waited for what it is to begin with. */
  waited: number;
  page: Page | undefined;
  told: Position;
  messages: number;
  credit: number;
  reach: number;
  isMute: boolean;
}

export interface NodeFaults {
  /** Chances, each per message or request. */
  readonly refusal: number;
  readonly loss: number;
  readonly repetition: number;
  readonly muteness: number;
}

const REFUSALS: readonly Failure[] = [
  'not-here',
  'not-fresh',
  'closing',
  'overloaded',
  'streams-full',
  'damaged',
  'not-recording',
  'unsupported',
];

export class WatchNodes {
  readonly #shards: readonly HistoryWorld[];
  readonly #random: Random;
  readonly #served = new Map<string, Served>();
  faults: NodeFaults;
  readonly counts = {
    ...{
      lost: 0,
      lostUnmoved: 0,
      repeated: 0,
      refused: 0,
      gone: 0,
      parts: 0,
      pages: 0,
      blocked: 0,
    },
    opened: 0,
    /** Bytes of the largest message. */
    largest: 0,
  };

  constructor(options: {
    readonly shards: readonly HistoryWorld[];
    readonly random: Random;
    readonly faults: NodeFaults;
  }) {
    this.#shards = options.shards;
    this.#random = options.random;
    this.faults = options.faults;
  }

  get streams(): number {
    return this.#served.size;
  }

  /** All that a link was served ends with it. */
  cut(link: number): void {
    for (const [name, served] of this.#served) {
      if (served.link === link) this.#served.delete(name);
    }
  }

  serve(link: number, node: number, request: Request, reply: Reply): void {
    const served = this.#served.get(`${link}/${request.id}`);
    switch (request.type) {
      case 'map': {
        const map = mapOf({ nodes: NODES, shards: this.#shards.length, version: 1 });
        const isNews = request.knownVersion < 1;
        return reply({ type: 'map', id: request.id, map: isNews ? encodeMap(map, 0) : NO_BYTES });
      }
      case 'barrier': {
        if (this.#random.chance(this.faults.refusal)) return fail(request.id, 'not-leader', reply);
        const { index, term } = this.#worldOf(request.shard).position;
        return reply({ type: 'barrier', id: request.id, time: 1, index, term });
      }
      case 'watch':
        if (!this.#random.chance(this.faults.refusal)) {
          return this.#open(link, node, request, reply);
        }
        this.counts.refused += 1;
        return fail(request.id, this.#random.pick(REFUSALS), reply);
      case 'credit':
        if (served === undefined) return;
        served.credit += request.bytes;
        return served.stream.grant(request.bytes);
      case 'reach':
        if (served !== undefined) served.reach = request.index;
        return;
      case 'cancel':
        this.#served.delete(`${link}/${request.id}`);
        return;
      default:
        throw new Error(`no watch asks for ${request.type}`);
    }
  }

  /** Each stream sends a few messages. */
  pump(): void {
    for (const [name, served] of this.#served) {
      for (let left = this.#random.below(6); left > 0; left--) {
        const failure = this.#pump(served);
        if (failure === undefined) continue;
        this.#served.delete(name);
        if (failure === 'history-gone') this.counts.gone += 1;
        fail(served.request.id, failure, served.reply);
        break;
      }
    }
  }

  #open(link: number, node: number, request: WatchRequest, reply: Reply): void {
    this.counts.opened += 1;
    const replica = this.#worldOf(request.shard).replicas[node - 1] as HistoryReplica;
    const { start, credit, keysOnly } = request;
    this.#served.set(`${link}/${request.id}`, {
      link,
      request,
      reply,
      replica,
      history: replica.history,
      stream: new Stream({ range: rangeOf(request), start, credit, keysOnly }),
      isBegun: false,
      waited: 0,
      page: undefined,
      told: start?.position ?? ORIGIN,
      messages: 0,
      credit,
      reach: 0,
      isMute: this.#random.chance(this.faults.muteness),
    });
  }

  #pump(served: Served): Failure | undefined {
    const { stream, replica, history, request } = served;
    const random = this.#random;
    if (served.isMute) return undefined;
    if (replica.history !== history) return 'closing';
    const isBehind = replica.position.index < request.atLeast;
    if (!served.isBegun && isBehind) {
      served.waited += 1;
      return served.waited > 100 ? 'not-fresh' : undefined;
    }
    served.isBegun = true;
    if (served.page !== undefined) {
      if (history.covers(served.told) === 'gone' && served.told.index > 0) return 'history-gone';
      if (random.chance(0.5)) this.#sendPage(served, served.page);
      return undefined;
    }
    const limits = { bytesMax: 1 + random.below(200), changesMax: 1 + random.below(6) };
    const step = stream.next(history, limits);
    switch (step.type) {
      case 'changes':
        this.#send(served, step, { kind: 'changes', block: step.block, cursor: NO_BYTES });
        return undefined;
      case 'read':
        served.page = this.#read(served, step.from);
        return undefined;
      case 'synced':
        if (served.reach > replica.position.index && random.chance(0.9)) return undefined;
        if (served.reach === 0 && random.chance(0.9)) return undefined;
        if (served.reach <= replica.position.index) served.reach = 0;
        this.#send(served, stream.progress(), {
          kind: 'progress',
          block: NO_BYTES,
          cursor: NO_BYTES,
        });
        return undefined;
      case 'waiting':
        if (served.credit <= 0) this.counts.blocked += 1;
        return this.#isLost(served) ? 'history-gone' : undefined;
      case 'gone':
        return 'history-gone';
      case 'scanned':
        return undefined;
    }
  }

  /** What is ahead of a replica that has everything was lost, when the shard was forced anew. */
  #isLost({ request, replica, told }: Served): boolean {
    const world = this.#worldOf(request.shard);
    return replica.position.index === world.length && !world.knows(told);
  }

  #read({ replica, request }: Served, from: Uint8Array): Page {
    const { to } = request;
    const behind = replica.rows
      .in(SECTION.values)
      .filter(({ key }) => compareBytes(key, from) >= 0)
      .filter(({ key }) => to.length === 0 || compareBytes(key, to) < 0)
      .sort((one, other) => compareBytes(one.key, other.key));
    const count = 1 + this.#random.below(PAGE_ROWS_MAX);
    const writer = new Writer();
    for (const { key, value } of behind.slice(0, count)) {
      const row = decodeRow(value);
      if (row === undefined) throw new Error('a stored row can be read');
      const { version } = row;
      const kept = request.keysOnly ? undefined : row.value;
      const rest = { previous: 0, transaction: 0, isLast: true } as const;
      writeChange(writer, { kind: 'set', key, version, value: kept, ...rest });
    }
    const [last, next] = [behind[count - 1], behind[count]];
    const isEnd = last === undefined || next === undefined;
    const cursor = isEnd ? undefined : this.#random.chance(0.5) ? next.key : keyBehind(last.key);
    return { block: writer.take().slice(), cursor };
  }

  #sendPage(served: Served, { block, cursor }: Page): void {
    served.page = undefined;
    this.counts.pages += 1;
    const move = served.stream.took(block.length, cursor);
    const kind = cursor === undefined ? 'rows-end' : 'rows';
    this.#send(served, move, { kind, block, cursor: cursor ?? NO_BYTES });
  }

  #send(
    served: Served,
    { after, through }: { readonly after: Position; readonly through: Position },
    what: Pick<ChangesResponse, 'kind' | 'block' | 'cursor'>,
  ): void {
    const { id } = served.request;
    served.told = through;
    served.credit -= what.block.length;
    this.counts.largest = Math.max(this.counts.largest, what.block.length);
    const isPart = what.kind === 'changes' && through.index === after.index;
    if (isPart) this.counts.parts += 1;
    served.messages += 1;
    const message = {
      type: 'changes',
      id,
      sequence: served.messages,
      after: after.index,
      through: through.index,
      throughTerm: through.term,
      ...what,
    } as const;
    if (this.#random.chance(this.faults.loss)) {
      this.counts.lost += 1;
      if (through.index === after.index) this.counts.lostUnmoved += 1;
      return;
    }
    served.reply(message);
    if (!this.#random.chance(this.faults.repetition)) return;
    this.counts.repeated += 1;
    served.reply(message);
  }

  #worldOf(shard: number): HistoryWorld {
    return this.#shards[shard - 1] as HistoryWorld;
  }
}

function fail(id: number, failure: Failure, reply: Reply): void {
  const retryAfterMilliseconds = failure === 'overloaded' ? 40 : 0;
  reply({ type: 'failed', id, failure, time: 0, leader: 0, retryAfterMilliseconds });
}

function rangeOf({ from, to }: WatchRequest) {
  return { from, to };
}
