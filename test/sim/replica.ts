/** One shard on one node: the core, the machine, and the waiting requests. */

import type { MemberId, ShardId } from '../../src/base/ids.ts';
import type { EntryRange } from '../../src/raft/log.ts';
import type { LogEntry } from '../../src/raft/message.ts';
import { Raft } from '../../src/raft/raft.ts';
import type { Links, ReadAnswer, SnapshotReader, Write } from '../../src/raft/ready.ts';
import type { RestoredReplica, ShardRecord } from '../../src/storage/log/log.ts';
import type { ReplicaImage } from './image.ts';
import type { Actor } from './invariants.ts';
import { Machine } from './machine.ts';
import type { Request } from './request.ts';
import type { Services } from './services.ts';
import { SnapshotArrival } from './snapshot-arrival.ts';
import type { Storage } from './storage.ts';

interface Proposal {
  readonly term: number;
  readonly request: Request;
}

export interface ReplicaOptions {
  readonly services: Services;
  readonly storage: Storage;
  readonly node: number;
  readonly boot: number;
  readonly shard: ShardId;
  readonly restored: RestoredReplica;
  /** The contents of the log: the replica continues from there. */
  readonly image: ReplicaImage;
}

export class Replica {
  readonly shard: ShardId;
  readonly member: MemberId;
  readonly actor: Actor;
  readonly raft: Raft;
  readonly machine: Machine;
  /** With everything that the core handed over, whether or not the log has it yet. */
  readonly image: ReplicaImage;
  readonly arrival: SnapshotArrival;
  readonly #services: Services;
  readonly #storage: Storage;
  /** Committed entries that wait for a slow machine. */
  readonly backlog: LogEntry[] = [];
  /** The log restarts only once the state is the snapshot's: until then its writes wait. */
  readonly held: ShardRecord[] = [];
  /** Entries with a repair that the log may not show yet, with the number of pending repairs. */
  readonly #repairing = new Map<number, number>();
  readonly #proposals = new Map<number, Proposal>();
  /** With the index that was committed anywhere when each was requested. */
  readonly #reads = new Map<number, { readonly request: Request; readonly asked: number }>();
  #granted: { readonly index: number; readonly request: Request }[] = [];
  /** Writes of this turn: proposed together. */
  queue: Request[] = [];
  isSwitching = false;
  /** Its rows are damaged: it applies and serves nothing until a snapshot comes. */
  isStateLost = false;

  constructor(options: ReplicaOptions) {
    const { services, storage, shard, restored, image, node, boot } = options;
    const { member, ...remembered } = restored;
    this.shard = shard;
    this.member = member;
    this.actor = { node, shard, member };
    this.image = image;
    this.#services = services;
    this.#storage = storage;
    this.machine = new Machine(storage.state, shard);
    this.arrival = new SnapshotArrival({ services, storage, shard });
    const applied = Math.max(this.machine.applied, restored.log.base.index);
    services.invariants.begin(this.actor, applied);
    this.raft = new Raft({
      shard,
      self: member,
      limits: services.plan.limits,
      random: services.random.fork(`raft ${node} ${shard} ${boot}`),
      entries: { read: (range) => this.#read(range) },
      snapshots: this.#snapshots(),
      links: this.#links(),
      restored: { ...remembered, applied },
    });
  }

  #read(range: EntryRange) {
    const { buggify } = this.#services;
    const { from, bytesMax } = range;
    if (buggify.fires('reader-later', 8) || this.#repairing.has(from)) return 'later';
    let to = buggify.fires('reader-one-entry') ? from : range.to;
    for (const index of this.#repairing.keys()) if (index > from) to = Math.min(to, index - 1);
    return this.#storage.log.reader(this.shard).read({ from, to, bytesMax });
  }

  /** No event says that there is room again: the answers to heartbeats do. */
  #links(): Links {
    const { buggify } = this.#services;
    return {
      room: () => (buggify.fires('link-full') ? 0 : Number.POSITIVE_INFINITY),
      taken: () => {},
    };
  }

  #snapshots(): SnapshotReader {
    const { buggify } = this.#services;
    const reader = this.#storage.state.snapshots(this.shard);
    return {
      open: (from) => {
        const opened = reader.open(from);
        if (opened === 'later') return 'later';
        // The first configuration is in no log, so a newcomer does not know it. A checkpoint
        // from before the one that added the newcomer would name no voters to believe.
        if (opened !== undefined && opened.configuration.voters.length > 0) return opened;
        if (opened !== undefined) reader.release(opened.index);
        this.#storage.checkpoint();
        return undefined;
      },
      release: (index) => reader.release(index),
      read: (piece) => {
        if (buggify.fires('snapshot-piece-later')) return 'later';
        if (buggify.fires('old-checkpoint-dropped', 20)) return 'gone';
        return reader.read(piece);
      },
    };
  }

  /** A write of the core is handed to the log. */
  noteWrite(write: Write): void {
    this.image.apply(write);
    for (const { index } of write.repairs) {
      this.#repairing.set(index, (this.#repairing.get(index) ?? 0) + 1);
    }
  }

  /** It is durable: repaired entries can be read. */
  noteDurable(write: Write): void {
    for (const { index } of write.repairs) {
      const left = (this.#repairing.get(index) ?? 1) - 1;
      if (left > 0) this.#repairing.set(index, left);
      else this.#repairing.delete(index);
    }
  }

  /** The state is the snapshot's from now on. */
  noteSwitch(index: number): void {
    this.isSwitching = false;
    const wasLost = this.isStateLost;
    this.isStateLost = false;
    if (wasLost) this.#services.probes.hit('host state restored');
    this.#services.invariants.installed(this.actor, { index, wasLost });
    this.answerReads();
  }

  /** The log is sound, so it follows and votes as before. */
  loseState(): void {
    this.isStateLost = true;
    this.backlog.length = 0;
    this.answerReads();
  }

  propose(position: number, requests: readonly Request[]): void {
    const { term } = this.raft.status();
    requests.forEach((request, at) => {
      this.#proposals.set(position + at, { term, request });
    });
  }

  awaitRead(id: number, request: Request): void {
    const asked = this.#services.invariants.asked(this.shard);
    this.#reads.set(id, { request, asked });
  }

  grant(answer: ReadAnswer): void {
    const read = this.#reads.get(answer.id);
    if (read === undefined) return;
    const { request, asked } = read;
    this.#reads.delete(answer.id);
    if (answer.type === 'refused') return this.refuse(request);
    this.#services.invariants.granted(this.actor, { index: answer.index, asked });
    this.#granted.push({ index: answer.index, request });
  }

  answerReads(): void {
    if (this.#granted.length === 0) return;
    if (this.isStateLost) {
      for (const { request } of this.#granted.splice(0)) this.refuse(request);
      return;
    }
    const { applied } = this.machine;
    const ready = this.#granted.filter(({ index }) => index <= applied);
    if (ready.length === 0) return;
    this.#granted = this.#granted.filter(({ index }) => index > applied);
    for (const { request } of ready) {
      const values = this.machine.valuesOf(request.operation.key);
      request.answer({ type: 'ok', reply: { isDone: true, values }, index: applied });
    }
  }

  refuse(request: Request): void {
    const { leader } = this.raft.status();
    request.answer({ type: 'failed', leader: this.#services.registry.nodeOf(leader) });
  }

  apply(entry: LogEntry): void {
    const applied = this.machine.apply(entry);
    this.#services.invariants.applied(this.actor, entry);
    const proposal = this.#proposals.get(entry.index);
    if (proposal === undefined) return;
    this.#proposals.delete(entry.index);
    // Another term's entry took the place of the proposal, which can never commit.
    if (proposal.term !== entry.term || applied === undefined) this.refuse(proposal.request);
    else proposal.request.answer({ type: 'ok', reply: applied.reply, index: entry.index });
  }
}
