/** A model of the log: the records so far, and their result. */

import assert from 'node:assert/strict';
import { type MemberId, NO_MEMBER, type NodeId, type ShardId } from '../../src/base/ids.ts';
import type { Life } from '../../src/base/life.ts';
import type { PlacedConfiguration } from '../../src/raft/configuration.ts';
import type { TermRun } from '../../src/raft/log.ts';
import type { LogEntry } from '../../src/raft/message.ts';
import { ORIGIN, type Position } from '../../src/raft/position.ts';
import type { HardState, Write } from '../../src/raft/ready.ts';
import type { Log, LogRecord, RestoredReplica } from '../../src/storage/log/log.ts';

export class ReplicaModel {
  readonly member: MemberId;
  hardState: HardState = { term: 0, vote: NO_MEMBER, commit: 0 };
  base: Position = ORIGIN;
  baseConfiguration: PlacedConfiguration;
  /** The entries after the base. */
  entries: LogEntry[] = [];

  constructor(member: MemberId, configuration: PlacedConfiguration) {
    this.member = member;
    this.baseConfiguration = configuration;
  }

  copy(): ReplicaModel {
    const copy = new ReplicaModel(this.member, this.baseConfiguration);
    copy.hardState = this.hardState;
    copy.base = this.base;
    copy.entries = [...this.entries];
    return copy;
  }

  get lastIndex(): number {
    return this.base.index + this.entries.length;
  }

  termAt(index: number): number | undefined {
    return index === this.base.index
      ? this.base.term
      : this.entries[index - this.base.index - 1]?.term;
  }

  configurations(): PlacedConfiguration[] {
    const placed = [this.baseConfiguration];
    for (const entry of this.entries) {
      if (entry.kind !== 'configuration') continue;
      const { index, term, configuration } = entry;
      placed.push({ at: { index, term }, configuration });
    }
    return placed;
  }

  runs(): TermRun[] {
    const runs: TermRun[] = [];
    for (const { index, term } of this.entries) {
      if (runs.at(-1)?.term !== term) runs.push({ index, term });
    }
    return runs;
  }

  write({ snapshot, entries, repairs, hardState }: Write): void {
    if (snapshot !== undefined) {
      const { index, term, configuration, configurationAt } = snapshot;
      if (this.termAt(index) === term) this.forget(index);
      else {
        this.base = { index, term };
        this.entries = [];
      }
      this.baseConfiguration = { at: configurationAt, configuration };
    }
    const [first] = entries;
    if (first !== undefined) this.entries.length = first.index - this.base.index - 1;
    this.entries.push(...entries);
    for (const entry of repairs) {
      const at = entry.index - this.base.index - 1;
      if (at >= 0 && at < this.entries.length) this.entries[at] = entry;
    }
    this.hardState = hardState;
  }

  forget(index: number): void {
    if (index <= this.base.index) return;
    const term = this.termAt(index);
    assert.ok(term !== undefined);
    const inForce = this.configurations().findLast(({ at }) => at.index <= index);
    if (inForce !== undefined) this.baseConfiguration = inForce;
    this.entries = this.entries.slice(index - this.base.index);
    this.base = { index, term };
  }
}

export class LogModel {
  readonly replicas = new Map<ShardId, ReplicaModel>();
  readonly tombstones: MemberId[] = [];
  readonly lives = new Map<NodeId, Life>();

  copy(): LogModel {
    const copy = new LogModel();
    for (const [shard, replica] of this.replicas) copy.replicas.set(shard, replica.copy());
    copy.tombstones.push(...this.tombstones);
    for (const [node, life] of this.lives) copy.lives.set(node, life);
    return copy;
  }

  take(record: LogRecord): void {
    if (record.type === 'life') {
      const { node, incarnation, word } = record;
      this.lives.set(node, { incarnation, word });
      return;
    }
    if (record.type === 'forget-node') {
      this.lives.delete(record.node);
      return;
    }
    const { shard } = record;
    if (record.type === 'create') {
      this.replicas.set(shard, new ReplicaModel(record.member, record.configuration));
      return;
    }
    const replica = this.replicas.get(shard);
    assert.ok(replica !== undefined);
    if (record.type === 'write') replica.write(record.write);
    else if (record.type === 'forget') replica.forget(record.index);
    else {
      this.tombstones.push(replica.member);
      this.replicas.delete(shard);
    }
  }

  /** All but the payloads, to be compared. */
  digest(): string {
    const replicas = [...this.replicas]
      .sort(([one], [other]) => one - other)
      .map(([shard, replica]) => {
        const { member, hardState, base, lastIndex } = replica;
        const [first, ...others] = replica.configurations();
        return [shard, member, hardState, base, lastIndex, replica.runs(), first, others];
      });
    return JSON.stringify([replicas, [...this.tombstones].sort(), livesOf(this.lives)]);
  }
}

/** The same of a real log. */
export function digestOf(log: Log): string {
  const replicas = log.shards.map((shard) => {
    const replica = log.replica(shard);
    assert.ok(replica !== undefined);
    const { member, hardState, configurations } = replica;
    const { base, lastIndex, runs } = replica.log;
    const [first, ...others] = configurations;
    return [shard, member, hardState, base, lastIndex, runs, first, others];
  });
  const tombstones = log.tombstones.map(({ member }) => member).sort();
  return JSON.stringify([replicas, tombstones, livesOf(log.lives)]);
}

function livesOf(lives: ReadonlyMap<NodeId, Life>): readonly unknown[] {
  return [...lives].sort(([one], [other]) => one - other);
}

/**
 * Checks that the log holds the result of the records up to `through`, or of a few more. Returns
 * their number and the model.
 */
export function matchPrefix(
  log: Log,
  {
    base,
    records,
    acknowledged,
  }: {
    readonly base: LogModel;
    readonly records: readonly LogRecord[];
    readonly acknowledged: number;
  },
): LogModel {
  const model = base.copy();
  for (const record of records.slice(0, acknowledged)) model.take(record);
  const found = digestOf(log);
  const least = model.digest();
  for (let count = acknowledged; ; count++) {
    const match = matchWith(model, { rest: records.slice(count), found });
    if (match !== undefined) return match;
    const record = records[count];
    if (record === undefined) {
      assert.fail(`no prefix of the records is what was found:\n${found}\nat least:\n${least}`);
    }
    model.take(record);
  }
}

/** Without space for the others, records that free space may have overtaken them. */
function matchWith(
  model: LogModel,
  { rest, found }: { readonly rest: readonly LogRecord[]; readonly found: string },
): LogModel | undefined {
  if (model.digest() === found) return model;
  const ahead = model.copy();
  const passed: LogRecord[] = [];
  for (const record of rest) {
    if (!mayOvertake(record, { passed, model: ahead })) {
      passed.push(record);
      continue;
    }
    ahead.take(record);
    if (ahead.digest() === found) return ahead;
  }
  return undefined;
}

function mayOvertake(
  record: LogRecord,
  { passed, model }: { readonly passed: readonly LogRecord[]; readonly model: LogModel },
): boolean {
  if (record.type !== 'forget' && record.type !== 'remove') return false;
  const before = passed.filter((one) => 'shard' in one && one.shard === record.shard);
  if (record.type === 'remove') return before.length === 0;
  const isTurned = before.some(({ type, ...one }) => {
    return type !== 'forget' && (type !== 'write' || ('write' in one && one.write.snapshot));
  });
  const isReplaced = before.some((one) => {
    return one.type === 'write' && (one.write.entries[0]?.index ?? Infinity) <= record.index;
  });
  const replica = model.replicas.get(record.shard);
  return !isTurned && !isReplaced && replica !== undefined && record.index <= replica.lastIndex;
}

/** Every entry reads as it was written; damaged ones are those in `isDamaged`. */
export function checkEntries(
  log: Log,
  model: LogModel,
  isDamaged: (shard: ShardId, index: number) => boolean = () => false,
): void {
  for (const shard of log.shards) {
    const replica = model.replicas.get(shard);
    if (replica === undefined) assert.fail(`shard ${shard} is there and should not be`);
    for (let index = replica.base.index + 1; index <= replica.lastIndex; ) {
      const read = log.reader(shard).read({ from: index, to: replica.lastIndex, bytesMax: 500 });
      if (read === 'damaged' || read === 'later') {
        assert.ok(isDamaged(shard, index), `entry ${index} of shard ${shard} is ${read}`);
        index += 1;
        continue;
      }
      assert.ok(read.length > 0);
      for (const entry of read) {
        const expected: LogEntry | undefined = replica.entries[index - replica.base.index - 1];
        assert.deepEqual(plain(entry), expected === undefined ? undefined : plain(expected));
        index += 1;
      }
    }
  }
}

function plain(entry: LogEntry): unknown {
  if (entry.kind !== 'command') return entry;
  return { ...entry, payload: Buffer.from(entry.payload).toString('hex') };
}

export function nothingDamaged(replica: RestoredReplica): boolean {
  return replica.log.damaged.length === 0 && replica.mayVote;
}
