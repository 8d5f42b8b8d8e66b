/** The lives of nodes: whether this one is confirmed, and which lives of others it knows. */

import type { NodeId } from '../base/ids.ts';
import { type Life, type Lineage, lifeMissingIn, wordOf } from '../base/life.ts';
import { LIFE_LIMITS } from '../base/life-limits.ts';
import type { ClusterMap, NodeRow } from '../catalog/cluster-map.ts';
import { lifeOfRow } from '../catalog/decision.ts';
import { nodeNumbered } from '../catalog/questions.ts';
import type { Log } from '../storage/log/log.ts';
import type { TransportEvent } from '../transport/transport.ts';
import type { NodeMessage } from '../wire/node-message.ts';
import { Confirmation, electoratesIn } from './life-confirmation.ts';
import type { EndReason, NodeFact } from './node-parts.ts';
import { PeerLives } from './peer-lives.ts';

interface StandingHost {
  readonly log: Log;
  readonly map: ClusterMap | undefined;
  readonly isClosing: boolean;
  tell(node: NodeId, message: NodeMessage): void;
  mention(fact: NodeFact): void;
  end(reason: EndReason, text: string): void;
  /** This life is confirmed. Called once, possibly from `begin`. */
  confirmed(): void;
  /** More is known about a peer's lives. */
  livesChanged(): void;
}

interface StandingOptions {
  readonly host: StandingHost;
  readonly node: NodeId;
  readonly now: number;
  readonly isEnquiring: boolean;
}

type Refused = Extract<TransportEvent, { readonly type: 'life-refused' }>;

export class OwnLife {
  readonly #host: StandingHost;
  readonly #node: NodeId;
  readonly #confirmation: Confirmation;
  readonly #lives: PeerLives;
  /** The report of a peer that hears another life of this node; empty if none does. */
  #objection = '';
  #hasTold = false;

  constructor({ host, node, now, isEnquiring }: StandingOptions) {
    this.#host = host;
    this.#node = node;
    this.#confirmation = new Confirmation({ self: node, now, isEnquiring });
    this.#lives = new PeerLives({
      log: host.log,
      tell: (to, message) => host.tell(to, message),
      onLife: () => host.livesChanged(),
    });
  }

  get isConfirmed(): boolean {
    return this.#confirmation.isConfirmed;
  }

  /** Why it waits, as a text for people; empty once it is confirmed. */
  get reason(): string {
    if (this.isConfirmed) return '';
    return this.#objection === ''
      ? 'waiting for other nodes to confirm this start'
      : this.#objection;
  }

  /** The addresses that this node was started with may know a newer map. */
  get isEnquiring(): boolean {
    const { map, log } = this.#host;
    if (map === undefined || this.isConfirmed || !this.#confirmation.isEnquiring) return false;
    return this.#confirmation.isMajorityAlone(electoratesIn(map, log));
  }

  heardOut(): void {
    this.#confirmation.heardOut();
    this.#look();
  }

  /** Without a map there is no peer to ask: the cluster is being founded. */
  begin(): void {
    const { map } = this.#host;
    if (map === undefined) this.#confirmation.isConfirmed = true;
    else this.#checkOwn(map);
    if (map === undefined) this.#host.confirmed();
    else this.#look();
  }

  livesOf(row: NodeRow): readonly Life[] {
    return this.#lives.of(row);
  }

  tick(now: number): void {
    this.#confirmation.pass(now);
    if (this.isConfirmed) return;
    this.#look();
    if (!this.#confirmation.isObjected) this.#objection = '';
    if (this.#confirmation.isRefuted) this.#host.end('older-copy', this.#objection);
    const isLong = this.#confirmation.awake >= LIFE_LIMITS.slowClaimMilliseconds;
    if (isLong && !this.isConfirmed && !this.#hasTold) this.#reportWaiting();
  }

  meet(node: NodeId, lineage: Lineage): void {
    this.#lives.meet(node, lineage);
    this.#confirmation.meet(node);
    if (this.isConfirmed) this.#claim(node);
    else this.#look();
  }

  lose(node: NodeId): void {
    this.#lives.lose(node);
    this.#confirmation.lose(node);
  }

  refused({ node, reason, text }: Refused): void {
    if (reason === 'older-copy') return this.#host.end('older-copy', text);
    this.#confirmation.object(node);
    if (this.#objection === '') this.#host.mention({ type: 'still-running', by: node, text });
    this.#objection = text;
  }

  claimed(from: NodeId, word: number): void {
    const { map, isClosing } = this.#host;
    const row = map === undefined ? undefined : nodeNumbered(map, from);
    if (row !== undefined && !isClosing) this.#lives.claim(row, word);
  }

  known(from: NodeId, word: number): void {
    if (word !== wordOf(this.#host.log.lineage)) return;
    this.#confirmation.know(from);
    this.#look();
  }

  mapChanged(map: ClusterMap, before: ClusterMap | undefined): void {
    const { log, isClosing } = this.#host;
    if (isClosing) return;
    this.#lives.forgetThoseNotIn(map, before);
    this.#checkOwn(map);
    const own = nodeNumbered(map, this.#node);
    if (own?.life === wordOf(log.lineage)) this.#lives.keepOwn(this.#node, log.lineage);
  }

  /** A life was announced under this node's number that this one does not follow. */
  #checkOwn(map: ClusterMap): void {
    const own = nodeNumbered(map, this.#node);
    if (own === undefined) return;
    const missing = lifeMissingIn(this.#host.log.lineage, lifeOfRow(own));
    if (missing === undefined) return;
    const text = `the map shows start ${missing.incarnation} of node ${this.#node}`;
    this.#host.end('older-copy', `${text}, which this data folder does not contain`);
  }

  #look(): void {
    const { map } = this.#host;
    if (map === undefined || this.isConfirmed) return;
    const electorates = electoratesIn(map, this.#host.log);
    for (const node of this.#confirmation.look(map, electorates)) this.#claim(node);
    if (!this.isConfirmed) return;
    this.#objection = '';
    this.#host.confirmed();
  }

  #claim(node: NodeId): void {
    this.#host.tell(node, { type: 'claim', word: wordOf(this.#host.log.lineage) });
  }

  #reportWaiting(): void {
    this.#hasTold = true;
    this.#host.mention({ type: 'unconfirmed', text: this.reason });
  }
}
