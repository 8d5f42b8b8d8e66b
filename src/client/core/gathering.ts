/** Gathering: the calls of one turn become one batch and one read for each shard. */

import { CLIENT_LIMITS } from '../../base/client-limits.ts';
import { hash } from '../../base/hash.ts';
import type { ShardId } from '../../base/ids.ts';
import { MACHINE_LIMITS } from '../../base/limits.ts';
import { bytesMaxOfCommand } from '../../machine/batch.ts';
import type { ReadLevel } from '../../wire/request.ts';
import { isProtected, type ReadCall, type Writing } from './call.ts';
import type { Errand } from './errand.ts';
import type { Ledger } from './ledger.ts';
import { Lookup, type LookupAsker, ReadErrand } from './read-errand.ts';
import type { Sessions } from './sessions.ts';
import { WriteErrand } from './write-errand.ts';

interface OpenBatch {
  readonly errand: WriteErrand;
  /** Hashes of all its keys. Two keys with one hash part ways, which costs a batch and no more. */
  readonly keys: Set<number>;
  operations: number;
}

interface GatheringOptions {
  readonly ledger: Ledger;
  readonly sessions: Sessions;
  /** Told of what was read. */
  readonly reader: LookupAsker;
}

export class Gathering {
  readonly #options: GatheringOptions;
  readonly #batches = new Map<ShardId, OpenBatch>();
  readonly #reads = new Map<ShardId, ReadErrand[]>();
  #errands: Errand[] = [];

  constructor(options: GatheringOptions) {
    this.#options = options;
  }

  /**
   * Commands of one batch touch different keys: what touches a key again begins the next batch,
   * and all that come later go there as well, so that calls leave in the order they were made in.
   */
  write(call: Writing, { shard, expiresAt }: Destination): void {
    const { command } = call;
    let batch = this.#batches.get(shard);
    if (batch === undefined || !hasRoomFor(batch, call)) {
      batch = {
        errand: new WriteErrand({ shard, ...this.#options }),
        keys: new Set(),
        operations: 0,
      };
      this.#batches.set(shard, batch);
      this.#errands.push(batch.errand);
    }
    for (const { key } of command) batch.keys.add(hash(key));
    batch.operations += command.length;
    batch.errand.add(call, expiresAt);
  }

  read(call: ReadCall, expiresAt: number, shardOf: (key: Uint8Array) => ShardId): void {
    const { keys } = call;
    const lookup = new Lookup({ call, keys, expiresAt, requester: this.#options.reader });
    for (const [at, key] of keys.entries()) {
      this.#readOf(shardOf(key), call).add(lookup, at);
    }
  }

  /** What the turn has gathered, in order. */
  take(): readonly Errand[] {
    const errands = this.#errands;
    if (errands.length === 0) return errands;
    this.#errands = [];
    this.#batches.clear();
    this.#reads.clear();
    return errands;
  }

  #readOf(shard: ShardId, { level, contest }: ReadCall): ReadErrand {
    let reads = this.#reads.get(shard);
    if (reads === undefined) {
      reads = [];
      this.#reads.set(shard, reads);
    }
    const reserver = isProtected(contest) ? contest : undefined;
    const open = reads.find((errand) => {
      return isSame(errand.level, level) && errand.reserver === reserver && isOpen(errand);
    });
    if (open !== undefined) return open;
    const { sessions } = this.#options;
    const errand = new ReadErrand({ shard, level, reserver, sessions });
    reads.unshift(errand);
    this.#errands.push(errand);
    return errand;
  }
}

interface Destination {
  readonly shard: ShardId;
  readonly expiresAt: number;
}

function hasRoomFor({ errand, keys, operations }: OpenBatch, { command }: Writing): boolean {
  return (
    errand.count < MACHINE_LIMITS.commandsMax &&
    operations + command.length <= MACHINE_LIMITS.operationsMax &&
    errand.bytes + bytesMaxOfCommand(command) <= CLIENT_LIMITS.batchBytesMax &&
    !command.some(({ key }) => keys.has(hash(key)))
  );
}

function isOpen(errand: ReadErrand): boolean {
  return errand.count < CLIENT_LIMITS.readKeysMax && errand.bytes < CLIENT_LIMITS.batchBytesMax;
}

function isSame(one: ReadLevel, other: ReadLevel): boolean {
  if (one.type !== other.type) return false;
  return (
    one.type !== 'stale' ||
    (other.type === 'stale' && one.ageMilliseconds === other.ageMilliseconds)
  );
}
