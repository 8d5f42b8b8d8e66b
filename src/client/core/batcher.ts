/** Batching: the calls of one turn become one batch and one read for each shard. */

import { hash } from '../../base/hash.ts';
import type { ShardId } from '../../base/ids.ts';
import { MACHINE_LIMITS } from '../../base/limits.ts';
import { bytesMaxOfCommand } from '../../machine/batch.ts';
import type { ReadLevel } from '../../wire/request.ts';
import { CLIENT_LIMITS } from '../limits.ts';
import { isProtected, type ReadCall, type Writing } from './call.ts';
import type { OpenCalls } from './open-calls.ts';
import { Lookup, type LookupListener, ReadRequest } from './read-request.ts';
import type { RequestBody } from './shard-request.ts';
import { WriteRequest } from './write-request.ts';

interface OpenBatch {
  readonly request: WriteRequest;
  /** Hashes of all its keys. A collision only costs another batch. */
  readonly keys: Set<number>;
  /** The same of leases that its commands acquire locks with. */
  readonly leases: Set<number>;
  operations: number;
  /** The latest expiry of its calls is its deadline. */
  expiresAt: number;
  /** The earliest expiry of those that are traced: they must not take effect later. */
  tracedUntil: number;
}

interface BatcherOptions {
  readonly openCalls: OpenCalls;
  /** Receives the rows. */
  readonly listener: LookupListener;
}

export class Batcher {
  readonly #options: BatcherOptions;
  /** Of each shard, in the order in which they were begun. */
  readonly #batches = new Map<ShardId, OpenBatch[]>();
  readonly #reads = new Map<ShardId, ReadRequest[]>();
  #requests: RequestBody[] = [];

  constructor(options: BatcherOptions) {
    this.#options = options;
  }

  /**
   * Commands of one batch have different keys. A command that has one of them again begins the
   * next batch, and all later ones join that: calls are sent in the order in which they were made.
   * Only calls that may not be together for their expiry stand in batches side by side.
   */
  write(call: Writing, shard: ShardId, expiresAt: number): void {
    const { command, trace } = call;
    const batch = this.#batchFor(call, shard, expiresAt) ?? this.#begin(shard);
    batch.expiresAt = Math.max(batch.expiresAt, expiresAt);
    if (trace !== undefined) batch.tracedUntil = Math.min(batch.tracedUntil, expiresAt);
    for (const operation of command) {
      batch.keys.add(hash(operation.key));
      if (operation.type === 'acquire') batch.leases.add(hash(operation.lease.id));
    }
    batch.operations += command.length;
    batch.request.add(call, expiresAt);
  }

  read(call: ReadCall, expiresAt: number, shardOf: (key: Uint8Array) => ShardId): void {
    const { keys } = call;
    const lookup = new Lookup({ call, keys, expiresAt }, this.#options.listener);
    for (const [at, key] of keys.entries()) {
      this.#readOf(shardOf(key), call).add(lookup, at);
    }
  }

  /** The requests of the turn, in order. */
  take(): readonly RequestBody[] {
    const requests = this.#requests;
    if (requests.length === 0) return requests;
    this.#requests = [];
    this.#batches.clear();
    this.#reads.clear();
    return requests;
  }

  /** The last one that the call may join, and that no other call of its keys stands behind. */
  #batchFor(call: Writing, shard: ShardId, expiresAt: number): OpenBatch | undefined {
    const batches = this.#batches.get(shard) ?? [];
    const first = Math.max(0, batches.length - CLIENT_LIMITS.openBatchesMax);
    for (let at = batches.length - 1; at >= first; at--) {
      const batch = batches[at] as OpenBatch;
      const hasRoom = hasRoomFor(batch, call);
      if (isInTimeFor(batch, call, expiresAt)) return hasRoom ? batch : undefined;
      if (!hasRoom) return undefined;
    }
    return undefined;
  }

  #begin(shard: ShardId): OpenBatch {
    const batch: OpenBatch = {
      request: new WriteRequest(shard, this.#options.openCalls),
      keys: new Set(),
      leases: new Set(),
      operations: 0,
      expiresAt: Number.NEGATIVE_INFINITY,
      tracedUntil: Number.POSITIVE_INFINITY,
    };
    const others = this.#batches.get(shard);
    if (others === undefined) this.#batches.set(shard, [batch]);
    else others.push(batch);
    this.#requests.push(batch.request);
    return batch;
  }

  #readOf(shard: ShardId, { level, priority }: ReadCall): ReadRequest {
    let reads = this.#reads.get(shard);
    if (reads === undefined) {
      reads = [];
      this.#reads.set(shard, reads);
    }
    const reserver = isProtected(priority) ? priority : undefined;
    const open = reads.find((request) => {
      return isSame(request.level, level) && request.reserver === reserver && isOpen(request);
    });
    if (open !== undefined) return open;
    const request = new ReadRequest({ shard, level, reserver });
    reads.unshift(request);
    this.#requests.push(request);
    return request;
  }
}

function hasRoomFor({ request, keys, leases, operations }: OpenBatch, { command }: Writing) {
  return (
    request.count < MACHINE_LIMITS.commandsMax &&
    operations + command.length <= MACHINE_LIMITS.operationsMax &&
    request.bytes + bytesMaxOfCommand(command) <= CLIENT_LIMITS.batchBytesMax &&
    !command.some(({ key }) => keys.has(hash(key))) &&
    // The lease of a lock that the batch acquires may not end in it.
    !command.some((one) => one.type === 'end-lease' && leases.has(hash(one.lease)))
  );
}

/** A batch has one deadline, that of its most patient call; of a traced one it may not be later. */
function isInTimeFor(batch: OpenBatch, { trace }: Writing, expiresAt: number): boolean {
  const own = trace === undefined ? Number.POSITIVE_INFINITY : expiresAt;
  const tracedUntil = Math.min(batch.tracedUntil, own);
  return Math.max(batch.expiresAt, expiresAt) <= tracedUntil;
}

function isOpen(request: ReadRequest): boolean {
  return request.count < CLIENT_LIMITS.readKeysMax && request.bytes < CLIENT_LIMITS.batchBytesMax;
}

function isSame(one: ReadLevel, other: ReadLevel): boolean {
  if (one.type !== other.type) return false;
  return (
    one.type !== 'stale' ||
    (other.type === 'stale' && one.ageMilliseconds === other.ageMilliseconds)
  );
}
