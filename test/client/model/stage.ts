/** A stage for one client core: the test writes every answer. */

import type { Attempt } from '../../../src/base/errors.ts';
import type { NodeId } from '../../../src/base/ids.ts';
import { MACHINE_LIMITS } from '../../../src/base/limits.ts';
import { Random } from '../../../src/base/random.ts';
import { encodeMap } from '../../../src/catalog/map-bytes.ts';
import type { Replied, WriteCall } from '../../../src/client/core/call.ts';
import type { CallFailure } from '../../../src/client/core/call-failure.ts';
import { Core } from '../../../src/client/core/core.ts';
import { type Page, type PageCall, Scan } from '../../../src/client/core/scan.ts';
import { decodeBatch } from '../../../src/machine/batch.ts';
import { encodeReply, type Reason, type Reply } from '../../../src/machine/reply.ts';
import { decodeTransaction } from '../../../src/machine/transaction-codec.ts';
import { decodeRequests, type Request } from '../../../src/wire/request.ts';
import { encodeResponses, type FAILURES, type Response } from '../../../src/wire/response.ts';
import { mapOf, urlOf } from './map.ts';

interface Told {
  told: string;
  /** The message of a failure. */
  message: string;
  attempts?: readonly Attempt[];
}

const TICK = 10;

interface StageOptions {
  readonly isTimeKnown?: boolean;
  readonly shards?: number;
}

/** One node, some shards, and one connection at a time, which is up as soon as it is dialled. */
export class Stage {
  readonly #core: Core;
  readonly #dialled: number[] = [];
  #connection = 0;
  #sent: Request[] = [];
  /** Requests without an answer so far. */
  #owed: Request[] = [];
  #now = 0;
  frames = 0;
  hangUps = 0;
  /** What becomes of dials: with `open` nothing answers. */
  dials: 'up' | 'refused' | 'open' = 'up';
  /** Requests for the map, which are also probes. */
  signs = 0;

  constructor({ isTimeKnown = false, shards = 1 }: StageOptions = {}) {
    this.#core = new Core({
      port: {
        dial: (connection) => this.#dialled.push(connection),
        hangUp: () => {
          this.hangUps += 1;
          this.#owed = [];
        },
        send: (_, bytes) => {
          this.frames += 1;
          this.#sent.push(...(decodeRequests(bytes) ?? []));
        },
      },
      urls: [urlOf(1)],
      client: new Uint8Array(16).fill(5),
      random: new Random(1),
      balance: 'round-robin',
      now: 0,
    });
    this.#core.step({
      type: 'call',
      call: { type: 'ready', timeoutMilliseconds: 1000, settle: () => {} },
      now: 0,
    });
    this.#turn();
    this.take();
    const map = encodeMap(mapOf({ nodes: 1, shards, version: 1 }), 0);
    this.#answer((id) => ({ type: 'map', id, map }));
    if (isTimeKnown) {
      this.#count();
      this.take();
      for (let shard = 1; shard <= shards; shard++) this.answerRange(shard * 5_000_000);
    }
    this.frames = 0;
    this.signs = 0;
  }

  put(key: string, timeoutMilliseconds = 10_000): Told {
    const told = this.#call([key], timeoutMilliseconds);
    this.#turn();
    return told;
  }

  /** One command. */
  together(keys: readonly string[], timeoutMilliseconds = 10_000): Told {
    const told = this.#call(keys, timeoutMilliseconds);
    this.#turn();
    return told;
  }

  /** Validates that the keys do not exist. */
  validate(keys: readonly string[]): Told {
    const told: Told = { told: '', message: '' };
    this.#core.step({
      type: 'call',
      call: {
        type: 'validate',
        checks: keys.map((key) => ({ type: 'check-version', key: Buffer.from(key), version: 0 })),
        ranges: [],
        moments: new Map(),
        level: { type: 'linearizable' },
        timeoutMilliseconds: 1000,
        settle: (result) => {
          told.told =
            result.type === 'failed' ? `${result.code} ${result.outcome}` : `${result.failed}`;
        },
      },
      now: this.#now,
    });
    this.#turn();
    return told;
  }

  /** The first page of all keys. */
  page(timeoutMilliseconds = 10_000): Told {
    const told: Told = { told: '', message: '' };
    const range = { from: new Uint8Array(0), to: new Uint8Array(0) };
    const level = { type: 'linearizable' } as const;
    const scan = new Scan({ range, isReverse: false, isKeysOnly: false, level, rowsMax: 9 });
    const settle = (result: Page | CallFailure) => {
      const isTold = result.type === 'failed';
      told.told = isTold ? `${result.code} ${result.outcome}` : `${result.rows.length} rows`;
    };
    const call: PageCall = { type: 'page', scan, timeoutMilliseconds, settle };
    this.#core.step({ type: 'call', call, now: this.#now });
    this.#turn();
    return told;
  }

  /** All in one turn. */
  puts(keys: readonly string[]): void {
    for (const key of keys) this.#call([key], 10_000);
    this.#turn();
  }

  /** What was sent since the last call, except requests for the map. */
  take(): string[] {
    const sent = this.#sent;
    this.#sent = [];
    this.#owed.push(...sent);
    const asked = sent.filter(({ type }) => type !== 'map');
    this.signs += sent.length - asked.length;
    return asked.map(describe);
  }

  answerRange(time: number): void {
    const last = new Uint8Array(0);
    const none = { index: 1, rows: [], count: 0, last, isEnd: true };
    this.#answer((id) => ({ type: 'range', id, time, ...none }));
  }

  answerRows(rows: readonly { readonly key: Uint8Array; readonly row: Uint8Array }[]): void {
    const last = rows.at(-1)?.key ?? new Uint8Array(0);
    const told = { index: 1, rows, count: rows.length, last, isEnd: true };
    this.#answer((id) => ({ type: 'range', id, time: 5_000_000, ...told }));
  }

  /** Answers with the outcome of a transaction. */
  answerSettled(reply: Reply): void {
    const replies = [encodeReply(reply)];
    this.#answer((id) => ({ type: 'written', id, time: 5_000_000, replies }), 'settle');
  }

  answerWritten(replies: readonly ('done' | 'locked' | Reason)[], time = 5_000_000): void {
    this.answerReplies(replies.map(replyOf), time);
  }

  answerReplies(replies: readonly Reply[], time = 5_000_000): void {
    const encoded = replies.map(encodeReply);
    this.#answer((id) => ({ type: 'written', id, time, replies: encoded }));
  }

  answerFailed(failure: (typeof FAILURES)[number], retryAfterMilliseconds = 0): void {
    this.#answer((id) => {
      return { type: 'failed', id, failure, time: 0, leader: 0, retryAfterMilliseconds };
    });
  }

  answerStorageLimited(): void {
    const excess = { limit: 'storedKeys', allowed: 10, used: 10, added: 1 } as const;
    this.#answer((id) => ({ type: 'storage-limited', id, ...excess }), 'write');
  }

  breakLink(): void {
    this.#owed = [];
    const connection = this.#connection;
    this.#core.step({ type: 'down', connection, reason: 'reset', now: this.#now });
    this.#turn();
  }

  pass(milliseconds: number): void {
    for (const end = this.#now + milliseconds; this.#now < end; ) {
      this.#now += TICK;
      this.#core.step({ type: 'tick', now: this.#now });
      this.#turn();
    }
  }

  /** Time passes while no process runs. */
  sleep(milliseconds: number): void {
    this.#now += milliseconds;
    this.#core.step({ type: 'tick', now: this.#now });
    this.#turn();
  }

  #call(keys: readonly string[], timeoutMilliseconds: number): Told {
    const told: Told = { told: '', message: '' };
    const call: WriteCall = {
      type: 'write',
      command: keys.map((text) => {
        const key = Buffer.from(text);
        return { type: 'set', key, value: key, lifeMilliseconds: 0 };
      }),
      timeoutMilliseconds,
      settle: (result: Replied | CallFailure) => {
        const isTold = result.type === 'failed';
        if (isTold) Object.assign(told, { message: result.message, attempts: result.attempts });
        told.told = isTold ? `${result.code} ${result.outcome}` : result.reply.type;
      },
    };
    this.#core.step({ type: 'call', call, now: this.#now });
    return told;
  }

  #turn(): void {
    this.#core.step({ type: 'flush', now: this.#now });
    for (let number = this.#dialled.shift(); number !== undefined; number = this.#dialled.shift()) {
      if (this.dials === 'open') continue;
      if (this.dials === 'refused') {
        const down = { type: 'down', connection: number, reason: 'ECONNREFUSED' } as const;
        this.#core.step({ ...down, now: this.#now });
        continue;
      }
      this.#connection = number;
      const limits = { keyBytesMax: 4096, valueBytesMax: 1024 };
      const greeting = { cluster: 'model', node: 1 as NodeId, limits };
      this.#core.step({ type: 'up', connection: number, greeting, now: this.#now });
      this.#core.step({ type: 'flush', now: this.#now });
    }
  }

  /** Answers the first open request of this kind. */
  #answer(make: (id: number) => Response, asked?: Request['type']): void {
    const kind = make(0).type;
    const at = this.#owed.findIndex(({ type }) => {
      if (asked !== undefined) return type === asked;
      return (
        (kind === 'failed' && type !== 'map') ||
        (kind === 'written' && ['write', 'transact', 'validate'].includes(type)) ||
        type === kind
      );
    });
    const [request] = this.#owed.splice(at, 1);
    const bytes = encodeResponses([make(request?.id ?? 0)]);
    const connection = this.#connection;
    this.#core.step({ type: 'frame', connection, bytes, now: this.#now });
    this.#turn();
  }

  #count(): void {
    const range = { from: new Uint8Array(0), to: new Uint8Array(0) };
    const level = { type: 'linearizable' } as const;
    const settle = () => {};
    const call = { type: 'count', range, level, timeoutMilliseconds: 1000, settle } as const;
    this.#core.step({ type: 'call', call, now: this.#now });
    this.#turn();
  }
}

function describe(request: Request): string {
  if (request.type === 'range') return `range shard ${request.shard}`;
  if (request.type === 'transact') return describeTransaction(request);
  if (request.type !== 'write') return request.type;
  const batch = decodeBatch(request.batch);
  const commands = batch?.commands ?? [];
  const asked = commands.filter(({ length }) => length > 0).length;
  const part = asked === commands.length ? '' : `, ${asked} of ${commands.length}`;
  const numbers = `${slotText(batch?.sequence)}, deadline ${batch?.deadline}`;
  return `write shard ${request.shard}, ${numbers}${part}`;
}

/** The home shard first, then the deadline of each part. */
function describeTransaction({ transaction }: Extract<Request, { type: 'transact' }>): string {
  const decoded = decodeTransaction(transaction);
  const parts = decoded?.parts.map(({ shard, deadline }) => `shard ${shard}: deadline ${deadline}`);
  const attempts = (decoded?.attempts ?? 0) > 0 ? `, attempts ${decoded?.attempts}` : '';
  const numbers = `${slotText(decoded?.sequence)}, age ${decoded?.age}${attempts}`;
  return [`transact ${numbers}`, ...(parts ?? [])].join('; ');
}

/** The slot, and the number of its earlier requests. */
function slotText(sequence = 0): string {
  const { sessionSlots } = MACHINE_LIMITS;
  return `slot ${sequence % sessionSlots}.${Math.floor(sequence / sessionSlots)}`;
}

function replyOf(name: 'done' | 'locked' | Reason): Reply {
  if (name === 'done') return { type: 'done', version: 9, outputs: [] };
  if (name !== 'locked') return { type: 'refused', reason: name, position: 0 };
  const id = { home: 1, client: new Uint8Array(16).fill(7), sequence: 1 };
  return { type: 'locked', position: 0, holder: { id, attempts: 0, age: 1 } };
}
