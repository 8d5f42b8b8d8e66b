/**
 * What really happened: the entries that the witness saw, done again by fresh machines from the
 * first one on. What replicas have answered and hold must be what comes out of that (trap 11).
 */

import type { ShardId } from '../../src/base/ids.ts';
import { Catalogue } from '../../src/catalog/catalogue.ts';
import { CATALOGUE_SHARD, type ClusterMap } from '../../src/catalog/cluster-map.ts';
import { encodeReply } from '../../src/catalog/command-bytes.ts';
import { decodeBatch } from '../../src/machine/batch.ts';
import type { Command } from '../../src/machine/command.ts';
import { decodeEntry } from '../../src/machine/entry.ts';
import { Machine } from '../../src/machine/machine.ts';
import { decodeReply, type Output } from '../../src/machine/reply.ts';
import { decodeRow, type Row } from '../../src/machine/row.ts';
import { SECTION } from '../../src/machine/section.ts';
import { keyPosition } from '../../src/ring/key-position.ts';
import type { StateStore } from '../../src/storage/state-store.ts';
import { SimFailure } from '../sim/failure.ts';
import { bytesOf, textOf, type WriteRecord } from './customer.ts';
import type { Witness, Witnessed } from './witness.ts';

/** A command that was done, in which entry. */
export interface Deed {
  readonly shard: ShardId;
  readonly index: number;
  /** When the first replica did it. */
  readonly at: number;
  readonly client: string;
  readonly command: Command;
  readonly outputs: readonly Output[];
}

/** What a key was from an entry on. */
export interface Change {
  readonly index: number;
  readonly at: number;
  /** Undefined where the key went. */
  readonly row: Row | undefined;
}

interface TruthOptions {
  readonly witness: Witness;
  readonly map: ClusterMap;
  readonly now: number;
}

type Rows = Map<string, Uint8Array>;

export class Truth {
  readonly #options: TruthOptions;
  readonly #rows = new Map<ShardId, Rows>();
  readonly #deeds = new Map<string, Deed[]>();
  readonly #changes = new Map<string, Change[]>();

  constructor(options: TruthOptions) {
    this.#options = options;
    for (const shard of options.witness.shards) this.#replay(shard);
  }

  shardOf(key: Uint8Array): ShardId {
    const position = keyPosition(key);
    const { shards } = this.#options.map;
    const row = shards.find(({ from, to }) => from <= position && position < to);
    if (row === undefined) this.fail('witness', `nobody owns ${textOf(key)}`);
    return row.shard;
  }

  /** All that a key was, in the order of its shard's log. */
  changesOf(key: string): readonly Change[] {
    return this.#changes.get(key) ?? [];
  }

  /** What was done to a key, in the order of its shard's log. */
  deedsOn(key: string): readonly Deed[] {
    return this.#deeds.get(key) ?? [];
  }

  /** When an entry was first applied. */
  momentOf(key: string, index: number): number | undefined {
    return this.#options.witness.at(this.shardOf(bytesOf(key)), index)?.at;
  }

  /** Whether a replica holds what the fresh machine holds, row by row. */
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

  /** What customers were told is what happened: once if acknowledged, never if refused. */
  judge(writes: readonly WriteRecord[]): void {
    for (const record of writes) {
      const key = textOf((record.command[0] as { key: Uint8Array }).key);
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

  #judgeOne({ record, key, matching }: Judged): void {
    const { outcome, reply, invoke, end } = record;
    if (outcome === 'ok' && reply?.type === 'done') {
      const deed = matching.find(({ index }) => index === reply.version);
      if (deed === undefined) this.fail('lost', `an acknowledged write of ${key} is nowhere`);
      if (deed.at > end) this.fail('witness', `${key} was acknowledged before anybody applied it`);
      if (deed.at < invoke) this.fail('witness', `${key} was written before it was asked for`);
    } else if (isUnique(record.command) && outcome !== 'unknown') {
      if (matching.length > 0) this.fail('phantom', `a write of ${key} was refused and is there`);
    }
    if (isUnique(record.command) && matching.length > 1) {
      this.fail('exactly-once', `a write of ${key} was done ${matching.length} times`);
    }
  }

  #replay(shard: ShardId): void {
    const rows: Rows = new Map();
    this.#rows.set(shard, rows);
    const view = {
      get: (section: number, key: Uint8Array) => rows.get(placeName(section, key)),
    };
    const apply = shard === CATALOGUE_SHARD ? catalogueOf(view) : machineOf(view);
    /** Sequences that were executed, for each client. */
    const executed = new Set<string>();
    this.#options.witness.entries(shard).forEach((entry, at) => {
      const index = at + 1;
      if (entry.payload === undefined) return;
      const { writes, replies } = apply({ index, payload: entry.payload });
      for (const { section, key, value } of writes) {
        if (value === undefined) rows.delete(placeName(section, key));
        else rows.set(placeName(section, key), value.slice());
        if (shard !== CATALOGUE_SHARD && section === SECTION.values) {
          this.#note(key, { index, at: entry.at, row: value && decodeRow(value.slice()) });
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
      if (shard !== CATALOGUE_SHARD) this.#credit({ shard, index, entry, executed });
    });
  }

  #note(key: Uint8Array, change: Change): void {
    const name = textOf(key);
    const changes = this.#changes.get(name);
    if (changes === undefined) this.#changes.set(name, [change]);
    else changes.push(change);
  }

  /** A reply with this entry's version says that it was this entry that did it. */
  #credit({ shard, index, entry, executed }: Credited): void {
    const decoded = decodeEntry(entry.payload as Uint8Array);
    if (typeof decoded === 'string' || decoded.type !== 'batch') return;
    const batch = decodeBatch(decoded.batch);
    if (batch === undefined) return;
    const client = nameOf(batch.client);
    batch.commands.forEach((command, at) => {
      const reply = decodeReply(entry.replies[at] ?? new Uint8Array());
      if (reply?.type !== 'done' || reply.version !== index) return;
      const name = `${client} ${batch.firstSequence + at}`;
      if (executed.has(name)) this.fail('exactly-once', `${name} was done twice`, shard);
      executed.add(name);
      const { outputs } = reply;
      const deed: Deed = { shard, index, at: entry.at, client, command, outputs };
      for (const key of new Set(command.map((operation) => textOf(operation.key)))) {
        const deeds = this.#deeds.get(key);
        if (deeds === undefined) this.#deeds.set(key, [deed]);
        else deeds.push(deed);
      }
    });
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
}

type View = { get(section: number, key: Uint8Array): Uint8Array | undefined };
type Applied = Pick<
  Extract<ReturnType<Machine['apply']>, { type: 'applied' }>,
  'writes' | 'replies'
>;
type Apply = (command: { readonly index: number; readonly payload: Uint8Array }) => Applied;

const NOTHING: Applied = { writes: [], replies: [] };

function machineOf(view: View): Apply {
  return (command) => {
    // Made anew for each entry: nothing is remembered but in the rows.
    const outcome = new Machine({ source: view }).apply(command);
    return outcome.type === 'applied' ? outcome : NOTHING;
  };
}

function catalogueOf(view: View): Apply {
  const catalogue = new Catalogue({ view });
  return (command) => {
    const outcome = catalogue.apply(command);
    if (outcome.type === 'unknown-command') return NOTHING;
    return { writes: outcome.writes, replies: [encodeReply(outcome.reply)] };
  };
}

export function nameOf(client: Uint8Array): string {
  return Buffer.from(client).toString('hex');
}

/** Values are written once by one customer, so that a command with one is known by it. */
function isUnique(command: Command): boolean {
  return command.some(({ type }) => type === 'put' || type === 'append');
}

function isSameCommand(one: Command, other: Command): boolean {
  if (one.length !== other.length) return false;
  return one.every((left, at) => {
    const right = other[at];
    if (right === undefined || left.type !== right.type) return false;
    if (Buffer.compare(left.key, right.key) !== 0) return false;
    if (!('value' in left) || !('value' in right)) return true;
    return Buffer.compare(left.value, right.value) === 0;
  });
}

function placeName(section: number, key: Uint8Array): string {
  return `${section}/${Buffer.from(key).toString('latin1')}`;
}

function placeOf(name: string): { readonly section: number; readonly key: Uint8Array } {
  const slash = name.indexOf('/');
  const key = new Uint8Array(Buffer.from(name.slice(slash + 1), 'latin1'));
  return { section: Number(name.slice(0, slash)), key };
}
