/** One shard on one node: the core, the machine, and who waits for what. */

import type { MemberId, ShardId } from '../../src/base/ids.ts';
import type { PlacedConfiguration } from '../../src/raft/configuration.ts';
import type { Entry, SnapshotDescription } from '../../src/raft/message.ts';
import { Raft } from '../../src/raft/raft.ts';
import type { ReadAnswer, ReceivedChunk, SnapshotReader } from '../../src/raft/ready.ts';
import type { Disk } from './disk.ts';
import { SimFailure } from './failure.ts';
import type { ReplicaImage } from './image.ts';
import type { Actor } from './invariants.ts';
import { Machine } from './machine.ts';
import type { Request } from './request.ts';
import type { Services } from './services.ts';

interface Staging {
  readonly snapshot: SnapshotDescription;
  readonly pieces: Uint8Array[];
  length: number;
}

interface Proposal {
  readonly term: number;
  readonly request: Request;
}

export interface ReplicaOptions {
  readonly services: Services;
  readonly disk: Disk;
  readonly node: number;
  readonly boot: number;
  readonly shard: ShardId;
  readonly image: ReplicaImage;
}

export class Replica {
  readonly shard: ShardId;
  readonly member: MemberId;
  readonly actor: Actor;
  readonly raft: Raft;
  readonly #services: Services;
  readonly #disk: Disk;
  machine: Machine;
  /** The configuration that the machine has applied last. */
  #configuration: PlacedConfiguration;
  #staging: Staging | undefined;
  #assembled: { readonly index: number; readonly content: Uint8Array } | undefined;
  /** Committed entries that wait for a slow machine. */
  readonly backlog: Entry[] = [];
  readonly #proposals = new Map<number, Proposal>();
  /** With what was committed anywhere when each was asked. */
  readonly #reads = new Map<number, { readonly request: Request; readonly asked: number }>();
  #granted: { readonly index: number; readonly request: Request }[] = [];
  /** Writes of this turn: proposed together. */
  queue: Request[] = [];
  isCheckpointWanted = false;
  isCheckpointing = false;

  constructor(options: ReplicaOptions) {
    const { services, disk, shard, image, node, boot } = options;
    this.shard = shard;
    this.member = image.member;
    this.actor = { node, shard, member: image.member };
    this.#services = services;
    this.#disk = disk;
    const checkpoint = image.newestCheckpoint;
    const restored = image.restored();
    this.machine = checkpoint === undefined ? Machine.empty() : parsed(checkpoint.content);
    this.#configuration = image.configurationAt(restored.applied);
    if (checkpoint !== undefined && checkpoint.description.index === image.base.index) {
      const { configuration, configurationAt } = checkpoint.description;
      this.#configuration = { at: configurationAt, configuration };
    }
    services.invariants.begin(this.actor, restored.applied);
    this.raft = new Raft({
      shard,
      self: image.member,
      limits: services.plan.limits,
      random: services.random.fork(`raft ${node} ${shard} ${boot}`),
      entries: { read: (range) => this.#read(range) },
      snapshots: this.#snapshots(),
      restored,
    });
  }

  /** With everything that was handed over, durable or not. */
  get image(): ReplicaImage {
    const image = this.#disk.written.get(this.shard);
    if (image === undefined || image.member !== this.member) {
      throw new SimFailure('host', 'a replica without an image', { time: Number.NaN });
    }
    return image;
  }

  get durable(): ReplicaImage | undefined {
    const image = this.#disk.durable.get(this.shard);
    return image?.member === this.member ? image : undefined;
  }

  #read(range: { readonly from: number; readonly to: number; readonly bytesMax: number }) {
    const { buggify } = this.#services;
    if (buggify.fires('reader-later', 8)) return 'later';
    const to = buggify.fires('reader-one-entry') ? range.from : range.to;
    return this.image.read({ from: range.from, to, bytesMax: range.bytesMax });
  }

  #snapshots(): SnapshotReader {
    const { buggify } = this.#services;
    return {
      newest: () => {
        const newest = this.durable?.newestCheckpoint;
        if (newest === undefined) this.isCheckpointWanted = true;
        return newest?.description;
      },
      read: ({ index, offset, bytesMax }) => {
        if (buggify.fires('snapshot-piece-later')) return 'later';
        const checkpoints = this.durable?.checkpoints ?? [];
        const isKept = checkpoints.length < 2 || !buggify.fires('old-checkpoint-dropped');
        const readable = isKept ? checkpoints : checkpoints.slice(-1);
        const found = readable.find(({ description }) => description.index === index);
        if (found === undefined || offset > found.content.length) return 'gone';
        const data = found.content.slice(offset, offset + bytesMax);
        return { data, isLast: offset + data.length === found.content.length };
      },
    };
  }

  /** A piece of a snapshot; says whether it was the last one. */
  stage(chunk: ReceivedChunk): boolean {
    if (chunk.offset === 0) {
      this.#staging = { snapshot: chunk.snapshot, pieces: [], length: 0 };
    }
    const staging = this.#staging;
    if (staging?.snapshot.index === chunk.snapshot.index && staging.length === chunk.offset) {
      staging.pieces.push(chunk.data);
      staging.length += chunk.data.length;
    }
    if (this.#services.buggify.fires('staging-lost', 8)) this.#staging = undefined;
    return chunk.isLast;
  }

  /** Whether the pieces make the snapshot that they should. */
  assemble(index: number): boolean {
    const staging = this.#staging;
    this.#staging = undefined;
    if (staging === undefined || staging.snapshot.index !== index) return false;
    const content = new Uint8Array(staging.length);
    let at = 0;
    for (const piece of staging.pieces) {
      content.set(piece, at);
      at += piece.length;
    }
    const machine = Machine.parse(content);
    if (machine === undefined || machine.applied !== index) return false;
    if (this.#services.buggify.fires('snapshot-refused-unseen')) return false;
    this.#assembled = { index, content };
    return true;
  }

  /** The checked content that a write is about to install. */
  contentOf(snapshot: SnapshotDescription): Uint8Array {
    const assembled = this.#assembled;
    if (assembled === undefined || assembled.index !== snapshot.index) {
      const { node, shard } = this.actor;
      const time = this.#services.agenda.now;
      throw new SimFailure('snapshot', 'installed without a check', { node, shard, time });
    }
    return assembled.content;
  }

  install(snapshot: SnapshotDescription): void {
    this.machine = parsed(this.contentOf(snapshot));
    this.#assembled = undefined;
    this.#configuration = { at: snapshot.configurationAt, configuration: snapshot.configuration };
    this.backlog.length = 0;
    this.#services.invariants.installed(this.actor, snapshot.index);
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

  apply(entry: Entry): void {
    this.#services.invariants.applied(this.actor, entry);
    const applied = this.machine.apply(entry);
    if (entry.kind === 'configuration') {
      const { index, term, configuration } = entry;
      this.#configuration = { at: { index, term }, configuration };
    }
    const proposal = this.#proposals.get(entry.index);
    if (proposal === undefined) return;
    this.#proposals.delete(entry.index);
    // Another term's entry stands where the proposal stood, so that one can never commit.
    if (proposal.term !== entry.term || applied === undefined) this.refuse(proposal.request);
    else proposal.request.answer({ type: 'ok', reply: applied.reply, index: entry.index });
  }

  /** Saves the machine's state, if the durable log reaches as far as it does. */
  checkpoint(): void {
    const { durable, machine } = this;
    const index = machine.applied;
    if (this.isCheckpointing || durable === undefined || index === 0) return;
    if (index <= (durable.newestCheckpoint?.description.index ?? 0)) return;
    const term = durable.termAt(index);
    // A snapshot that is on its way to the disk begins another log.
    const installed = this.image.newestCheckpoint?.description.index ?? 0;
    if (term === undefined || installed > (durable.newestCheckpoint?.description.index ?? 0))
      return;
    const { at: configurationAt, configuration } = this.#configuration;
    // The first configuration stands in no log, so a newcomer does not know it. A checkpoint from
    // before the one that added the newcomer would tell nobody whom to believe.
    if (configuration.voters.length === 0) return;
    this.isCheckpointing = true;
    this.isCheckpointWanted = false;
    const description = { index, term, configuration, configurationAt };
    const checkpoint = { description, content: machine.serialize() };
    this.#disk.saveCheckpoint({ shard: this.shard, member: this.member, checkpoint });
  }
}

function parsed(content: Uint8Array): Machine {
  const machine = Machine.parse(content);
  if (machine === undefined) {
    throw new SimFailure('disk', 'a checkpoint that cannot be read', { time: Number.NaN });
  }
  return machine;
}
