/**
 * Brings the node in line with the catalog: it announces the node, creates and removes replicas as
 * the map requires, hands leadership to the preferred members, and plans if it leads the catalog.
 *
 * It keeps no state that the map does not have: each round compares and does the next step, so a
 * lost step is repeated.
 */

import { drawMember, type MemberId, NO_MEMBER, type NodeId, type ShardId } from '../base/ids.ts';
import { wordOf } from '../base/life.ts';
import { NODE_LIMITS } from '../base/node-limits.ts';
import type { Random } from '../base/random.ts';
import {
  CATALOG_SHARD,
  type ClusterMap,
  type Settings,
  type ShardRow,
} from '../catalog/cluster-map.ts';
import type { CatalogCommand, CatalogReply } from '../catalog/command.ts';
import { decodeReply, encodeCommand } from '../catalog/command.ts';
import { nextConfigurationStep } from '../catalog/configuration-step.ts';
import { planNext } from '../catalog/move-planner.ts';
import { type Due, drainedMembers, nodeNumbered, replicasDue } from '../catalog/questions.ts';
import type { Fact } from '../raft/fact.ts';
import type { Replica } from '../shard/replica.ts';
import type { Responder } from '../shard/responder.ts';
import type { Response } from '../wire/response.ts';
import { Handovers } from './handovers.ts';
import { type MoveInfo, Moves } from './moves.ts';
import type { NodeState } from './node-state.ts';
import type { OwnLife } from './own-life.ts';
import type { LostReplica } from './replicas.ts';
import type { Router } from './router.ts';
import { RowTimes } from './row-times.ts';

interface ReconcilerOptions {
  readonly node: NodeState;
  readonly ownLife: OwnLife;
  readonly router: Router;
  readonly random: Random;
}

/** A command in flight: the same kind is not sent again meanwhile. */
interface Asked {
  readonly until: number;
}

export class Reconciler {
  readonly #node: NodeState;
  readonly #ownLife: OwnLife;
  readonly #router: Router;
  readonly #random: Random;
  /** By their subject. */
  readonly #asked = new Map<string, Asked>();
  /** When each shard that this node leads was taken over, or its handover last tried. */
  readonly #handovers = new Handovers();
  readonly #rowTimes = new RowTimes();
  /** Since when each node is alive, as seen by the leader of the catalog. */
  readonly #liveSince = new Map<NodeId, number>();
  readonly #moves = new Moves();
  #lookedAt = Number.NEGATIVE_INFINITY;
  /** Unusable members, until the map no longer lists them. */
  readonly #lost = new Map<ShardId, MemberId>();
  #isAnnounced = false;
  #founding: Uint8Array | undefined;

  constructor({ node, ownLife, router, random }: ReconcilerOptions) {
    this.#node = node;
    this.#ownLife = ownLife;
    this.#router = router;
    this.#random = random;
  }

  /** This node is the first: it founds the catalog's shard alone. */
  found(settings: Settings, clusterId: string): void {
    const { replicas, self } = this.#node;
    const { joinToken, description } = self;
    // Continues what a former life began: the member that the log knows is the first.
    const before = replicas.get(CATALOG_SHARD)?.member;
    const drawn = Array.from({ length: settings.shards }, () => drawMember(this.#random));
    const members = [before ?? drawMember(this.#random), ...drawn];
    const command = {
      type: 'found',
      clusterId,
      settings,
      joinToken,
      description,
      members,
    } as const;
    this.#founding = encodeCommand(command);
    // A node that ever took part in a cluster founds nothing: there would be a second cluster.
    if (before === undefined && !replicas.isEmpty) {
      this.#founding = undefined;
      return;
    }
    if (before === undefined) replicas.found(CATALOG_SHARD, members[0] as MemberId);
  }

  tick(): void {
    const { now } = this.#node;
    this.#watchNodes(now);
    this.#moves.tick(now, this.#surroundings);
    if (now - this.#lookedAt < NODE_LIMITS.reconcileMilliseconds) return;
    this.#look();
  }

  /** Replicas in transfer, of the shards that are led here. */
  moves(): readonly MoveInfo[] {
    return this.#moves.infos(this.#surroundings);
  }

  get #surroundings() {
    const { map, replicas } = this.#node;
    const isHeard = (node: NodeId) => this.#node.isHeard(node);
    return { map, replicas: replicas.all, isHeard };
  }

  /** Soon, not immediately: several changes often come together. */
  mapChanged(): void {
    this.#lookedAt = Number.NEGATIVE_INFINITY;
  }

  noted(replica: Replica, fact: Fact): void {
    if (fact === 'became-leader') {
      this.#handovers.tookOffice(replica.shard, this.#node.now);
      this.mapChanged();
    }
    if (fact === 'log-found-short') this.#giveUp(replica);
    if (fact === 'transfer-aborted') this.#handovers.failed(replica.shard, this.#node.now);
    if (fact === 'learned-own-removal' || fact === 'follower-caught-up') this.mapChanged();
  }

  /** It silently lost entries that it had acknowledged to its leader, and perhaps votes as well. */
  #giveUp({ shard, member }: Replica): void {
    const reason = 'its log lacks entries that it acknowledged: a new member replaces it';
    this.lost({ shard, member, reason });
  }

  /** Only another member can replace it, on this node or another. */
  lost({ shard, member, reason }: LostReplica): void {
    this.#node.mention({ type: 'replica-lost', shard, reason });
    this.#lost.set(shard, member);
    this.mapChanged();
    const replica = this.#node.replicas.get(shard);
    if (replica?.isLeader) this.#giveAway(replica);
  }

  /** Without a state it cannot lead: a voter with a state takes over. */
  corruptionChanged(replica: Replica): void {
    const { shard, isCorrupt } = replica;
    this.#node.mention({ type: isCorrupt ? 'state-quarantined' : 'state-restored', shard });
    if (replica.isLeader && replica.isCorrupt) this.#giveAway(replica);
    this.mapChanged();
  }

  /** Before this node ends: another member takes over leadership. */
  handOver(): void {
    for (const replica of this.#node.replicas.all) if (replica.isLeader) this.#giveAway(replica);
  }

  #giveAway(replica: Replica): void {
    const { followers, configuration, isQuiet } = replica.status();
    const { voters } = configuration.configuration;
    const heir = followers
      .filter(({ member, isActive }) => (isActive || isQuiet) && voters.includes(member))
      .sort((one, other) => other.match - one.match)[0];
    if (heir !== undefined) replica.step({ type: 'transfer', to: heir.member });
  }

  #look(): void {
    this.#lookedAt = this.#node.now;
    const { map } = this.#node;
    // Before, there are no replicas here, and none may be created.
    if (!this.#ownLife.isConfirmed) return;
    if (map === undefined) return this.#foundIfAsked();
    this.#announce(map);
    // A stored map may be older than the replicas of the same folder.
    if (this.#isAnnounced) this.#reconcile(map);
    if (this.#node.isClosing) return this.handOver();
    for (const replica of this.#node.replicas.all) {
      if (replica.isLeader && replica.isCorrupt) this.#giveAway(replica);
      else if (replica.isLeader) this.#lead(replica, map);
    }
    if (this.#node.replicas.get(CATALOG_SHARD)?.isLeader) this.#plan(map);
  }

  #foundIfAsked(): void {
    const replica = this.#node.replicas.get(CATALOG_SHARD);
    if (this.#founding === undefined || replica?.isLeader !== true) return;
    this.#send('found', this.#founding);
  }

  /** Repeats until the map shows this life: the command may be lost. */
  #announce(map: ClusterMap): void {
    const { node, joinToken, description } = this.#node.self;
    const { lineage } = this.#node.log;
    this.#isAnnounced = nodeNumbered(map, node)?.life === wordOf(lineage);
    if (this.#isAnnounced) return;
    const command: CatalogCommand = { type: 'announce', node, joinToken, lineage, description };
    this.#ask('announce', command, (reply) => {
      if (reply.type === 'done') return;
      const { reason } = reply;
      const text = `the catalog refused the announcement: ${reason}`;
      if (reason === 'older-copy' || reason === 'wrong-token') this.#node.end(reason, text);
      if (reason === 'unknown-node') this.#node.end('removed', text);
    });
  }

  /** Creates the replicas that the map lists, and removes all others. */
  #reconcile(map: ClusterMap): void {
    const due = new Map(replicasDue(map, this.#node.self.node).map((one) => [one.shard, one]));
    for (const replica of [...this.#node.replicas.all]) {
      const listed = due.get(replica.shard);
      if (listed?.member === replica.member || this.#isFounding(replica)) continue;
      if (!this.#node.replicas.destroy(replica)) continue;
      this.#node.mention({ type: 'replica-removed', shard: replica.shard });
    }
    for (const shard of this.#node.replicas.nameless) {
      this.#node.replicas.writeTombstone(shard, due.get(shard)?.member);
    }
    for (const one of due.values()) this.#createReplica(one);
    this.#node.replicas.discardBroken((shard, member) => due.get(shard)?.member === member);
    for (const [shard, lost] of this.#lost) {
      const member = lost === NO_MEMBER ? due.get(shard)?.member : lost;
      const isListed = member !== undefined && due.get(shard)?.member === member;
      if (!isListed) this.#lost.delete(shard);
      else this.#ask(`lose ${shard}`, { type: 'lose', shard, member });
    }
  }

  /** Its row appears with the first map. */
  #isFounding({ shard }: Replica): boolean {
    return shard === CATALOG_SHARD && this.#node.map === undefined;
  }

  #createReplica({ shard, member, birth }: Due): void {
    const { replicas } = this.#node;
    if (!replicas.isFree(shard) || replicas.isDead(shard, member) || birth === 'none') return;
    if (this.#lost.has(shard)) return;
    if (birth === 'found') replicas.found(shard, member);
    else replicas.createReplica(shard, member);
    this.#node.mention({ type: 'replica-created', shard });
  }

  #lead(replica: Replica, map: ClusterMap): void {
    const row = map.shards[replica.shard];
    if (row === undefined) return;
    const { term, configuration, isSettled, isQuiet, followers } = replica.status();
    const step = nextConfigurationStep({
      row,
      self: replica.member,
      term,
      configuration: configuration.configuration,
      isSettled,
      isQuiet,
      followers,
      load: this.#node.load,
      isHandoverDue: this.#handovers.isDue(replica.shard, this.#node.now),
      drained: [...drainedMembers(map, row), ...this.#shortOfSpace(row)],
    });
    switch (step.type) {
      case 'wait':
        return;
      case 'report':
        return this.#ask(`report ${row.shard}`, step.report);
      case 'change':
        replica.step({ type: 'wake' });
        replica.step({ type: 'change', target: step.target });
        return;
      case 'transfer':
        this.#handovers.gave(replica.shard, this.#node.now);
        replica.step({ type: 'transfer', to: step.to });
        return;
    }
  }

  /** Members on nodes whose disks are nearly full. */
  #shortOfSpace({ members }: ShardRow): readonly MemberId[] {
    const { self, isReadOnly, peers } = this.#node;
    const isShort = (node: NodeId) => (node === self.node ? isReadOnly : peers.isReadOnly(node));
    return members.filter(({ node }) => isShort(node)).map(({ member }) => member);
  }

  #plan(map: ClusterMap): void {
    const { now } = this.#node;
    const liveFor = new Map([...this.#liveSince].map(([node, since]) => [node, now - since]));
    this.#rowTimes.look(map, now);
    const unchangedFor = (row: ShardRow) => this.#rowTimes.unchangedFor(row, now);
    const draw = () => drawMember(this.#random);
    for (const command of planNext({ map, liveFor, unchangedFor, drawMember: draw })) {
      const about = command.type === 'place' ? `place ${command.shard}` : command.type;
      this.#ask(about, command);
    }
  }

  #watchNodes(now: number): void {
    const { peers, self } = this.#node;
    if (!this.#liveSince.has(self.node)) this.#liveSince.set(self.node, now);
    for (const node of peers.nodes) {
      if (!peers.isHeard(node, now)) this.#liveSince.delete(node);
      else if (!this.#liveSince.has(node)) this.#liveSince.set(node, now);
    }
    for (const node of this.#liveSince.keys()) {
      if (node !== self.node && !peers.nodes.includes(node)) this.#liveSince.delete(node);
    }
  }

  #ask(about: string, command: CatalogCommand, then?: (reply: CatalogReply) => void): void {
    this.#send(about, encodeCommand(command), then);
  }

  /** One of each kind at a time, until it is answered or overdue. */
  #send(about: string, command: Uint8Array, then?: (reply: CatalogReply) => void): void {
    const { now } = this.#node;
    const asked = this.#asked.get(about);
    if (asked !== undefined && now < asked.until) return;
    const mine: Asked = { until: now + NODE_LIMITS.patienceMilliseconds };
    this.#asked.set(about, mine);
    const responder: Responder = {
      respond: (response: Response) => {
        if (this.#asked.get(about) === mine) this.#asked.delete(about);
        const reply = response.type === 'commanded' ? decodeReply(response.reply) : undefined;
        if (reply !== undefined) then?.(reply);
      },
    };
    const request = { type: 'command', id: 1, command } as const;
    this.#router.route(request, { responder, isForwarded: false });
  }
}
