/** Requests of tools about leases and locks: all of a cluster, and how to end a lease. */

import { secureBytes } from '../base/ambient.ts';
import { type Attempt, KvError } from '../base/errors.ts';
import { REQUEST_LIMITS } from '../base/limits.ts';
import type { ClusterMap, ShardRow } from '../catalog/cluster-map.ts';
import { nodeNumbered, shardAt } from '../catalog/questions.ts';
import { encodeBatch } from '../machine/batch.ts';
import {
  decodeLeaseListing,
  decodeTicketListing,
  type LeaseListing,
  type TicketListing,
} from '../machine/coordination-listing.ts';
import { decodeReply } from '../machine/reply.ts';
import { keyPosition } from '../ring/key-position.ts';
import type { Request } from '../wire/request.ts';
import type { Response } from '../wire/response.ts';
import {
  type AskOptions,
  type AskTerms,
  askAt,
  askMap,
  faultOf,
  mayHaveActed,
  termsOf,
  throwIfDenied,
} from './admin.ts';
import { invalid } from './options.ts';

/** A lease in one shard, as `askLeases` reports it. */
export interface LeaseInShard {
  /** 32 hexadecimal digits. */
  readonly id: string;
  /** The number of the shard. */
  readonly shard: number;
  /** Its time to live in milliseconds. */
  readonly ttl: number;
  /** Milliseconds after which it may end unless it is kept alive. */
  readonly left: number;
  /** It has ended, and some of its keys are still to be deleted. */
  readonly isEnded: boolean;
  /** Its tickets at locks of the shard. */
  readonly tickets: number;
  /** The id of the client, 32 hexadecimal digits. */
  readonly client: string;
  /** What its owner has noted. */
  readonly note: string;
}

/** One owner of a lock, or one that waits for it, as `askTickets` reports it. */
export interface TicketInLock {
  /** The name of the lock. */
  readonly name: Uint8Array;
  /** The id of its lease, 32 hexadecimal digits. */
  readonly lease: string;
  /** How the lock is used. */
  readonly kind: 'exclusive' | 'shared' | 'semaphore';
  /** Of a semaphore; else 1. */
  readonly permits: number;
  /** The token of an owner; 0 while it waits. */
  readonly token: number;
  /** Milliseconds since it asked for the lock. */
  readonly age: number;
  /** The id of the client, 32 hexadecimal digits. */
  readonly client: string;
  /** What it has noted. */
  readonly note: string;
}

/** The only request on its connection. */
const ID = 1;
/** Shards that are asked at the same time. */
const SHARDS_AT_ONCE = 16;
/** How long a shard may take to end a lease, in its log time. */
const REVOKE_MILLISECONDS = 30_000;

/**
 * The leases of all shards: one entry for each shard in which a lease is open. Rejects with
 * `unreachable` if a shard cannot be asked.
 *
 * @example
 * ```ts
 * import { askLeases } from 'ringkv/admin';
 * for (const { id, left, note } of await askLeases('kv://127.0.0.1:7400')) {
 *   console.log(id, left, note);
 * }
 * ```
 */
export async function askLeases(
  urls: string | readonly string[],
  options: AskOptions = {},
): Promise<readonly LeaseInShard[]> {
  const leases = await askShards(urls, options, (asker, row) =>
    pagesOf(asker, row, 'leases', ({ rows }) => {
      return rows.map(decodeLeaseListing).map((one) => leaseOf(whole(one), row.shard));
    }),
  );
  return leases.sort((one, other) => (one.id < other.id ? -1 : 1));
}

/**
 * The owners of all locks and those that wait for them, by the names of the locks, each queue in
 * its order. Rejects with `unreachable` if a shard cannot be asked.
 *
 * @example
 * ```ts
 * import { askTickets } from 'ringkv/admin';
 * for (const { name, token } of await askTickets('kv://127.0.0.1:7400')) {
 *   console.log(new TextDecoder().decode(name), token === 0 ? 'waits' : 'owns');
 * }
 * ```
 */
export async function askTickets(
  urls: string | readonly string[],
  options: AskOptions = {},
): Promise<readonly TicketInLock[]> {
  return await askShards(urls, options, (asker, row) =>
    pagesOf(asker, row, 'tickets', ({ rows, time }) => {
      return rows.map(decodeTicketListing).map((one) => ticketOf(whole(one), time));
    }),
  );
}

/**
 * Ends a lease in all shards: its keys are deleted, its locks pass to the next in their queues, and
 * its client learns of it within a quarter of its time to live. False if no shard has it.
 *
 * @example
 * ```ts
 * import { revokeLease } from 'ringkv/admin';
 * const id = '959715c4c476eef8c31d8956be98d217'; // from askLeases
 * console.log(await revokeLease('kv://127.0.0.1:7400', id));
 * ```
 */
export async function revokeLease(
  urls: string | readonly string[],
  id: string,
  options: AskOptions = {},
): Promise<boolean> {
  if (!/^[0-9a-f]{32}$/.test(id)) {
    throw invalid(`${JSON.stringify(id)} is not an id of a lease; kvctl lease list shows them`);
  }
  const lease = new Uint8Array(Buffer.from(id, 'hex'));
  const ended = await askShards(urls, options, async (asker, row) => {
    const { time } = await asker.ask(row, listing(row, 'leases', new Uint8Array(0), 1));
    const command = [{ type: 'end-lease', key: keyIn(asker.map, row), lease } as const];
    const about = { client: secureBytes(16), sequence: 0, deadline: time + REVOKE_MILLISECONDS };
    const batch = encodeBatch({ ...about, commands: [command] });
    const written = await asker.write(row, {
      type: 'write',
      id: ID,
      shard: row.shard,
      epoch: row.epoch,
      batch,
    });
    return [written];
  });
  return ended.includes(true);
}

type Listed = Extract<Response, { type: 'listed' }>;

/** Asks the members of a shard in turn, the preferred one first. */
class ShardAsker {
  readonly map: ClusterMap;
  readonly #terms: AskTerms;

  constructor(map: ClusterMap, terms: AskTerms) {
    this.map = map;
    this.#terms = terms;
  }

  async ask(row: ShardRow, request: Request): Promise<Listed> {
    const { answer, attempts } = await this.#ask(row, request, (one) => one.type === 'listed');
    if (answer?.type === 'listed') return answer;
    const message = `no node of shard ${row.shard} answered the request for its leases and locks`;
    throw new KvError({ code: 'unreachable', outcome: 'notApplied', message, attempts });
  }

  /** Whether the shard had the lease. */
  async write(row: ShardRow, request: Request): Promise<boolean> {
    const isOver = (one: { readonly type: string }) => one.type === 'written';
    const { answer, attempts, mayHaveActed: isUnknown } = await this.#ask(row, request, isOver);
    const reply =
      answer?.type === 'written' ? decodeReply(answer.replies[0] as Uint8Array) : undefined;
    const [output] = reply?.type === 'done' ? reply.outputs : [];
    if (output?.type === 'presence') return output.wasThere;
    const outcome = isUnknown ? 'unknown' : 'notApplied';
    const message = `no node of shard ${row.shard} confirmed the end of the lease`;
    throw new KvError({ code: 'timeout', outcome, message, attempts });
  }

  async #ask(row: ShardRow, request: Request, suits: (answer: Response) => boolean) {
    const attempts: Attempt[] = [];
    let isUnknown = false;
    for (const url of this.#urlsOf(row)) {
      const answer = await askAt(url, request, this.#terms);
      if (answer.type !== 'unanswered' && suits(answer)) {
        return { answer, attempts, mayHaveActed: isUnknown };
      }
      throwIfDenied(answer);
      isUnknown ||= mayHaveActed(answer);
      attempts.push({ endpoint: url, what: faultOf(answer) });
    }
    return { answer: undefined, attempts, mayHaveActed: isUnknown };
  }

  #urlsOf({ members, preferredNode }: ShardRow): readonly string[] {
    const nodes = members.map(({ node }) => node);
    nodes.sort((one) => (one === preferredNode ? -1 : 0));
    return nodes.flatMap((node) => nodeNumbered(this.map, node)?.clientUrl ?? []);
  }
}

async function askShards<T>(
  urls: string | readonly string[],
  options: AskOptions,
  ask: (asker: ShardAsker, row: ShardRow) => Promise<readonly T[]>,
): Promise<T[]> {
  const map = await askMap(urls, options);
  const asker = new ShardAsker(map, { ...termsOf(options), cluster: map.clusterId });
  // Shard 0 is the catalog.
  const rows = map.shards.slice(1);
  const found: T[] = [];
  for (let at = 0; at < rows.length; at += SHARDS_AT_ONCE) {
    const some = rows.slice(at, at + SHARDS_AT_ONCE).map((row) => ask(asker, row));
    found.push(...(await Promise.all(some)).flat());
  }
  return found;
}

async function pagesOf<T>(
  asker: ShardAsker,
  row: ShardRow,
  what: 'leases' | 'tickets',
  rowsOf: (page: Listed) => readonly T[],
): Promise<readonly T[]> {
  const found: T[] = [];
  let after: Uint8Array = new Uint8Array(0);
  for (;;) {
    const page = await asker.ask(
      row,
      listing(row, what, after, REQUEST_LIMITS.coordinationRowsMax),
    );
    found.push(...rowsOf(page));
    if (page.isEnd) return found;
    after = page.last;
  }
}

function listing(
  { shard, epoch }: ShardRow,
  what: 'leases' | 'tickets',
  after: Uint8Array,
  rowsMax: number,
): Request {
  return { type: 'coordination', id: ID, shard, epoch, what, after, rowsMax };
}

/** Any key that lies in the shard: it only routes the request. */
function keyIn(map: ClusterMap, { shard }: ShardRow): Uint8Array {
  for (let number = 0; ; number++) {
    const key = Buffer.from(`${number}`);
    if (shardAt(map, keyPosition(key)).shard === shard) return key;
  }
}

function leaseOf(listing: LeaseListing, shard: number): LeaseInShard {
  const { id, ttlMilliseconds: ttl, leftMilliseconds: left, isEnded, tickets } = listing;
  const about = { client: hexOf(listing.client), note: textOf(listing.note) };
  return { id: hexOf(id), shard, ttl, left, isEnded, tickets, ...about };
}

function ticketOf(listing: TicketListing, time: number): TicketInLock {
  const { name, lease, kind, permits, fence: token, since, client, note } = listing;
  const age = Math.max(0, time - since);
  const about = { client: hexOf(client), note: textOf(note) };
  return { name: name.slice(), lease: hexOf(lease), kind, permits, token, age, ...about };
}

function whole<T>(row: T | undefined): T {
  if (row !== undefined) return row;
  const message = 'a node told a lease or lock that cannot be read';
  throw new KvError({ code: 'refused', outcome: 'notApplied', message });
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
