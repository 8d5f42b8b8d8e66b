/** The log's view of one replica: hard state, shape of its log, and locations of its entries. */

import { assert } from '../../base/assert.ts';
import { type MemberId, NO_MEMBER, type ShardId } from '../../base/ids.ts';
import type { PlacedConfiguration } from '../../raft/configuration.ts';
import type { TermRun } from '../../raft/log.ts';
import type { SnapshotDescription } from '../../raft/message.ts';
import { ORIGIN, type Position } from '../../raft/position.ts';
import type { HardState } from '../../raft/ready.ts';
import { type LiveAccount, type Location, LocationTable } from './location-table.ts';
import type { RestoredReplica } from './log.ts';
import type { ReplicaMeta } from './log-meta.ts';

const NO_HARD_STATE: HardState = { term: 0, vote: NO_MEMBER, commit: 0 };

/**
 * Writing a record and replaying it call the same methods. During replay a hole is an entry that
 * may still come; afterwards it is damaged.
 */
export class LogReplica {
  readonly shard: ShardId;
  readonly table: LocationTable;
  member: MemberId;
  hardState: HardState = NO_HARD_STATE;
  mayVote = true;
  base: Position = ORIGIN;
  lastIndex = 0;
  /** Rising; the first begins right after the base. */
  #runs: TermRun[] = [];
  /** Never empty unless the replica is in quarantine. */
  #configurations: PlacedConfiguration[];
  /** Configuration entries whose content is lost. */
  readonly lostConfigurations = new Set<number>();
  #isBaseLost = false;
  /** Why this replica cannot be used; empty if it can. */
  quarantine = '';

  constructor(
    shard: ShardId,
    options: { readonly member: MemberId; readonly account: LiveAccount },
  ) {
    this.shard = shard;
    this.member = options.member;
    this.table = new LocationTable(options.account);
    this.#configurations = [];
  }

  get meta(): ReplicaMeta {
    const { member, hardState, mayVote, base, lastIndex, quarantine } = this;
    const configurations = [...this.#configurations];
    const runs = [...this.#runs];
    return { member, hardState, mayVote, base, lastIndex, runs, configurations, quarantine };
  }

  /** Undefined for a replica in quarantine. */
  get restored(): RestoredReplica | undefined {
    if (this.quarantine !== '') return undefined;
    const { member, hardState, base, lastIndex, mayVote } = this;
    const log = { base, runs: [...this.#runs], lastIndex, damaged: this.damaged() };
    return { member, hardState, log, configurations: [...this.#configurations], mayVote };
  }

  /** The membership is not known for certain. */
  get hasLostConfiguration(): boolean {
    return this.#isBaseLost || this.lostConfigurations.size > 0;
  }

  get lastTerm(): number {
    return this.#runs.at(-1)?.term ?? this.base.term;
  }

  /** The term at an index; undefined if the log does not have it. */
  termAt(index: number): number | undefined {
    if (index === this.base.index) return this.base.term;
    if (index < this.base.index || index > this.lastIndex) return undefined;
    for (let at = this.#runs.length - 1; at >= 0; at--) {
      const run = this.#runs[at];
      if (run !== undefined && run.index <= index) return run.term;
    }
    return undefined;
  }

  /** A checkpoint contains everything but the entries; entries that contradict it become holes. */
  adopt(meta: ReplicaMeta): void {
    const { member, base, lastIndex, runs } = meta;
    const isNew = member !== this.member || meta.quarantine !== '' || this.quarantine !== '';
    const isApart = base.index >= this.table.end || base.index + 1 < this.table.first;
    if (isNew || isApart) this.table.restart(base.index + 1);
    else this.table.cutThrough(base.index);
    this.table.cutFrom(lastIndex + 1);
    const former = { runs: this.#runs, end: this.table.end };
    this.member = member;
    this.hardState = meta.hardState;
    this.mayVote = meta.mayVote;
    this.base = base;
    this.lastIndex = lastIndex;
    this.#runs = [...runs];
    this.#configurations = [...meta.configurations];
    this.lostConfigurations.clear();
    this.#isBaseLost = false;
    this.quarantine = meta.quarantine;
    for (let index = base.index + 1; index < former.end; index++) {
      if (termIn(former.runs, index) !== this.termAt(index)) this.table.punch(index);
    }
    while (this.table.end <= lastIndex) this.table.push();
  }

  /** Appends an entry at `index` and removes all entries from there on. */
  append(position: Position, location: Location | undefined): void {
    const { index, term } = position;
    assert(index > this.base.index && index <= this.lastIndex + 1, 'an append leaves no gap');
    if (index <= this.lastIndex) this.#cutFrom(index);
    assert(term >= this.lastTerm, 'terms never decrease');
    if (term > this.lastTerm || this.#runs.length === 0) this.#runs.push({ index, term });
    this.table.push(location);
    this.lastIndex = index;
  }

  /** The entry has a new location. Returns whether the log has this entry. */
  repair({ index, term }: Position, location: Location): boolean {
    if (index <= this.base.index || this.termAt(index) !== term) return false;
    this.table.set(index, location);
    return true;
  }

  /** A configuration that the entry at its position brought, possibly for the second time. */
  place(placed: PlacedConfiguration): void {
    this.lostConfigurations.delete(placed.at.index);
    const at = this.#configurations.findIndex(({ at: { index } }) => index >= placed.at.index);
    if (at < 0) this.#configurations.push(placed);
    else if (this.#configurations[at]?.at.index === placed.at.index) {
      this.#configurations[at] = placed;
    } else this.#configurations.splice(at, 0, placed);
  }

  /** Drops all entries up to `index`, which remains known as the base. */
  forget(index: number): void {
    if (index <= this.base.index) return;
    const term = this.termAt(index);
    assert(term !== undefined, 'an entry that is forgotten exists');
    const configuration = this.#configurations.findLast(({ at }) => at.index <= index);
    const later = this.#configurations.filter(({ at }) => at.index > index);
    this.#configurations = configuration === undefined ? later : [configuration, ...later];
    while (this.#runs.length > 1 && (this.#runs[1]?.index ?? 0) <= index + 1) this.#runs.shift();
    const [first, ...others] = this.#runs;
    if (index === this.lastIndex || first === undefined) this.#runs = [];
    else this.#runs = [{ index: index + 1, term: first.term }, ...others];
    for (const lost of this.lostConfigurations) {
      if (lost > index) continue;
      // It was in force at the new base, and its content is lost.
      if (lost > (configuration?.at.index ?? 0)) this.#isBaseLost = true;
      this.lostConfigurations.delete(lost);
    }
    this.base = { index, term };
    this.table.cutThrough(index);
  }

  /** A snapshot replaces the entries up to its position, or all if the log lacks that position. */
  restart({ index, term, configuration, configurationAt }: SnapshotDescription): void {
    const placed = { at: configurationAt, configuration };
    if (this.termAt(index) === term) {
      this.forget(index);
      const later = this.#configurations.filter(({ at }) => at.index > index);
      this.#configurations = [placed, ...later];
      this.#isBaseLost = false;
      return;
    }
    this.base = { index, term };
    this.#configurations = [placed];
    this.#dropEntries();
  }

  /** Puts the replica into quarantine: none of its entries counts, and none pins a segment. */
  isolate(text: string): void {
    if (this.quarantine === '') this.quarantine = text;
    this.#configurations = this.#configurations.slice(0, 1);
    this.#dropEntries();
  }

  /** Drops all entries after the base. */
  #dropEntries(): void {
    this.table.restart(this.base.index + 1);
    this.lastIndex = this.base.index;
    this.#runs = [];
    this.lostConfigurations.clear();
    this.#isBaseLost = false;
  }

  drop(): void {
    this.table.restart(1);
  }

  /** The indexes of lost entries, rising. */
  damaged(): number[] {
    const holes: number[] = [];
    for (let index = this.base.index + 1; index <= this.lastIndex; index++) {
      if (this.table.epochAt(index) === 0) holes.push(index);
    }
    return holes;
  }

  #cutFrom(index: number): void {
    while ((this.#runs.at(-1)?.index ?? 0) >= index) this.#runs.pop();
    const isInForce = (placed: PlacedConfiguration) => placed.at.index < index;
    const [first, ...others] = this.#configurations;
    this.#configurations = first === undefined ? [] : [first, ...others.filter(isInForce)];
    for (const lost of this.lostConfigurations) {
      if (lost >= index) this.lostConfigurations.delete(lost);
    }
    this.table.cutFrom(index);
    this.lastIndex = index - 1;
  }
}

/** The shards whose replica is not in quarantine, in rising order. */
export function usableShards(replicas: ReadonlyMap<ShardId, LogReplica>): readonly ShardId[] {
  const usable = [...replicas.values()].filter(({ quarantine }) => quarantine === '');
  return usable.map(({ shard }) => shard).sort((one, other) => one - other);
}

function termIn(runs: readonly TermRun[], index: number): number | undefined {
  return runs.findLast((run) => run.index <= index)?.term;
}
