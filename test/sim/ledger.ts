/**
 * What was handed to a node's log and what the log acknowledged, beside the log itself: an oracle.
 * No acknowledged record may be missing, and no record may exist that was not handed over.
 */

import { NO_MEMBER, type ShardId } from '../../src/base/ids.ts';
import type { Log, RestoredReplica, ShardRecord, Tombstone } from '../../src/storage/log/log.ts';
import { hashOfEntry } from './entry-hash.ts';
import { SimFailure } from './failure.ts';
import { ReplicaImage } from './image.ts';

interface Append {
  readonly number: number;
  readonly records: readonly ShardRecord[];
}

/** Entries read at once when all of a log is compared. */
const READ_BYTES = 100_000;

export class Ledger {
  readonly #node: number;
  readonly #now: () => number;
  #durable = new Map<ShardId, ReplicaImage>();
  /** Members that ended here, each with its shard. */
  #dead = new Set<string>();
  #pending: Append[] = [];
  #lastNumber = 0;

  constructor({ node, now }: { readonly node: number; readonly now: () => number }) {
    this.#node = node;
    this.#now = now;
  }

  /** What the log has acknowledged. */
  get durable(): ReadonlyMap<ShardId, ReplicaImage> {
    return this.#durable;
  }

  get pendingCount(): number {
    return this.#pending.length;
  }

  hand(records: readonly ShardRecord[]): number {
    this.#lastNumber += 1;
    this.#pending.push({ number: this.#lastNumber, records });
    return this.#lastNumber;
  }

  acknowledge(number: number): void {
    const append = this.#pending.shift();
    if (append?.number !== number) this.#fail('an append was reported out of order');
    for (const record of append.records) applyTo(this.#durable, this.#dead, record);
  }

  /** Its member id is lost. */
  forgetMember(shard: ShardId): void {
    const image = this.#durable.get(shard);
    if (image === undefined) return;
    this.#durable.set(shard, new ReplicaImage(NO_MEMBER, image.baseConfiguration));
  }

  /** The disk is lost, with everything that it acknowledged. */
  wipe(): void {
    this.#durable = new Map();
    this.#dead = new Set();
    this.#pending = [];
  }

  /**
   * The log was opened: it holds what was acknowledged and perhaps some of the later records, each
   * one whole and none without those before it. From now on the ledger takes that as the truth.
   */
  meet(log: Log, { isSuspect }: { readonly isSuspect: boolean }): void {
    const records = this.#pending.flatMap((append) => append.records);
    this.#pending = [];
    // Any record may have been corrupted, so a vote may be among them.
    if (isSuspect) for (const image of this.#durable.values()) image.isVoteLost = true;
    const differing = new Map<ShardId, string>();
    const compare = (shard: ShardId) => {
      const difference = this.#differenceAt(log, shard);
      if (difference === undefined) differing.delete(shard);
      else differing.set(shard, difference);
    };
    const shards = new Set([...this.#durable.keys(), ...log.shards]);
    for (const { shard } of records) shards.add(shard);
    for (const shard of shards) compare(shard);
    const least = [...differing][0];
    for (const record of records) {
      if (differing.size === 0 && (isSuspect || this.#isSameDead(log))) break;
      applyTo(this.#durable, this.#dead, record);
      compare(record.shard);
    }
    const [first] = differing;
    if (first !== undefined) {
      this.#fail(`after a restart the log differs: ${(least ?? first)[1]}`, (least ?? first)[0]);
    }
    if (!isSuspect && !this.#isSameDead(log)) this.#fail('after a restart the tombstones differ');
    this.#dead = new Set(log.tombstones.map(nameOf));
    for (const shard of log.shards) this.#readAll(log, shard, isSuspect);
  }

  /** While the log is open, it shows everything acknowledged of a shard, or more. */
  watch(log: Log, shard: ShardId): void {
    const durable = this.#durable.get(shard);
    if (durable === undefined) return;
    const image = new Map([[shard, durable.copy()]]);
    const dead = new Set<string>();
    const records = this.#pending.flatMap((append) => append.records);
    const own = records.filter((record) => record.shard === shard);
    const least = this.#differenceAt(log, shard, image);
    if (least === undefined) return;
    for (const record of own) {
      applyTo(image, dead, record);
      if (this.#differenceAt(log, shard, image) === undefined) return;
    }
    this.#fail(`the log differs from what was written: ${least}`, shard);
  }

  #differenceAt(log: Log, shard: ShardId, images = this.#durable): string | undefined {
    const image = images.get(shard);
    const replica = log.replica(shard);
    if (log.quarantined.some((one) => one.shard === shard)) return undefined;
    if (image === undefined || replica === undefined) {
      if (image === replica) return undefined;
      return image === undefined ? 'a replica that should not be' : 'a replica is missing';
    }
    return differenceOf(image, replica);
  }

  #isSameDead({ tombstones }: Log): boolean {
    const found = new Set(tombstones.map(nameOf));
    return found.size === this.#dead.size && [...found].every((name) => this.#dead.has(name));
  }

  /** Every entry is as written, or is known to be damaged by a fault. */
  #readAll(log: Log, shard: ShardId, isSuspect: boolean): void {
    const image = this.#durable.get(shard);
    const replica = log.replica(shard);
    if (image === undefined || replica === undefined) return;
    const { lastIndex } = image;
    const known = new Set(replica.log.damaged);
    for (const index of known) {
      if (!image.damaged.has(index) && !isSuspect) {
        this.#fail(`entry ${index} is damaged without a fault`, shard);
      }
      image.damaged.add(index);
    }
    for (let index = image.base.index + 1; index <= lastIndex; ) {
      const range = { from: index, to: lastIndex, bytesMax: READ_BYTES };
      const read = known.has(index) ? 'damaged' : log.reader(shard).read(range);
      if (read === 'damaged' || read === 'later') {
        // It may have been corrupted since the log was opened.
        if (!image.damaged.has(index)) this.#fail(`entry ${index} cannot be read`, shard);
        known.add(index);
        index += 1;
        continue;
      }
      for (const entry of read) {
        const expected = image.entryAt(entry.index);
        const isSame = expected !== undefined && hashOfEntry(expected) === hashOfEntry(entry);
        if (!isSame || entry.index !== index) {
          this.#fail(`entry ${index} is not what was written`, shard);
        }
        index += 1;
      }
    }
    // Corruption of unused bytes does no harm.
    for (const index of image.damaged) if (!known.has(index)) image.damaged.delete(index);
    image.isVoteLost = !replica.mayVote;
    image.hardState = replica.hardState;
  }

  #fail(message: string, shard?: ShardId): never {
    throw new SimFailure('storage', message, { node: this.#node, shard, time: this.#now() });
  }
}

/** What differs; undefined if nothing does. */
export function differenceOf(image: ReplicaImage, replica: RestoredReplica): string | undefined {
  const { member, hardState, mayVote, log, configurations } = replica;
  const parts: [string, unknown, unknown][] = [
    ['member', image.member, member],
    ['base', image.base, log.base],
    ['end', image.lastIndex, log.lastIndex],
    ['terms', image.runs(), log.runs],
    ['configurations', image.configurations(), configurations],
  ];
  // Only a member that lost its vote may report that.
  if (!mayVote && !image.isVoteLost) return 'a vote is lost without a fault';
  const { term, vote } = image.hardState;
  // The hard-state files contain the term and the vote, but not the commit index.
  if (mayVote && image.isVoteLost) {
    parts.push(['vote', { term, vote }, { term: hardState.term, vote: hardState.vote }]);
  } else if (mayVote) parts.push(['promises', image.hardState, hardState]);
  for (const [name, expected, found] of parts) {
    const [one, other] = [JSON.stringify(expected), JSON.stringify(found)];
    if (one !== other) return `${name} ${other} instead of ${one}`;
  }
  return undefined;
}

/** The id of a member is unique within its shard only. */
function nameOf({ shard, member }: Pick<Tombstone, 'shard' | 'member'>): string {
  return `${shard} ${member}`;
}

function applyTo(images: Map<ShardId, ReplicaImage>, dead: Set<string>, record: ShardRecord): void {
  const { shard } = record;
  if (record.type === 'create') {
    images.set(shard, new ReplicaImage(record.member, record.configuration));
    return;
  }
  const image = images.get(shard);
  if (image === undefined) return;
  if (record.type === 'write') image.apply(record.write);
  else if (record.type === 'forget') image.truncate(record.index);
  else {
    dead.add(nameOf({ shard, member: image.member }));
    images.delete(shard);
  }
}
