/**
 * Compares the states of a shard's replicas, and quarantines a replica that differs from the
 * majority.
 *
 * The leader names an entry, and each replica reports a digest of its state as of that entry. Two
 * replicas that applied the same entry at an index applied the same log before it (Raft §5.3), so
 * their states are equal unless one of them is wrong. A digest that differs from that of a majority
 * of the voters is wrong: its replica is told so and fetches its state anew.
 */

import type { MemberId, NodeId, ShardId } from '../base/ids.ts';
import { NODE_LIMITS } from '../base/node-limits.ts';
import type { Replica } from '../shard/replica.ts';
import { digestOf } from '../storage/state/state-hash.ts';
import type { FingerprintReport } from '../wire/node-message.ts';
import type { NodeState } from './node-state.ts';

/** One entry of a shard that is led here, and the reports so far. */
interface Comparison {
  readonly term: number;
  readonly index: number;
  readonly until: number;
  readonly voters: readonly MemberId[];
  readonly reports: Map<MemberId, FingerprintReport>;
}

/** A report that a leader requested from a replica on this node. */
interface Asked {
  readonly by: NodeId;
  readonly index: number;
  readonly until: number;
}

export class ConsistencyCheck {
  readonly #node: NodeState;
  readonly #comparisons = new Map<ShardId, Comparison>();
  readonly #asked = new Map<ShardId, Asked>();
  /** The last entry at which all voters were equal, and the term in which that was seen. */
  readonly #equalAt = new Map<ShardId, { readonly term: number; readonly index: number }>();
  /** Shards whose replicas differ without a majority that agrees. */
  readonly #undecided = new Set<ShardId>();
  #begunAt: number;
  compared = 0;
  diverged = 0;

  constructor(node: NodeState) {
    this.#node = node;
    this.#begunAt = node.now;
  }

  get undecided(): readonly ShardId[] {
    return [...this.#undecided].sort((one, other) => one - other);
  }

  tick(): void {
    const { now, replicas } = this.#node;
    for (const [shard, asked] of this.#asked) this.#report(shard, asked);
    for (const [shard, comparison] of this.#comparisons) {
      if (now >= comparison.until) this.#conclude(shard, comparison);
    }
    if (now - this.#begunAt < NODE_LIMITS.consistencyMilliseconds) return;
    this.#begunAt = now;
    for (const replica of replicas.all) {
      if (replica.isCurrent && !replica.isCorrupt) this.#begin(replica);
      else this.#forget(replica.shard);
    }
  }

  /** A leader requests a report; a later request replaces an open one. */
  asked(by: NodeId, shard: ShardId, index: number): void {
    const replica = this.#node.replicas.get(shard);
    if (replica === undefined || replica.isCorrupt) return;
    const until = this.#node.now + NODE_LIMITS.consistencyMilliseconds;
    this.#asked.set(shard, { by, index, until });
    replica.fingerprint.ask(index);
  }

  reported(report: FingerprintReport): void {
    const comparison = this.#comparisons.get(report.shard);
    if (comparison?.index !== report.index) return;
    comparison.reports.set(report.member, report);
    const { voters, reports } = comparison;
    if (voters.every((voter) => reports.has(voter))) this.#conclude(report.shard, comparison);
  }

  /** Accepted only if it is about this replica's own report, at this very entry. */
  divergedFrom(report: FingerprintReport): void {
    const replica = this.#node.replicas.get(report.shard);
    if (replica?.member !== report.member || replica.isCorrupt) return;
    const own = reportOf(replica, report.index);
    if (own === undefined || keyOf(own) !== keyOf(report)) return;
    const { shard, index } = report;
    this.#node.mention({ type: 'state-diverged', shard, index });
    // Its rows are readable: the mark tells the next life, and a snapshot removes it.
    this.#node.store.condemn(shard);
    replica.markCorrupt();
  }

  #forget(shard: ShardId): void {
    this.#comparisons.delete(shard);
    this.#equalAt.delete(shard);
    this.#undecided.delete(shard);
  }

  /**
   * At the last entry if it is applied: no replica can be past it. While entries are in flight, at
   * one that does not exist yet, so that the request arrives before the entry is committed.
   */
  #begin(replica: Replica): void {
    const { shard } = replica;
    const { now, self } = this.#node;
    const { term, last, applied, isSettled, configuration } = replica.status();
    if (!isSettled || this.#comparisons.has(shard)) return;
    const index = applied === last.index ? last.index : last.index + 1;
    const equal = this.#equalAt.get(shard);
    if (equal?.term === term && equal.index === index) return;
    const { voters, learners } = configuration.configuration;
    const until = now + NODE_LIMITS.consistencyMilliseconds;
    this.#comparisons.set(shard, { term, index, until, voters, reports: new Map() });
    for (const member of [...voters, ...learners]) {
      const node = this.#node.nodeOfMember(shard, member);
      if (node === self.node) this.asked(node, shard, index);
      else if (node !== undefined) {
        this.#node.tellLater(node, { type: 'fingerprint-ask', shard, index });
      }
    }
  }

  /** As soon as the replica is there and the disk has answered. */
  #report(shard: ShardId, { by, index, until }: Asked): void {
    const { now, replicas, self } = this.#node;
    const replica = replicas.get(shard);
    const report = replica === undefined ? undefined : reportOf(replica, index);
    if (report === undefined && replica !== undefined && now < until) return;
    this.#asked.delete(shard);
    if (report === undefined) return;
    if (by === self.node) this.reported(report);
    else this.#node.tellLater(by, { ...report, type: 'fingerprint' });
  }

  /** With the reports of all voters, or with those that arrived in time. */
  #conclude(shard: ShardId, { term, index, voters, reports }: Comparison): void {
    this.#comparisons.delete(shard);
    this.compared += 1;
    const votesFor = (key: string) =>
      voters.filter((voter) => keyOf(reports.get(voter)) === key).length;
    const keys = [...new Set([...reports.values()].map(keyOf))];
    const majority = keys.find((key) => votesFor(key) * 2 > voters.length);
    if (keys.length < 2) {
      this.#undecided.delete(shard);
      if (majority !== undefined) this.#equalAt.set(shard, { term, index });
      return;
    }
    if (majority === undefined) {
      if (!this.#undecided.has(shard)) this.#node.mention({ type: 'states-differ', shard, index });
      this.#undecided.add(shard);
      return;
    }
    this.#undecided.delete(shard);
    for (const report of reports.values()) if (keyOf(report) !== majority) this.#tell(report);
  }

  #tell(report: FingerprintReport): void {
    this.diverged += 1;
    const node = this.#node.nodeOfMember(report.shard, report.member);
    if (node === this.#node.self.node) this.divergedFrom(report);
    else if (node !== undefined) this.#node.tellLater(node, { ...report, type: 'diverged' });
  }
}

function reportOf(replica: Replica, index: number): FingerprintReport | undefined {
  const taken = replica.fingerprint.taken(index);
  if (taken === undefined) return undefined;
  const { shard, member } = replica;
  return { shard, member, index, term: taken.position.term, ...digestOf(taken.hash) };
}

/** Equal for equal replicas; a missing report is equal to none. */
function keyOf(report: FingerprintReport | undefined): string {
  return report === undefined ? '' : `${report.term} ${report.one} ${report.two}`;
}
