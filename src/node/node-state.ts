/**
 * What the parts of one node share: the ports, the replicas, the other nodes, the clients, the map
 * and the clock. The parts call down to it, and it calls none of them.
 */

import type { MemberId, NodeId, ShardId } from '../base/ids.ts';
import { MACHINE_LIMITS, RAFT_LIMITS, type RaftLimits } from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import { WATCH_LIMITS } from '../base/watch-limits.ts';
import type { ClusterMap } from '../catalog/cluster-map.ts';
import type { Load } from '../catalog/leader-choice.ts';
import type { Mark } from '../raft/ready.ts';
import { FairQueue } from '../shard/fair-queue.ts';
import { Histories } from '../shard/histories.ts';
import type { Replica } from '../shard/replica.ts';
import type { LeaseTotals, StreamTotals } from '../shard/replica-state.ts';
import type { Log } from '../storage/log/log.ts';
import type { StateDisk } from '../storage/state/state-disk.ts';
import type { StateStore } from '../storage/state/state-store.ts';
import type { LaneRoom, PeerAddress, Transport } from '../transport/transport.ts';
import type { NodeMessage } from '../wire/node-message.ts';
import { NO_SECRET, type Secret } from '../wire/proof.ts';
import { Clients } from './clients.ts';
import { LinkCapacity } from './link-capacity.ts';
import { LoadMeter } from './load-meter.ts';
import { machineOf } from './machines.ts';
import { MapCache } from './map-cache.ts';
import { MemberPlaces } from './member-places.ts';
import type { EndReason, NodeFact, SelfDescription } from './node-fact.ts';
import { openStore } from './node-store.ts';
import { PeerOutbox } from './peer-outbox.ts';
import { Peers } from './peers.ts';
import { Replicas } from './replicas.ts';

export interface NodeStateOptions {
  readonly self: SelfDescription;
  readonly log: Log;
  readonly disk: StateDisk;
  readonly transport: Transport;
  readonly random: Random;
  readonly limits?: RaftLimits;
  readonly valueBytesMax?: number;
  /** Memory for the histories of changes. */
  readonly historyBytesMax?: number | undefined;
  /** Leaders gather on one node while it has time to spare; by default they do. */
  readonly leaders?: 'gathered' | 'spread' | undefined;
  /** Milliseconds of processor time that the process has used; absent: it is always idle. */
  readonly processorTime?: () => number;
  /** The cluster secret; absent for none. */
  readonly secret?: Secret;
  /** Peers have to present their certificates. */
  readonly isCertified?: boolean;
  /** The monotone clock and the wall clock at the start, in milliseconds. */
  readonly now: number;
  readonly wall: number;
  /** The map that a former life kept; no bytes for none. */
  readonly map: Uint8Array;
  /** There is work: a turn should end soon. */
  readonly onWork: () => void;
  readonly onFact: (fact: NodeFact) => void;
  /** The node has no place in the cluster: the process has to end. */
  readonly onEnd: (reason: EndReason, text: string) => void;
}

/** The writes of a replica up to this mark are durable. */
export interface DurableMark {
  readonly replica: Replica;
  readonly mark: Mark;
}

export class NodeState {
  readonly #options: NodeStateOptions;
  readonly self: SelfDescription;
  readonly log: Log;
  readonly store: StateStore;
  readonly transport: Transport;
  readonly secret: Secret;
  /** Sockets of nodes have TLS, and certificates name them. */
  readonly isCertified: boolean;
  /** Only nodes with the cluster secret, or with a certificate, are its peers. */
  readonly isGuarded: boolean;
  readonly valueBytesMax: number;
  readonly clients: Clients;
  readonly peers = new Peers();
  readonly loadMeter: LoadMeter;
  readonly places = new MemberPlaces();
  readonly maps: MapCache;
  readonly fair: FairQueue;
  readonly outbox: PeerOutbox;
  readonly links: LinkCapacity;
  readonly replicas: Replicas;
  readonly streams: StreamTotals = { streams: 0, messages: 0, bytes: 0, gone: 0 };
  readonly leases: LeaseTotals = { kept: 0, granted: 0, fenced: 0 };
  readonly histories: Histories;
  /** The monotone clock in milliseconds. */
  now: number;
  /** The node hands over leadership, and accepts no new requests. */
  isClosing = false;
  #durable: DurableMark[] = [];
  #hasProgress = false;
  /** The end of a turn is running. */
  #isEnding = false;
  /** `wake` was called since the end of the last turn began. */
  #isWoken = false;

  constructor(options: NodeStateOptions) {
    const { log, transport, random, limits = RAFT_LIMITS } = options;
    this.#options = options;
    const onWork = () => this.#schedule();
    this.self = options.self;
    this.log = log;
    this.transport = transport;
    this.now = options.now;
    this.valueBytesMax = options.valueBytesMax ?? MACHINE_LIMITS.valueBytesDefault;
    this.secret = options.secret ?? NO_SECRET;
    this.isCertified = options.isCertified === true;
    this.isGuarded = this.secret.length > 0 || this.isCertified;
    const clock = () => this.now;
    this.store = openStore({
      disk: options.disk,
      identity: this.self.identity,
      log,
      now: clock,
      limits,
      replicaOf: (shard) => this.replicas.get(shard),
      onProgress: () => this.#progress(),
      onDamage: ({ shard, message: text }) => this.mention({ type: 'state-damaged', shard, text }),
    });
    this.maps = new MapCache({ bytes: options.map, onWork });
    this.loadMeter = new LoadMeter(options.processorTime ?? (() => 0), this.now);
    this.clients = new Clients(transport, onWork, { now: clock, tell: options.onFact });
    this.fair = new FairQueue({ onWork });
    this.outbox = new PeerOutbox({
      send: (to, bytes) => transport.sendToPeer({ ...to, lane: 'main' }, bytes),
      onWork,
    });
    this.links = new LinkCapacity({
      roomTo: (to) => transport.roomToPeer(to),
      nodeOf: (shard, member) => this.nodeOfMember(shard, member),
    });
    const { store, fair, valueBytesMax, streams, leases } = this;
    const bytesMax = options.historyBytesMax ?? WATCH_LIMITS.historyBytesDefault;
    const histories = new Histories({ bytesMax });
    this.histories = histories;
    const nodeOf = (shard: ShardId, member: MemberId) => this.nodeNumberOf(shard, member);
    this.replicas = new Replicas({
      context: { store, fair, histories, streams, leases, clock, valueBytesMax, nodeOf },
      log,
      random,
      limits,
      wall: options.wall,
      machineOf: (shard) =>
        machineOf({
          shard,
          store,
          isIrreplaceable: () => this.replicas.get(shard)?.isIrreplaceable === true,
          onMap: (map) => this.maps.learn(map),
        }),
      linksOf: (shard) => this.links.of(shard),
      onWork,
    });
  }

  /** Milliseconds since 1970: as of the start, and by the monotone clock since. */
  get wall(): number {
    return this.#options.wall + this.now - this.#options.now;
  }

  get map(): ClusterMap | undefined {
    return this.maps.map;
  }

  /** The disk is nearly full: only requests that free space are accepted. */
  get isReadOnly(): boolean {
    return this.log.fullness !== 'ok';
  }

  /** A node that spreads leaders behaves as if it always had too many. */
  get load(): Load {
    return this.#options.leaders === 'spread' ? 'busy' : this.loadMeter.level;
  }

  isHeard(node: NodeId): boolean {
    return node === this.self.node || this.peers.isHeard(node, this.now);
  }

  nodeOfMember(shard: ShardId, member: MemberId): NodeId | undefined {
    if (member === this.replicas.get(shard)?.member) return this.self.node;
    return this.places.nodeOf(shard, member) ?? this.maps.nodeOf(shard, member);
  }

  /** The node that hosts a member; 0 if unknown. */
  nodeNumberOf(shard: ShardId, member: MemberId): number {
    return this.nodeOfMember(shard, member) ?? 0;
  }

  tell(to: NodeId, message: NodeMessage, how?: { readonly hasHurry: boolean }): void {
    this.outbox.tell(to, message, how);
  }

  /** Leaves with the next frame for that node, or with the next tick. */
  tellLater(to: NodeId, message: NodeMessage): void {
    this.outbox.tell(to, message, { hasHurry: false });
  }

  sendToPeer(to: PeerAddress, bytes: Uint8Array): void {
    this.transport.sendToPeer(to, bytes);
    if (to.lane === 'main') this.outbox.accompany(to.node);
  }

  /** The capacity of the path to a peer. */
  roomToPeer(to: PeerAddress): LaneRoom {
    return this.transport.roomToPeer(to);
  }

  /** There is work for the end of the turn. */
  wake(): void {
    this.#isWoken = true;
    this.#schedule();
  }

  /**
   * The end of a turn serves what its own steps cause, so it schedules no further turn:
   * `completeEnd` tells whether one is needed.
   */
  beginEnd(): void {
    this.#isEnding = true;
    this.#isWoken = false;
  }

  /** Whether work is left for another turn. */
  completeEnd(): boolean {
    this.#isEnding = false;
    const { fair, replicas, clients, outbox, maps } = this;
    const hasWork = fair.hasWork || replicas.hasWork || clients.hasWork || outbox.hasWork;
    return hasWork || maps.hasChange || this.#hasDisk || this.#isWoken;
  }

  #schedule(): void {
    if (!this.#isEnding) this.#options.onWork();
  }

  /** Reports a fact to the operator of the node. */
  mention(fact: NodeFact): void {
    this.#options.onFact(fact);
  }

  /** The node has no place in the cluster: the process has to end. */
  end(reason: EndReason, text: string): void {
    this.#options.onEnd(reason, text);
  }

  /** These writes are durable. */
  settle(marks: readonly DurableMark[]): void {
    for (const mark of marks) this.#durable.push(mark);
    this.#progress();
  }

  takeDurable(): readonly DurableMark[] {
    return this.#durable.splice(0);
  }

  /** Whether a disk made progress since the last call. */
  takeProgress(): boolean {
    const hasProgress = this.#hasProgress;
    this.#hasProgress = false;
    return hasProgress;
  }

  /** A disk made progress that no turn has seen yet. */
  get #hasDisk(): boolean {
    return this.#hasProgress || this.#durable.length > 0;
  }

  #progress(): void {
    this.#hasProgress = true;
    this.#schedule();
  }
}
