/** The rules of Raft, checked on everything that any replica does. */

import type { MemberId, ShardId } from '../../src/base/ids.ts';
import type { RaftLimits } from '../../src/base/limits.ts';
import {
  type Configuration,
  isJoint,
  type PlacedConfiguration,
} from '../../src/raft/configuration.ts';
import { type LogEntry, type Message, sizeOfAll } from '../../src/raft/message.ts';
import { ORIGIN } from '../../src/raft/position.ts';
import { majorityOf } from '../../src/raft/quorum.ts';
import type { Ready, Write } from '../../src/raft/ready.ts';
import type { RaftStatus } from '../../src/raft/status.ts';
import { hashOfEntry } from './entry-hash.ts';
import { SimFailure } from './failure.ts';
import type { ReplicaImage } from './image.ts';
import { decodeOperation } from './operation.ts';
import { Truth } from './truth.ts';

/** The acting replica. */
export interface Actor {
  readonly node: number;
  readonly shard: ShardId;
  readonly member: MemberId;
}

interface Life {
  term: number;
  commit: number;
  applied: number;
  configuration: Configuration | undefined;
}

export interface InvariantsOptions {
  readonly limits: RaftLimits;
  readonly now: () => number;
  /** What is certainly on a member's disk, or was when it last had one. */
  readonly durableOf: (shard: ShardId, member: MemberId) => ReplicaImage | undefined;
}

export class Invariants {
  readonly #options: InvariantsOptions;
  readonly #truths = new Map<ShardId, Truth>();
  readonly #lives = new Map<MemberId, Life>();
  /** For which member each member voted in each term; kept over every crash. */
  readonly #votes = new Map<MemberId, Map<number, MemberId>>();

  constructor(options: InvariantsOptions) {
    this.#options = options;
  }

  truthOf(shard: ShardId): Truth {
    const known = this.#truths.get(shard);
    if (known !== undefined) return known;
    const truth = new Truth();
    this.#truths.set(shard, truth);
    return truth;
  }

  /** A shard begins with a configuration that is in no log. */
  found(shard: ShardId, configuration: Configuration): void {
    this.truthOf(shard).configurations.push({ at: ORIGIN, configuration });
  }

  #fail(oracle: string, message: string, actor: Actor): never {
    const { node, shard } = actor;
    throw new SimFailure(oracle, message, { node, shard, time: this.#options.now() });
  }

  /** A replica starts, with the machine's state at `applied`. */
  begin(actor: Actor, applied: number): void {
    const life = { term: 0, commit: 0, applied, configuration: undefined };
    this.#lives.set(actor.member, life);
  }

  /** After its events of a turn, before its effects are carried out. */
  observe(actor: Actor, status: RaftStatus, image: ReplicaImage): void {
    const life = this.#lives.get(actor.member);
    if (life === undefined) return this.#fail('life', 'a replica acts without having begun', actor);
    if (status.term < life.term) this.#fail('monotony', 'a term fell', actor);
    if (status.commit < life.commit) this.#fail('monotony', 'a commit index fell', actor);
    if (status.commit > status.last.index) this.#fail('commit', 'commit beyond the log', actor);
    if (status.applied > status.commit) this.#fail('commit', 'applied beyond commit', actor);
    life.term = status.term;
    life.commit = status.commit;
    if (status.role === 'leader') this.#observeLeader(actor, status, image);
    const truth = this.truthOf(actor.shard);
    if (status.commit > truth.commit) this.#observeCommit(actor, status, image);
    life.configuration = status.configuration.configuration;
  }

  #observeLeader(actor: Actor, status: RaftStatus, image: ReplicaImage): void {
    const truth = this.truthOf(actor.shard);
    const known = truth.leaders.get(status.term);
    if (known === actor.member) return;
    if (known !== undefined) this.#fail('election safety', 'two leaders in one term', actor);
    truth.leaders.set(status.term, actor.member);
    this.#registerVote(actor, status.term, actor.member);
    const durable = this.#options.durableOf(actor.shard, actor.member);
    const kept = durable?.hardState.term ?? 0;
    if (kept < status.term) this.#fail('durability', 'a leader whose term is not durable', actor);
    const index = truth.committedBefore(status.term);
    if (index <= image.base.index) return;
    const term = truth.applied[index]?.entry.term ?? this.#committedTerm(truth, index);
    if (term === undefined || image.termAt(index) === term) return;
    this.#fail('leader completeness', `a leader lacks a committed entry`, actor);
  }

  /** Committed but not applied anywhere yet: known if logs had only one term at that index. */
  #committedTerm(truth: Truth, index: number): number | undefined {
    const cell = truth.cells[index];
    return cell?.next === undefined ? cell?.term : undefined;
  }

  /** The first time that an index is committed anywhere: a quorum has it on disk by now. */
  #observeCommit(actor: Actor, status: RaftStatus, image: ReplicaImage): void {
    const truth = this.truthOf(actor.shard);
    const index = status.commit;
    const term = image.termAt(index);
    if (term !== undefined) {
      const before = this.#lives.get(actor.member)?.configuration;
      const now = status.configuration.configuration;
      const isDurable = [before, now].some(
        (configuration) =>
          configuration !== undefined && this.#isOnQuorum(actor.shard, configuration, index, term),
      );
      if (!isDurable) this.#fail('durability', 'committed without a durable quorum', actor);
      // Figure 8: an entry of a former term that a majority has may still be overwritten.
      if (status.role === 'leader' && term !== status.term) {
        this.#fail('commit', 'an entry of a former term was committed by itself', actor);
      }
    }
    truth.advance(index, status.term);
  }

  #isOnQuorum(shard: ShardId, configuration: Configuration, index: number, term: number): boolean {
    const halves = isJoint(configuration)
      ? [configuration.voters, configuration.outgoing]
      : [configuration.voters];
    return halves.every((voters) => {
      let count = 0;
      for (const voter of voters) {
        if (this.#options.durableOf(shard, voter)?.covers(index, term)) count += 1;
      }
      return count >= majorityOf(voters.length);
    });
  }

  /** A write is about to be handed to the disk that holds `image`. */
  written(actor: Actor, write: Write, image: ReplicaImage): void {
    const truth = this.truthOf(actor.shard);
    if (write.hardState.term < image.hardState.term) this.#fail('monotony', 'a term fell', actor);
    const first = write.entries[0];
    if (first === undefined) return;
    let previousTerm = termBefore(first, write, image);
    for (const entry of write.entries) {
      this.#noteEntry(actor, truth, entry, previousTerm ?? 0);
      if (entry.kind === 'configuration') this.#noteConfiguration(actor, truth, entry, image);
      previousTerm = entry.term;
    }
    for (const entry of write.repairs) {
      const cell = truth.cellAt(entry.index, entry.term);
      if (cell?.hash !== hashOfEntry(entry)) this.#fail('log matching', 'a false repair', actor);
    }
    if (first.index <= truth.commit && first.index <= image.lastIndex) {
      const had = image.termAt(first.index);
      const applied = truth.applied[first.index];
      if (applied !== undefined && had === applied.entry.term && had !== first.term) {
        this.#fail('durability', 'a committed entry was overwritten', actor);
      }
    }
  }

  #noteEntry(actor: Actor, truth: Truth, entry: LogEntry, previousTerm: number): void {
    const hash = hashOfEntry(entry);
    const cell = truth.cellAt(entry.index, entry.term);
    if (cell === undefined) {
      truth.addCell(entry.index, { term: entry.term, hash, previousTerm });
      return;
    }
    if (cell.hash !== hash) this.#fail('log matching', 'two entries with one position', actor);
    if (cell.previousTerm !== previousTerm) {
      this.#fail('log matching', 'one entry after two different ones', actor);
    }
  }

  #noteConfiguration(
    actor: Actor,
    truth: Truth,
    entry: LogEntry & { readonly kind: 'configuration' },
    image: ReplicaImage,
  ): void {
    const { index, term, configuration } = entry;
    const isKnown = truth.configurations.some(({ at }) => at.index === index && at.term === term);
    if (isKnown) return;
    // It is new, so its leader is just writing it, on top of the log that it has.
    const before = image.configurationAt(index - 1);
    this.#judgeChange(actor, before, configuration);
    const commit = this.#lives.get(actor.member)?.commit ?? 0;
    if (before.at.index > commit) {
      this.#fail('membership', 'a change on top of one that is not committed', actor);
    }
    truth.configurations.push({ at: { index, term }, configuration });
  }

  #judgeChange(actor: Actor, before: PlacedConfiguration, next: Configuration): void {
    const old = before.configuration;
    const isSame = (one: readonly MemberId[], other: readonly MemberId[]) =>
      one.length === other.length && one.every((member) => other.includes(member));
    if (isJoint(old)) {
      const isSettled = !isJoint(next) && isSame(next.voters, old.voters);
      if (!isSettled) this.#fail('membership', 'the joint form was left for something else', actor);
    } else if (!isSame(old.voters, next.voters) && !isSame(next.outgoing, old.voters)) {
      this.#fail('membership', 'the voters changed without the joint form', actor);
    }
  }

  /** A message is about to leave. */
  sent(actor: Actor, message: Message): void {
    const durable = this.#options.durableOf(actor.shard, actor.member);
    if (message.from !== actor.member) this.#fail('identity', 'a message in another name', actor);
    switch (message.type) {
      case 'vote-response': {
        if (message.isPreVote || !message.isGranted) return;
        const kept = durable?.hardState;
        const isKept =
          kept !== undefined &&
          (kept.term > message.term || (kept.term === message.term && kept.vote === message.to));
        if (!isKept) this.#fail('durability', 'a vote left before it was durable', actor);
        this.#registerVote(actor, message.term, message.to);
        return;
      }
      case 'append-response': {
        if (message.answer !== 'have' || durable?.hardState.term !== message.term) return;
        if (durable.lastIndex >= message.index) return;
        return this.#fail('durability', 'an entry was acknowledged before it was durable', actor);
      }
      case 'append': {
        const { entries } = message;
        const isWithin =
          entries.length <= 1 || sizeOfAll(entries) <= this.#options.limits.appendBytesMax;
        if (!isWithin) this.#fail('bounds', 'an append beyond its limit', actor);
        return;
      }
      case 'snapshot-chunk':
        if (message.data.length <= this.#options.limits.chunkBytesMax) return;
        return this.#fail('bounds', 'a chunk beyond its limit', actor);
      default:
        return;
    }
  }

  /** Something reached the disk. */
  settled(actor: Actor, image: ReplicaImage): void {
    const { term, vote } = image.hardState;
    if (vote !== 0) this.#registerVote(actor, term, vote);
  }

  #registerVote(actor: Actor, term: number, vote: MemberId): void {
    let votes = this.#votes.get(actor.member);
    if (votes === undefined) {
      votes = new Map();
      this.#votes.set(actor.member, votes);
    }
    const given = votes.get(term);
    if (given !== undefined && given !== vote) {
      this.#fail('election safety', 'one member voted twice in one term', actor);
    }
    votes.set(term, vote);
  }

  /** A read is requested: its answer has to cover everything that is committed anywhere by now. */
  asked(shard: ShardId): number {
    return this.truthOf(shard).commit;
  }

  granted(actor: Actor, read: { readonly index: number; readonly asked: number }): void {
    if (read.index >= read.asked) return;
    this.#fail('reads', 'a read was granted below what was committed when it was asked', actor);
  }

  /** A lease is exclusive: while it is in force, no other leader can have been elected. */
  leased(actor: Actor, lease: { readonly index: number; readonly term: number }): void {
    const truth = this.truthOf(actor.shard);
    for (const term of truth.leaders.keys()) {
      if (term > lease.term) this.#fail('reads', 'a lease outlived its leadership', actor);
    }
    if (lease.index < truth.commit) this.#fail('reads', 'a lease read below the commit', actor);
  }

  handed(actor: Actor, ready: Ready): void {
    const { committed } = ready;
    if (committed.length > 1 && sizeOfAll(committed) > this.#options.limits.committedBytesMax) {
      this.#fail('bounds', 'more entries for the machine than the limit', actor);
    }
  }

  applied(actor: Actor, entry: LogEntry): void {
    const truth = this.truthOf(actor.shard);
    const life = this.#lives.get(actor.member);
    if (life === undefined || entry.index !== life.applied + 1) {
      this.#fail('state machine safety', 'an entry was applied out of order', actor);
    }
    life.applied = entry.index;
    if (entry.index > truth.commit) this.#fail('commit', 'applied before commit', actor);
    const hash = hashOfEntry(entry);
    const known = truth.applied[entry.index];
    if (known === undefined) this.#applyFirst(actor, truth, entry, hash);
    else if (known.hash !== hash) {
      this.#fail('state machine safety', 'two entries were applied at one index', actor);
    }
  }

  #applyFirst(actor: Actor, truth: Truth, entry: LogEntry, hash: number): void {
    if (entry.index !== truth.applied.length) {
      this.#fail('state machine safety', 'an entry was skipped everywhere', actor);
    }
    truth.applied.push({ entry, hash, time: this.#options.now() });
    if (entry.kind !== 'command') return;
    const { id, kind } = decodeOperation(entry.payload);
    if (kind === 'noop') return;
    if (truth.indexOfOperation.has(id)) {
      this.#fail('state machine safety', 'an operation was applied twice', actor);
    }
    truth.indexOfOperation.set(id, entry.index);
  }

  /** The machine's state was replaced. */
  /** Only a machine that lost its state may go back, and then continues from there. */
  installed(
    actor: Actor,
    { index, wasLost }: { readonly index: number; readonly wasLost: boolean },
  ): void {
    const life = this.#lives.get(actor.member);
    if (life === undefined || (index < life.applied && !wasLost)) {
      this.#fail('monotony', 'a snapshot set the machine back', actor);
    }
    life.applied = index;
  }
}

/** A log that has the snapshot's position keeps the entries after it. */
function termBefore(first: LogEntry, { snapshot }: Write, image: ReplicaImage): number | undefined {
  const before = first.index - 1;
  if (snapshot?.index === before) return snapshot.term;
  const isKept = snapshot === undefined || image.termAt(snapshot.index) === snapshot.term;
  return isKept ? image.termAt(before) : undefined;
}
