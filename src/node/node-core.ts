/**
 * A node without its surroundings: events come in, calls on ports go out.
 *
 * Events are handled when they arrive; their effects wait for the end of the turn, which the driver
 * calls once for all events of the turn. Clock, randomness, disk and network are injected, so that
 * the simulator runs the same code.
 */

import { assert, unreachable } from '../base/assert.ts';
import type { MemberId, NodeId, ShardId } from '../base/ids.ts';
import { MACHINE_LIMITS, RAFT_LIMITS } from '../base/limits.ts';
import type { ClusterMap, Settings } from '../catalog/cluster-map.ts';
import type { Prepared } from '../machine/lock-table.ts';
import type { Fact } from '../raft/fact.ts';
import type { Message } from '../raft/message.ts';
import { Router, type RouterHost } from '../router/router.ts';
import { FairQueue } from '../shard/fair-queue.ts';
import type { Replica, ReplicaHost } from '../shard/replica.ts';
import type { Responder } from '../shard/responder.ts';
import type { ShardMachine } from '../shard/shard-machine.ts';
import type { Stop } from '../shard/stop-reason.ts';
import type { Log, LogRecord } from '../storage/log/log.ts';
import type { StateStore } from '../storage/state/state-store.ts';
import type { LaneRoom, PeerAddress, Transport, TransportEvent } from '../transport/transport.ts';
import type { NodeMessage } from '../wire/node-message.ts';
import { NO_SECRET, type Secret } from '../wire/proof.ts';
import type { Request } from '../wire/request.ts';
import { ClientFrames } from './client-frames.ts';
import { Clients } from './clients.ts';
import { ConsistencyCheck } from './consistency-check.ts';
import { DeferredProposals } from './deferred-proposals.ts';
import { LinkCapacity } from './link-capacity.ts';
import { machineOf, mapIn } from './machines.ts';
import { Maintenance } from './maintenance.ts';
import { MapCache } from './map-cache.ts';
import { followMap } from './map-peers.ts';
import type { NodeCoreOptions } from './node-core-options.ts';
import type { EndReason, NodeFact, NodeParts, SelfDescription } from './node-parts.ts';
import { openStore } from './node-store.ts';
import { OwnLife } from './own-life.ts';
import { PeerFrames } from './peer-frames.ts';
import { PeerOutbox } from './peer-outbox.ts';
import { Peers } from './peers.ts';
import { pendingOf } from './pending.ts';
import { Reconciler } from './reconciler.ts';
import { Relay } from './relay.ts';
import { type LostReplica, Replicas } from './replicas.ts';
import { loseTouchWith, openLinkTo, wakeSharedWith } from './shared-replicas.ts';
import { infoOf } from './status.ts';
import { TransactionService } from './transaction-service.ts';
import { type DurableMark, endTurn, type TurnParts } from './turn.ts';

export class NodeCore implements NodeParts, ReplicaHost, RouterHost, TurnParts {
  readonly #options: NodeCoreOptions;
  readonly self: SelfDescription;
  readonly log: Log;
  readonly store: StateStore;
  readonly replicas: Replicas;
  readonly clients: Clients;
  readonly peers = new Peers();
  readonly standing: OwnLife;
  readonly valueBytesMax: number;
  readonly secret: Secret;
  readonly #transport: Transport;
  readonly #router: Router;
  readonly #relay: Relay;
  readonly fair: FairQueue;
  readonly #peerFrames: PeerFrames;
  readonly #clientFrames: ClientFrames;
  readonly maps: MapCache;
  readonly #outbox: PeerOutbox;
  readonly links: LinkCapacity;
  readonly #deferred = new DeferredProposals<Replica>();
  readonly reconciler: Reconciler;
  readonly #maintenance: Maintenance;
  readonly consistency: ConsistencyCheck;
  readonly transactions: TransactionService;
  #records: LogRecord[] = [];
  #settled: DurableMark[] = [];
  #now: number;
  #lastRead: number;
  #isStoreBusy = false;
  #isBuilt = false;
  isClosing = false;

  constructor(options: NodeCoreOptions) {
    const { self, log, transport, onWork, now, isEnquiring = false } = options;
    this.#options = options;
    this.self = self;
    this.log = log;
    this.#transport = transport;
    this.#now = now;
    this.#lastRead = options.random.fork('reads').word();
    this.valueBytesMax = options.valueBytesMax ?? MACHINE_LIMITS.valueBytesDefault;
    this.secret = options.secret ?? NO_SECRET;
    this.store = this.#openStore();
    const watch = { now: () => this.#now, tell: options.onFact };
    this.clients = new Clients(transport, onWork, watch);
    this.#outbox = new PeerOutbox({
      send: (to, bytes) => transport.sendToPeer({ ...to, lane: 'main' }, bytes),
      onWork,
      onUnsent: (messages) => this.#relay.unsent(messages),
    });
    this.links = new LinkCapacity(this);
    this.#relay = new Relay({
      host: this,
      send: (to, message) => this.tell(to, message),
      firstId: options.random.fork('forwards').word(),
    });
    this.fair = new FairQueue({ onWork });
    this.#router = new Router(this);
    this.#clientFrames = new ClientFrames({
      clients: this.clients,
      router: this.#router,
      fair: this.fair,
      mapBytes: () => this.mapBytes.length,
      transport,
      onStranger: (connection) => {
        options.onFact({ type: 'frame-refused', from: `client ${connection}` });
      },
    });
    this.maps = new MapCache({
      bytes: options.map,
      onMap: (map, before) => this.#believe(map, before),
    });
    this.#peerFrames = new PeerFrames({
      parts: this,
      maps: this.maps,
      router: this.#router,
      forwards: this.#relay.forwards,
      tell: (to, message, how) => this.#outbox.tell(to, message, how),
    });
    this.replicas = new Replicas({
      host: this,
      log,
      random: options.random,
      limits: options.limits ?? RAFT_LIMITS,
      wall: options.wall,
      machineOf: (shard) => this.#machineOf(shard),
      linksOf: (shard) => this.links.of(shard),
      record: (record) => this.#record(record),
      onLost: (lost) => this.#lose(lost),
    });
    this.reconciler = new Reconciler({
      core: this,
      random: options.random.fork('reconciler'),
    });
    this.#maintenance = new Maintenance(this);
    this.consistency = new ConsistencyCheck(this);
    this.transactions = new TransactionService(this);
    this.standing = new OwnLife({ host: this, node: self.node, now, isEnquiring });
    this.#begin();
  }

  get now(): number {
    return this.#now;
  }

  get map(): ClusterMap | undefined {
    return this.maps.map;
  }

  get mapBytes(): Uint8Array {
    return this.maps.bytes;
  }

  get forwarded(): number {
    return this.#relay.forwards.size;
  }

  get isReadOnly(): boolean {
    return this.log.fullness !== 'ok';
  }

  /** At least the time of a tick has passed. */
  tick(now: number): void {
    this.#now = now;
    for (const replica of this.replicas.all) replica.tick();
    this.#relay.forwards.expire(now);
    this.clients.tick(now);
    this.#peerFrames.shares.tick();
    this.fair.tick();
    this.peers.tick();
    for (const { node, isNews } of this.peers.silent(now)) {
      if (isNews) this.#miss(node);
      wakeSharedWith(this, node);
    }
    for (const node of this.peers.due(now)) this.#greet(node);
    this.standing.tick(now);
    this.reconciler.tick();
    this.#maintenance.tick();
    this.consistency.tick();
    this.transactions.tick();
    this.#proposeDeferred();
    this.#outbox.hurryAll();
    this.log.idle();
    this.#options.onWork();
  }

  /** An event from the network. */
  take(event: TransportEvent, now: number): void {
    this.#now = now;
    switch (event.type) {
      case 'peer-up':
        this.peers.hear(event.node, now);
        if (event.lane === 'main') wakeSharedWith(this, event.node);
        this.#greet(event.node);
        if (event.lane === 'main') this.standing.meet(event.node, event.hello.lineage);
        return;
      case 'peer-frame':
        if (this.#peerFrames.take(event.node, event.bytes)) return;
        return this.#transport.dropPeer(event, 'a frame of no protocol');
      case 'peer-drained':
        return openLinkTo(this, event.node);
      case 'peer-down':
        return this.#loseTouch(event);
      case 'life-refused':
        return this.standing.refused(event);
      case 'client-up':
        return void this.clients.add(event.connection);
      case 'client-frame':
        return this.#clientFrames.take(event.connection, event.bytes);
      case 'client-down':
        return this.clients.remove(event.connection);
      case 'removed':
        return this.end('removed', `node ${event.by} reports that this node was removed`);
      case 'refused':
        return;
    }
    return unreachable(event);
  }

  /** The end of a turn. Returns whether another should follow immediately. */
  flush(now: number): boolean {
    this.#now = now;
    for (const { replica, mark } of this.#settled.splice(0)) {
      if (this.replicas.get(replica.shard) === replica) replica.settle(mark);
    }
    endTurn(this);
    this.transactions.flush();
    this.#outbox.flush();
    this.#peerFrames.shares.endTurn();
    const isAgain = this.store.work(now) === 'again';
    if (this.#isStoreBusy) this.#proceed();
    const hasMore = this.fair.hasWork || this.replicas.hasTouched;
    return isAgain || hasMore || this.#settled.length > 0;
  }

  /** Founds a cluster with this node as its only one. */
  found(settings: Settings, clusterId: string): void {
    assert(this.map === undefined, 'a cluster is founded once');
    this.reconciler.found(settings, clusterId);
  }

  /** A request of this node itself, or of the application that embeds it. */
  ask(request: Request, responder: Responder): void {
    this.#router.route(request, { responder, isForwarded: false });
  }

  /** Hands leadership over where another member can lead, and accepts no new requests. */
  retire(): void {
    this.isClosing = true;
    this.reconciler.handOver();
    this.#options.onWork();
  }

  /** No replica here leads any more. */
  get hasRetired(): boolean {
    return !this.replicas.isLeadingOthers;
  }

  close(done: () => void): void {
    for (const replica of this.replicas.all) replica.end();
    this.clients.flush();
    this.store.close(() => this.log.close(done));
  }

  info(): Uint8Array {
    return this.#options.encodeInfo(infoOf(this));
  }

  pending(): Uint8Array {
    return this.#options.encodeInfo(pendingOf(this, this.transactions));
  }

  /** The node that hosts a member; 0 if unknown. */
  nodeNumberOf(shard: ShardId, member: MemberId): number {
    return this.nodeOfMember(shard, member) ?? 0;
  }

  // What replicas need from their node.

  touch(replica: Replica): void {
    this.replicas.touch(replica);
    this.#options.onWork();
  }

  noted(replica: Replica, fact: Fact): void {
    this.#options.onFact({ type: 'raft', shard: replica.shard, fact });
    this.reconciler.noted(replica, fact);
  }

  askLeader({ shard }: Replica, question: number): boolean {
    const leader = this.leaderOf(shard);
    if (leader === undefined) return false;
    this.tell(leader, { type: 'ask', id: question, shard });
    return true;
  }

  nextRead(): number {
    this.#lastRead += 1;
    return this.#lastRead;
  }

  nodeOfMember(shard: ShardId, member: MemberId): NodeId | undefined {
    if (member === this.replicas.get(shard)?.member) return this.self.node;
    return this.#peerFrames.whereIs(shard, member) ?? this.maps.nodeOf(shard, member);
  }

  /** The replica keeps its place, its vote and its log, and fetches a snapshot from the leader. */
  corruptionChanged(replica: Replica): void {
    this.reconciler.corruptionChanged(replica);
  }

  defer(replica: Replica): void {
    this.#deferred.add(replica, this.#now);
  }

  reportConflict(replica: Replica, holder: Prepared, isPreempting: boolean): void {
    this.transactions.meet(replica, holder, isPreempting);
  }

  stopped({ shard, member }: Replica, { reason, isLost }: Stop): void {
    if (isLost) return this.#lose({ shard, member, reason });
    this.#options.onFact({ type: 'replica-lost', shard, reason });
  }

  // What the router needs.

  replica(shard: ShardId): Replica | undefined {
    return this.replicas.get(shard);
  }

  leaderOf(shard: ShardId): NodeId | undefined {
    return this.#relay.leaderOf(shard);
  }

  forward(to: NodeId, request: Request, responder: Responder): boolean {
    return this.#relay.forward(to, request, responder);
  }

  // What the end of a turn needs.

  takeRecords(): readonly LogRecord[] {
    return this.#records.splice(0);
  }

  nodeOf(message: Message): NodeId | undefined {
    return this.nodeOfMember(message.shard, message.to);
  }

  sendToPeer(to: PeerAddress, bytes: Uint8Array): void {
    this.#transport.sendToPeer(to, bytes);
    if (to.lane === 'main') this.#outbox.accompany(to.node);
  }

  roomToPeer(to: PeerAddress): LaneRoom {
    return this.#transport.roomToPeer(to);
  }

  settle(marks: readonly DurableMark[]): void {
    for (const mark of marks) this.#settled.push(mark);
    this.#noteProgress();
  }

  sendLater(to: NodeId, message: NodeMessage): void {
    this.#outbox.tell(to, message, { hasHurry: false });
  }

  tell(to: NodeId, message: NodeMessage): void {
    this.#outbox.tell(to, message);
  }

  /** Reports a fact to the operator of the node. */
  mention(fact: NodeFact): void {
    this.#options.onFact(fact);
  }

  /** The node has no place in the cluster: the process has to end. */
  end(reason: EndReason, text: string): void {
    this.#options.onEnd(reason, text);
  }

  /** This life is confirmed: the replicas of former lives are opened. */
  confirmed(): void {
    this.replicas.openAll();
    this.reconciler.mapChanged();
    this.#options.onWork();
    // A driver that starts a node looks immediately at what it has.
    const milliseconds = this.#now - this.#options.now;
    if (this.#isBuilt) this.mention({ type: 'confirmed', milliseconds });
  }

  livesChanged(): void {
    if (this.map !== undefined) followMap(this, this.#transport, this.map);
  }

  /** The stored copy of the map may be older than the state. */
  #begin(): void {
    const map = mapIn(this.store);
    if (map !== undefined) this.maps.learn(map);
    if (this.map !== undefined) followMap(this, this.#transport, this.map);
    this.standing.begin();
    this.#isBuilt = true;
  }

  #machineOf(shard: ShardId): ShardMachine {
    const isIrreplaceable = () => this.replicas.get(shard)?.isIrreplaceable === true;
    const onMap = (map: ClusterMap) => this.maps.learn(map);
    return machineOf({ shard, store: this.store, isIrreplaceable, onMap });
  }

  #openStore(): StateStore {
    return openStore({
      disk: this.#options.disk,
      identity: this.self.identity,
      log: this.log,
      now: () => this.#now,
      limits: this.#options.limits ?? RAFT_LIMITS,
      replicaOf: (shard) => this.replicas.get(shard),
      onProgress: () => this.#noteProgress(),
      onDamage: ({ shard, message: text }) => this.mention({ type: 'state-damaged', shard, text }),
    });
  }

  #noteProgress(): void {
    this.#isStoreBusy = true;
    this.#options.onWork();
  }

  #proceed(): void {
    this.#isStoreBusy = false;
    for (const replica of this.replicas.all) replica.proceed();
  }

  /** Proposes deferred entries that have waited for long enough. */
  #proposeDeferred(): void {
    for (const replica of this.#deferred.takeDue(this.#now)) {
      replica.proposeDeferred();
      if (this.replicas.get(replica.shard) === replica) this.touch(replica);
    }
  }

  #record(record: LogRecord): void {
    this.#records.push(record);
    this.#options.onWork();
  }

  #lose(lost: LostReplica): void {
    this.#options.onFact({ type: 'replica-lost', shard: lost.shard, reason: lost.reason });
    this.reconciler.lost(lost);
  }

  #believe(map: ClusterMap, before: ClusterMap | undefined): void {
    this.#options.onMap(this.mapBytes);
    followMap(this, this.#transport, map);
    this.standing.mapChanged(map, before);
    for (const replica of this.replicas.all) {
      const { shard } = replica;
      // The shard may have lost its leader without a node falling silent.
      const isNews = map.shards[shard]?.revision !== before?.shards[shard]?.revision;
      if (isNews) replica.step({ type: 'wake' });
    }
    this.reconciler.mapChanged();
    this.#options.onWork();
  }

  #greet(node: NodeId): void {
    this.peers.greeted(node, this.#now);
    const { isReadOnly } = this;
    this.tell(node, { type: 'beat', mapVersion: this.map?.version ?? 0, isReadOnly });
  }

  /** A node fell silent: requests that wait for its answer should go elsewhere. */
  #miss(node: NodeId): void {
    this.#options.onFact({ type: 'peer-silent', node });
    this.#relay.forwards.lose(node);
  }

  #loseTouch({ node, lane }: PeerAddress): void {
    if (lane === 'main') {
      // A process that ends loses its connections long before it is considered silent.
      wakeSharedWith(this, node);
      this.standing.lose(node);
      this.#relay.forwards.lose(node);
      this.#peerFrames.shares.lose(node);
    }
    loseTouchWith(this, node);
  }
}
