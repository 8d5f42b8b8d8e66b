/**
 * What really happened: the entries that the witness recorded, executed again by fresh machines
 * from the first one on. The answers and the states of replicas must agree with the result.
 */

import type { ShardId } from '../../src/base/ids.ts';
import { CATALOG_SHARD, type ClusterMap } from '../../src/catalog/cluster-map.ts';
import type { Done } from '../../src/client/core/call.ts';
import { decodeBatch } from '../../src/machine/batch.ts';
import type { Command, Operation } from '../../src/machine/command.ts';
import { decodeEntry, type MachineEntry } from '../../src/machine/entry.ts';
import { isWrite } from '../../src/machine/operation-codec.ts';
import { decodeReply, type Output } from '../../src/machine/reply.ts';
import { decodeRow, type Row } from '../../src/machine/row.ts';
import { SECTION } from '../../src/machine/section.ts';
import { keyPosition } from '../../src/ring/key-position.ts';
import type { StateStore } from '../../src/storage/state/state-store.ts';
import { TicketsCheck } from '../checkers/tickets.ts';
import { SimFailure } from '../sim/failure.ts';
import { textOf, type WriteRecord } from './customer.ts';
import { type EntryEffect, type PartEffects, type RowEffect, untruthIn } from './entry-effects.ts';
import { type Applied, catalogOf, machineOf, placeName, placeOf } from './replay.ts';
import { type Committed, TransactionLedger } from './transaction-ledger.ts';
import type { Witness, Witnessed } from './witness.ts';

/** A command that was executed, and in which entry. */
export interface Deed {
  readonly shard: ShardId;
  readonly index: number;
  /** When the first replica executed it. */
  readonly at: number;
  readonly client: string;
  readonly command: Command;
  readonly outputs: readonly Output[];
  /** Of a transaction over several shards: the version of its writes in each. */
  readonly versions?: ReadonlyMap<ShardId, number>;
}

/** The state of a key from an entry on. */
export interface Change {
  /** The version of the written value, or the entry that deleted the key. */
  readonly index: number;
  /** When the first replica could return it. */
  readonly at: number;
  /** Undefined where the key was deleted. */
  readonly row: Row | undefined;
}

interface TruthOptions {
  readonly witness: Witness;
  readonly map: ClusterMap;
  readonly now: number;
}

type Rows = Map<string, Uint8Array>;

const COORDINATED: ReadonlySet<number> = new Set([
  ...[SECTION.leases, SECTION.tombstones],
  ...[SECTION.tickets, SECTION.fences],
]);

export class Truth {
  readonly #options: TruthOptions;
  readonly #rows = new Map<ShardId, Rows>();
  readonly #deeds = new Map<string, Deed[]>();
  readonly #changes = new Map<string, Change[]>();
  readonly #effects: EntryEffect[] = [];
  readonly #tickets = new Map<ShardId, TicketsCheck>();
  readonly #ledger: TransactionLedger;

  constructor(options: TruthOptions) {
    this.#options = options;
    this.#ledger = new TransactionLedger({
      shardAt: (position) => this.#shardAt(position),
      fail: (message, shard) => this.fail('transaction', message, shard),
    });
    for (const shard of options.witness.shards) this.#replay(shard);
    for (const committed of this.#ledger.judge()) this.#creditTransaction(committed);
  }

  /** The number of transactions with each outcome. */
  get outcomes(): ReadonlyMap<string, number> {
    return this.#ledger.outcomes.counts;
  }

  /** What each entry of a data shard did, shard after shard, in the order of their logs. */
  get effects(): readonly EntryEffect[] {
    return this.#effects;
  }

  get now(): number {
    return this.#options.now;
  }

  termOf(shard: ShardId, index: number): number | undefined {
    return this.#options.witness.at(shard, index)?.term;
  }

  /** What became of leases, tickets and fences, of all shards. */
  get coordinated(): readonly ReadonlyMap<string, number>[] {
    return [...this.#tickets.values()].map(({ probes }) => probes.counts);
  }

  shardOf(key: Uint8Array): ShardId {
    return this.#shardAt(keyPosition(key));
  }

  /** All states of a key, in the order of its shard's log. */
  changesOf(key: string): readonly Change[] {
    return this.#changes.get(key) ?? [];
  }

  /** All writes of a key, in the order of its shard's log. */
  deedsOn(key: string): readonly Deed[] {
    return this.#deeds.get(key) ?? [];
  }

  /** Whether a replica has the rows of the fresh machine, row by row. */
  compare(shard: ShardId, store: StateStore): void {
    const rows = this.#rows.get(shard) ?? new Map();
    const counts = new Map<number, number>();
    for (const [name, value] of rows) {
      const { section, key } = placeOf(name);
      counts.set(section, (counts.get(section) ?? 0) + 1);
      const held = store.get(shard, section, key);
      if (held !== undefined && Buffer.compare(held, value) === 0) continue;
      this.fail('replay', `shard ${shard} holds another row ${section}/${textOf(key)}`, shard);
    }
    for (const { section, rows: count } of store.hash(shard) ?? []) {
      if (count === (counts.get(section) ?? 0)) continue;
      this.fail('replay', `shard ${shard} has ${count} rows in section ${section}`, shard);
    }
  }

  /** The answers to customers are true: done once if acknowledged, never if refused. */
  judge(writes: readonly WriteRecord[]): void {
    for (const record of writes) {
      const [first] = record.command.filter(isWrite);
      if (first === undefined) continue;
      const key = textOf(first.key);
      const client = nameOf(record.client);
      const matching = this.deedsOn(key).filter(
        (deed) => deed.client === client && isSameCommand(deed.command, record.command),
      );
      this.#judgeOne({ record, key, matching });
    }
  }

  fail(oracle: string, message: string, shard?: ShardId): never {
    throw new SimFailure(oracle, message, { shard, time: this.#options.now });
  }

  #shardAt(position: number): ShardId {
    const { shards } = this.#options.map;
    const row = shards.find(({ from, to }) => from <= position && position < to);
    if (row === undefined) this.fail('witness', `no shard owns ${position}`);
    return row.shard;
  }

  #judgeOne({ record, key, matching }: Judged): void {
    const { outcome, reply, invoke, end } = record;
    if (outcome === 'ok' && reply?.type === 'done') {
      const deed = matching.find(({ index }) => index === reply.version);
      if (deed === undefined) this.fail('lost', `an acknowledged write of ${key} is nowhere`);
      if (deed.at > end)
        this.fail('witness', `${key} was acknowledged before any replica applied it`);
      if (deed.at < invoke) this.fail('witness', `${key} was written before it was asked for`);
      this.#judgeVersions(record.command, reply, deed);
    } else if (isUnique(record.command) && outcome !== 'unknown') {
      if (matching.length > 0) this.fail('phantom', `a write of ${key} was refused and is there`);
    }
    if (isUnique(record.command) && matching.length > 1) {
      this.fail('exactly-once', `a write of ${key} was done ${matching.length} times`);
    }
  }

  /** The versions of each written key agree with the answers. */
  #judgeVersions(command: Command, { versions }: Done, deed: Deed): void {
    if (deed.versions === undefined) return;
    for (const [at, operation] of command.entries()) {
      if (!isWrite(operation)) continue;
      const due = deed.versions.get(this.shardOf(operation.key));
      if (versions?.[at] === due) continue;
      this.fail('witness', `${textOf(operation.key)} has version ${due}, not ${versions?.[at]}`);
    }
  }

  #replay(shard: ShardId): void {
    const rows: Rows = new Map();
    this.#rows.set(shard, rows);
    const view = {
      get: (section: number, key: Uint8Array) => rows.get(placeName(section, key)),
    };
    const apply = shard === CATALOG_SHARD ? catalogOf(view) : machineOf(view);
    /** Sequences that were executed, for each client. */
    const executed = new Set<string>();
    this.#options.witness.entries(shard).forEach((entry, at) => {
      const index = at + 1;
      if (entry.payload === undefined) return;
      const outcome = apply({ index, payload: entry.payload });
      const { writes, replies } = outcome;
      const changed: RowEffect[] = [];
      for (const { section, key, value } of writes) {
        const name = placeName(section, key);
        const before = rows.get(name);
        if (value === undefined) rows.delete(name);
        else rows.set(name, value.slice());
        if (shard !== CATALOG_SHARD && section === SECTION.values) {
          const row = value && decodeRow(value.slice());
          changed.push({ key: textOf(key), before: before && decodeRow(before), after: row });
          this.#note(key, { index: row?.version ?? index, at: entry.at, row });
        }
      }
      const isSame = replies.every(
        (reply, place) => Buffer.compare(reply, entry.replies[place] ?? reply) === 0,
      );
      if (!isSame || replies.length !== entry.replies.length) {
        this.fail(
          'replay',
          `entry ${index} was answered otherwise than by a machine of now`,
          shard,
        );
      }
      if (shard === CATALOG_SHARD) return;
      const { grants } = outcome;
      const isCoordinated = writes.some(({ section }) => COORDINATED.has(section));
      const coordination = isCoordinated ? outcome.coordination : undefined;
      this.#credit({ shard, index, entry, executed, changed, grants, coordination });
    });
  }

  #note(key: Uint8Array, change: Change): void {
    const name = textOf(key);
    const changes = this.#changes.get(name);
    if (changes === undefined) this.#changes.set(name, [change]);
    else changes.push(change);
  }

  /** A reply with this entry's version shows that this entry executed it. */
  #credit(credited: Credited): void {
    const { shard, index, entry, executed, changed } = credited;
    const decoded = decodeEntry(entry.payload as Uint8Array);
    if (typeof decoded === 'string') return;
    const { at } = entry;
    const said = entry.replies.map((bytes) => decodeReply(bytes));
    const values = new Map(changed.map(({ key, after }) => [key, after]));
    const parts = this.#ledger.take({ shard, index, at, entry: decoded, replies: said, values });
    this.#judgeCoordination(credited, decoded, parts);
    const { replies } = entry;
    const effect = { shard, index, at, entry: decoded, replies, rows: changed, ...parts };
    this.#effects.push(effect);
    if (typeof entry.changes === 'object') {
      const untruth = untruthIn(effect, entry.changes);
      if (untruth !== undefined) this.fail('changes', `entry ${index}: ${untruth}`, shard);
    }
    const batch = decoded.type === 'batch' ? decodeBatch(decoded.batch) : undefined;
    if (batch === undefined) return;
    const client = nameOf(batch.client);
    batch.commands.forEach((command, place) => {
      const reply = decodeReply(entry.replies[place] ?? new Uint8Array());
      if (reply?.type !== 'done' || reply.version !== index) return;
      const name = `${client} ${batch.sequence} ${place}`;
      if (executed.has(name)) this.fail('exactly-once', `${name} was done twice`, shard);
      executed.add(name);
      const { outputs } = reply;
      const deed: Deed = { shard, index, at, client, command, outputs };
      this.#enter(deed);
    });
  }

  /** Leases, tickets and fences are as their reference has them, after each entry. */
  #judgeCoordination(credited: Credited, entry: MachineEntry, parts: PartEffects): void {
    const { shard, index, grants, coordination } = credited;
    const check = this.#tickets.get(shard) ?? new TicketsCheck();
    this.#tickets.set(shard, check);
    const { replies } = credited.entry;
    const fault = check.take({ index, entry, replies, grants, coordination, ...parts });
    if (fault !== undefined) this.fail('coordination', `entry ${index}: ${fault}`, shard);
  }

  #creditTransaction(committed: Committed): void {
    const { parts, at, outputs, client } = committed;
    const [home] = parts;
    if (home === undefined) return;
    const command = parts.flatMap(({ operations }) => operations);
    const versions = new Map(parts.map(({ shard, version }) => [shard, version]));
    const { shard, version: index } = home;
    this.#enter({ shard, index, at, client: nameOf(client), command, outputs, versions });
    for (const { operations, version } of parts) {
      // Readers see it from the decision on, not only once its part is applied.
      for (const { key } of operations.filter(isWrite)) {
        const changes = this.#changes.get(textOf(key)) ?? [];
        const place = changes.findIndex(({ index: one, row }) => row && one === version);
        const change = changes[place];
        if (change !== undefined) changes[place] = { ...change, at };
      }
    }
  }

  #enter(deed: Deed): void {
    for (const key of new Set(deed.command.map((operation) => textOf(operation.key)))) {
      const deeds = this.#deeds.get(key);
      if (deeds === undefined) this.#deeds.set(key, [deed]);
      else deeds.push(deed);
    }
  }
}

interface Judged {
  readonly record: WriteRecord;
  readonly key: string;
  readonly matching: readonly Deed[];
}

interface Credited {
  readonly shard: ShardId;
  readonly index: number;
  readonly entry: Witnessed;
  readonly executed: Set<string>;
  readonly changed: readonly RowEffect[];
  readonly grants: Applied['grants'];
  readonly coordination: Applied['coordination'];
}

export function nameOf(client: Uint8Array): string {
  return Buffer.from(client).toString('hex');
}

/** A value is written once, by one customer, so it identifies its command. */
function isUnique(command: Command): boolean {
  return command.some(({ type }) => type === 'set' || type === 'append');
}

/** By what they write: a transaction has its operations in the order of its shards. */
function isSameCommand(one: Command, other: Command): boolean {
  const [left, right] = [one, other].map((command) => command.filter(isWrite));
  if (left === undefined || left.length !== right?.length) return false;
  return left.every((operation) => right.some((twin) => isSameOperation(operation, twin)));
}

function isSameOperation(one: Operation, other: Operation): boolean {
  if (one.type !== other.type || Buffer.compare(one.key, other.key) !== 0) return false;
  if (!('value' in one) || !('value' in other)) return true;
  return Buffer.compare(one.value, other.value) === 0;
}
