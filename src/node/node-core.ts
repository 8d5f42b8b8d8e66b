/**
 * A node without its surroundings: events come in, calls on ports go out.
 *
 * Events are handled when they arrive; their effects wait for the end of the turn, which the driver
 * calls once for all events of the turn. Clock, randomness, disk and network are injected, so that
 * the simulator runs the same code.
 */

import type { PasswordAnswer } from '../access/password.ts';
import type { AuditProgress } from '../audit/record.ts';
import { assert, unreachable } from '../base/assert.ts';
import type { NodeId } from '../base/ids.ts';
import type { Settings } from '../catalog/cluster-map.ts';
import type { Replica } from '../shard/replica.ts';
import type { Responder } from '../shard/responder.ts';
import type { PeerAddress, TransportEvent } from '../transport/transport.ts';
import type { Request } from '../wire/request.ts';
import { AccessControl } from './access-control.ts';
import { Audit } from './audit.ts';
import { ClientFrames } from './client-frames.ts';
import { ConsistencyCheck } from './consistency-check.ts';
import { DeferredProposals } from './deferred-proposals.ts';
import { LeaseSweep } from './lease-sweep.ts';
import { Logins } from './logins.ts';
import { mapIn } from './machines.ts';
import { Maintenance } from './maintenance.ts';
import type { MapChange } from './map-cache.ts';
import { followMap } from './map-peers.ts';
import type { NodeCoreOptions } from './node-core-options.ts';
import { NodeState } from './node-state.ts';
import { OwnLife } from './own-life.ts';
import { PeerFrames } from './peer-frames.ts';
import { pendingOf } from './pending.ts';
import { Reconciler } from './reconciler.ts';
import { Relay } from './relay.ts';
import { type RequestReports, Requests } from './requests.ts';
import { Router } from './router.ts';
import { loseTouchWith, openLinkTo, wakeSharedWith } from './shared-replicas.ts';
import { infoOf } from './status.ts';
import { StorageQuotas } from './storage-quotas.ts';
import { TransactionService } from './transaction-service.ts';
import { endTurn } from './turn.ts';

export class NodeCore {
  readonly state: NodeState;
  readonly ownLife: OwnLife;
  readonly relay: Relay;
  readonly #router: Router;
  readonly transactions: TransactionService;
  readonly #options: NodeCoreOptions;
  readonly #access: AccessControl;
  /** Undefined: nothing is audited. */
  readonly #audit: Audit | undefined;
  readonly #logins: Logins;
  readonly quotas: StorageQuotas;
  readonly #requests: Requests;
  readonly #clientFrames: ClientFrames;
  readonly #peerFrames: PeerFrames;
  readonly reconciler: Reconciler;
  readonly #maintenance: Maintenance;
  readonly leaseSweep: LeaseSweep;
  readonly consistency: ConsistencyCheck;
  readonly #deferred = new DeferredProposals<Replica>();
  #isBuilt = false;

  constructor(options: NodeCoreOptions) {
    const { isEnquiring = false, random } = options;
    this.#options = options;
    const state = new NodeState(options);
    this.state = state;
    this.ownLife = new OwnLife(state, { isEnquiring });
    this.consistency = new ConsistencyCheck(state);
    this.#maintenance = new Maintenance(state);
    this.leaseSweep = new LeaseSweep(state);
    this.relay = new Relay(state, random.fork('forwards').word());
    const { relay } = this;
    this.quotas = new StorageQuotas(state);
    const { quotas } = this;
    const router = new Router(state, relay, quotas);
    this.#router = router;
    this.transactions = new TransactionService(state, router, quotas);
    const { transactions, ownLife } = this;
    this.reconciler = new Reconciler({
      node: state,
      ownLife,
      router,
      random: random.fork('reconciler'),
    });
    this.#access = new AccessControl(state);
    this.#audit = options.audit && new Audit(state, options.audit);
    const [access, audit] = [this.#access, this.#audit];
    const report: RequestReports = {
      info: () => this.info(),
      pending: () => this.pending(),
      access: (what, principal) => {
        const stored = what === 'table' ? { stored: quotas.infos() } : {};
        return options.encodeInfo({ ...access.report(what, principal), ...stored });
      },
    };
    this.#logins = new Logins({ node: state, router, audit, ports: options.logins });
    const serving = { router, transactions, access, logins: this.#logins, audit };
    this.#requests = new Requests({ node: state, ...serving, report });
    const [requests, consistency] = [this.#requests, this.consistency];
    this.#clientFrames = new ClientFrames({ node: state, requests, audit });
    const peering = { node: state, relay, requests, access, consistency, ownLife, quotas };
    this.#peerFrames = new PeerFrames(peering);
    this.#begin();
  }

  /** At least the time of a tick has passed. */
  tick(now: number): void {
    const { state } = this;
    const { replicas, peers } = state;
    state.now = now;
    for (const replica of replicas.all) replica.tick();
    this.relay.forwards.expire(now);
    state.clients.tick(now);
    this.#access.tick();
    this.quotas.tick();
    this.#audit?.tick();
    this.#logins.tick();
    this.#peerFrames.shares.tick();
    state.fair.tick();
    peers.tick();
    state.loadMeter.tick(now);
    for (const { node, isNews } of peers.silent(now)) {
      if (isNews) this.#miss(node);
      wakeSharedWith(state, node);
    }
    for (const node of peers.due(now)) this.#greet(node);
    this.ownLife.tick(now);
    this.reconciler.tick();
    this.#maintenance.tick();
    this.leaseSweep.tick();
    this.consistency.tick();
    this.transactions.tick();
    for (const replica of this.#deferred.takeDue(now)) replica.proposeDeferred();
    state.outbox.hurryAll();
    state.log.idle();
    state.wake();
  }

  /** An event from the network. */
  take(event: TransportEvent, now: number): void {
    const { state, ownLife } = this;
    state.now = now;
    switch (event.type) {
      case 'peer-up':
        state.peers.hear(event.node, now);
        if (event.lane === 'main') wakeSharedWith(state, event.node);
        this.#greet(event.node);
        if (event.lane === 'main') ownLife.meet(event.node, event.hello.lineage);
        return;
      case 'peer-frame':
        if (this.#peerFrames.take(event.node, event.bytes)) return;
        return state.transport.dropPeer(event, 'a frame of no protocol');
      case 'peer-drained':
        return openLinkTo(state, event.node);
      case 'peer-down':
        return this.#loseTouch(event);
      case 'life-refused':
        return ownLife.refused(event);
      case 'client-up':
        return this.#meetClient(event);
      case 'client-frame':
        return this.#clientFrames.take(event.connection, event.bytes);
      case 'client-down':
        return state.clients.remove(event.connection);
      case 'removed':
        return state.end('removed', `node ${event.by} reports that this node was removed`);
      case 'refused':
        return;
    }
    return unreachable(event);
  }

  /** The audit trail reports what is durable, and whether it can be written. */
  audited(progress: AuditProgress): void {
    this.#audit?.heed(progress);
  }

  get auditProgress(): AuditProgress | undefined {
    return this.#audit?.progress;
  }

  /** The port has computed the hash of a password. */
  passwordChecked(answer: PasswordAnswer, now: number): void {
    this.state.now = now;
    this.#logins.checked(answer);
    this.state.wake();
  }

  /** The end of a turn. Returns whether another should follow immediately. */
  flush(now: number): boolean {
    const { state, relay, reconciler, transactions } = this;
    const { replicas } = state;
    state.now = now;
    state.beginEnd();
    this.#heedChanges();
    for (const { replica, mark } of state.takeDurable()) {
      if (replicas.get(replica.shard) === replica) replica.settle(mark);
    }
    const parts = { relay, reconciler, transactions, deferred: this.#deferred };
    endTurn(state, { ...parts, router: this.#router });
    this.leaseSweep.endTurn();
    transactions.flush();
    relay.unsent(state.outbox.flush());
    this.#peerFrames.shares.endTurn();
    const isAgain = state.store.work(now) === 'again';
    if (state.takeProgress()) for (const replica of replicas.all) replica.proceed();
    return state.completeEnd() || isAgain;
  }

  /** Founds a cluster with this node as its only one. */
  found(settings: Settings, clusterId: string): void {
    assert(this.state.map === undefined, 'a cluster is founded once');
    this.reconciler.found(settings, clusterId);
  }

  /** A request of this node itself, or of the application that embeds it. */
  ask(request: Request, responder: Responder): void {
    this.#requests.route(request, { responder, isForwarded: false });
  }

  /** Hands leadership over where another member can lead, and accepts no new requests. */
  retire(): void {
    this.state.isClosing = true;
    for (const replica of this.state.replicas.all) replica.proposeDeferred();
    this.reconciler.handOver();
    this.state.wake();
  }

  /** No replica here leads any more. */
  get hasRetired(): boolean {
    return !this.state.replicas.isLeadingOthers;
  }

  /**
   * Requests that everything applied is written to disk, so that the next start applies little. The
   * log drops what the write before this one contained.
   */
  saveState(): void {
    this.state.store.checkpoint();
    this.state.wake();
  }

  get hasSavedState(): boolean {
    return this.state.store.isIdle;
  }

  close(done: () => void): void {
    const { replicas, clients, store, log } = this.state;
    for (const replica of replicas.all) replica.end();
    clients.flush();
    // Their requests are not answered any more.
    for (const { connection } of clients.all()) clients.remove(connection);
    store.close(() => log.close(done));
  }

  info(): Uint8Array {
    return this.#options.encodeInfo(infoOf(this));
  }

  pending(): Uint8Array {
    return this.#options.encodeInfo(pendingOf(this.state, this.transactions));
  }

  /** The stored copy of the map may be older than the state. */
  #begin(): void {
    const { state, ownLife } = this;
    const { maps } = state;
    const map = mapIn(state.store);
    if (map !== undefined) maps.learn(map);
    if (maps.map !== undefined) followMap(state, ownLife, maps.map);
    ownLife.begin();
    this.#heedChanges();
    this.#isBuilt = true;
  }

  /** Of the map, of the lives of nodes, and of the replicas that cannot be used. */
  #heedChanges(): void {
    const { state, ownLife } = this;
    const { maps, replicas } = state;
    const change = maps.takeChange();
    const mustFollow = ownLife.takeNewLives() || change !== undefined;
    if (mustFollow && maps.map !== undefined) followMap(state, ownLife, maps.map);
    if (change !== undefined) this.#mapChanged(change);
    if (ownLife.takeConfirmed()) this.#confirmed();
    for (const lost of replicas.takeLost()) this.reconciler.lost(lost);
  }

  #mapChanged(change: MapChange): void {
    const { maps, replicas } = this.state;
    const { map, before } = change;
    this.#options.onMap(maps.bytes);
    this.ownLife.mapChanged(change);
    // Before any request of this turn is served.
    this.#access.tick();
    this.quotas.learn();
    this.#logins.tick();
    this.#maintenance.adoptAll();
    for (const replica of replicas.all) {
      const { shard } = replica;
      // The shard may have lost its leader without a node falling silent.
      const isNews = map.shards[shard]?.revision !== before?.shards[shard]?.revision;
      if (isNews) replica.step({ type: 'wake' });
    }
    this.reconciler.mapChanged();
  }

  /** The replicas of former lives are opened. */
  #confirmed(): void {
    const { state } = this;
    state.replicas.openAll();
    this.reconciler.mapChanged();
    state.wake();
    // A driver that starts a node looks immediately at what it has.
    const milliseconds = state.now - this.#options.now;
    if (this.#isBuilt) state.mention({ type: 'confirmed', milliseconds });
  }

  #greet(node: NodeId): void {
    const { state } = this;
    const { isReadOnly, maps } = state;
    state.peers.greeted(node, state.now);
    state.tell(node, { type: 'beat', mapVersion: maps.version, isReadOnly });
  }

  #meetClient(event: Extract<TransportEvent, { readonly type: 'client-up' }>): void {
    const { clients, transport } = this.state;
    const { connection, hello } = event;
    const client = clients.add(connection, event);
    const limit = this.#access.identify(client, hello);
    if (this.#audit?.meet(client, hello, limit) !== false || limit !== undefined) return;
    clients.remove(connection);
    transport.closeClient(connection, UNAUDITED);
  }

  /** A node fell silent: requests that wait for its answer should go elsewhere. */
  #miss(node: NodeId): void {
    this.state.mention({ type: 'peer-silent', node });
    this.relay.forwards.lose(node);
  }

  #loseTouch({ node, lane }: PeerAddress): void {
    const { state } = this;
    if (lane === 'main') {
      // A process that ends loses its connections long before it is considered silent.
      wakeSharedWith(state, node);
      this.ownLife.lose(node);
      this.relay.forwards.lose(node);
      this.#peerFrames.shares.lose(node);
    }
    loseTouchWith(state, node);
  }
}

const UNAUDITED = 'this node cannot write its audit trail, and serves no users until it can';
