/** The lives of nodes: whether this one is confirmed, and which lives of others it knows. */

import type { NodeId } from '../base/ids.ts';
import { type Life, type Lineage, lifeMissingIn, wordOf } from '../base/life.ts';
import type { ClusterMap, NodeRow } from '../catalog/cluster-map.ts';
import { lifeOfRow } from '../catalog/decision.ts';
import { nodeNumbered } from '../catalog/questions.ts';
import type { TransportEvent } from '../transport/transport.ts';
import { Confirmation, electoratesIn } from './life-confirmation.ts';
import { LIFE_LIMITS } from './limits.ts';
import type { MapChange } from './map-cache.ts';
import type { NodeState } from './node-state.ts';
import { PeerLives } from './peer-lives.ts';

type Refused = Extract<TransportEvent, { readonly type: 'life-refused' }>;

export class OwnLife {
  readonly #state: NodeState;
  readonly #confirmation: Confirmation;
  readonly #lives: PeerLives;
  /** The report of a peer that hears another life of this node; empty if none does. */
  #objection = '';
  #hasTold = false;
  #isNewlyConfirmed = false;
  #hasNewLives = false;

  constructor(state: NodeState, { isEnquiring }: { readonly isEnquiring: boolean }) {
    this.#state = state;
    const { self, log, now } = state;
    this.#confirmation = new Confirmation({ self: self.node, now, isEnquiring });
    this.#lives = new PeerLives({
      log,
      tell: (to, message) => state.tell(to, message),
      onLife: () => {
        this.#hasNewLives = true;
        state.wake();
      },
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
    const { map, log } = this.#state;
    if (map === undefined || this.isConfirmed || !this.#confirmation.isEnquiring) return false;
    return this.#confirmation.isMajorityAlone(electoratesIn(map, log));
  }

  heardOut(): void {
    this.#confirmation.heardOut();
    this.#look();
  }

  /** Without a map there is no peer to ask: the cluster is being founded. */
  begin(): void {
    const { map } = this.#state;
    if (map === undefined) this.#confirmation.isConfirmed = true;
    else this.#checkOwn(map);
    if (map === undefined) this.#confirmed();
    else this.#look();
  }

  /** This life was confirmed since the last call. */
  takeConfirmed(): boolean {
    const isNewlyConfirmed = this.#isNewlyConfirmed;
    this.#isNewlyConfirmed = false;
    return isNewlyConfirmed;
  }

  /** More is known about the lives of peers since the last call. */
  takeNewLives(): boolean {
    const hasNewLives = this.#hasNewLives;
    this.#hasNewLives = false;
    return hasNewLives;
  }

  livesOf(row: NodeRow): readonly Life[] {
    return this.#lives.of(row);
  }

  tick(now: number): void {
    this.#confirmation.pass(now);
    if (this.isConfirmed) return;
    this.#look();
    if (!this.#confirmation.isObjected) this.#objection = '';
    if (this.#confirmation.isRefuted) this.#state.end('older-copy', this.#objection);
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
    if (reason === 'older-copy') return this.#state.end('older-copy', text);
    this.#confirmation.object(node);
    if (this.#objection === '') this.#state.mention({ type: 'still-running', by: node, text });
    this.#objection = text;
  }

  claimed(from: NodeId, word: number): void {
    const { map, isClosing } = this.#state;
    const row = map === undefined ? undefined : nodeNumbered(map, from);
    if (row !== undefined && !isClosing) this.#lives.claim(row, word);
  }

  known(from: NodeId, word: number): void {
    if (word !== wordOf(this.#state.log.lineage)) return;
    this.#confirmation.know(from);
    this.#look();
  }

  mapChanged({ map, before }: MapChange): void {
    const { log, isClosing } = this.#state;
    if (isClosing) return;
    this.#lives.forgetThoseNotIn(map, before);
    this.#checkOwn(map);
    const own = nodeNumbered(map, this.#state.self.node);
    if (own?.life === wordOf(log.lineage)) this.#lives.keepOwn(this.#state.self.node, log.lineage);
  }

  /** A life was announced under this node's number that this one does not follow. */
  #checkOwn(map: ClusterMap): void {
    const own = nodeNumbered(map, this.#state.self.node);
    if (own === undefined) return;
    const missing = lifeMissingIn(this.#state.log.lineage, lifeOfRow(own));
    if (missing === undefined) return;
    const text = `the map shows start ${missing.incarnation} of node ${this.#state.self.node}`;
    this.#state.end('older-copy', `${text}, which this data folder does not contain`);
  }

  #look(): void {
    const { map } = this.#state;
    if (map === undefined || this.isConfirmed) return;
    const electorates = electoratesIn(map, this.#state.log);
    for (const node of this.#confirmation.look(map, electorates)) this.#claim(node);
    if (!this.isConfirmed) return;
    this.#objection = '';
    this.#confirmed();
  }

  #confirmed(): void {
    this.#isNewlyConfirmed = true;
    this.#state.wake();
  }

  #claim(node: NodeId): void {
    this.#state.tell(node, { type: 'claim', word: wordOf(this.#state.log.lineage) });
  }

  #reportWaiting(): void {
    this.#hasTold = true;
    this.#state.mention({ type: 'unconfirmed', text: this.reason });
  }
}
