/** The newest life of each peer, stored before the peer is told that it is known. */

import type { NodeId } from '../base/ids.ts';
import { type Life, type Lineage, lifeMissingIn, lifeOf, wordOf } from '../base/life.ts';
import { isSameDigest } from '../base/sha256.ts';
import type { ClusterMap, NodeRow } from '../catalog/cluster-map.ts';
import { lifeOfRow } from '../catalog/decision.ts';
import type { Log } from '../storage/log/log.ts';
import type { NodeMessage } from '../wire/node-message.ts';

interface PeerLivesOptions {
  readonly log: Pick<Log, 'lives' | 'append'>;
  readonly tell: (node: NodeId, message: NodeMessage) => void;
  /** More is known about a peer's lives than before. */
  readonly onLife: () => void;
}

export class PeerLives {
  readonly #options: PeerLivesOptions;
  /** On disk: the boot word of each peer's newest life. */
  readonly #durable = new Map<NodeId, number>();
  readonly #pending = new Map<NodeId, number>();
  /** Of the connected peers, as their hello said. */
  readonly #lineages = new Map<NodeId, Lineage>();

  constructor(options: PeerLivesOptions) {
    this.#options = options;
    for (const [node, { word }] of options.log.lives) this.#durable.set(node, word);
  }

  /** The lives that the next life of the node has to follow; the newest last. */
  of(row: NodeRow): readonly Life[] {
    const recorded = this.#options.log.lives.get(row.node);
    const lives = lifeOfRow(row).filter(({ word }) => word !== recorded?.word);
    if (recorded === undefined) return lives;
    const isOlder = recorded.incarnation < row.incarnation;
    return isOlder ? [recorded, ...lives] : [...lives, recorded];
  }

  meet(node: NodeId, lineage: Lineage): void {
    this.#lineages.set(node, lineage);
  }

  lose(node: NodeId): void {
    this.#lineages.delete(node);
  }

  /** The peer asks that its life be stored. The lineage of its hello is what counts. */
  claim(row: NodeRow, word: number): void {
    const { log, tell, onLife } = this.#options;
    const { node } = row;
    const lineage = this.#lineages.get(node);
    if (lineage === undefined || wordOf(lineage) !== word) return;
    if (lifeMissingIn(lineage, this.of(row)) !== undefined) return;
    if (this.#durable.get(node) === word) return tell(node, { type: 'known', word });
    if (this.#pending.get(node) === word) return;
    this.#pending.set(node, word);
    log.append([{ type: 'life', node, ...lifeOf(lineage) }], () => {
      this.#durable.set(node, word);
      if (this.#pending.get(node) === word) this.#pending.delete(node);
      onLife();
      tell(node, { type: 'known', word });
    });
  }

  /** The map shows this node's own life: its word is kept, however many boots no peer hears of. */
  keepOwn(node: NodeId, own: Lineage): void {
    const { word, incarnation } = lifeOf(own);
    const { log } = this.#options;
    if (this.#pending.get(node) === word || log.lives.get(node)?.word === word) return;
    this.#pending.set(node, word);
    log.append([{ type: 'life', node, incarnation, word }], () => {});
  }

  /** Numbers of nodes that left the map may be assigned again. */
  forgetThoseNotIn(map: ClusterMap, before: ClusterMap | undefined): void {
    const { log } = this.#options;
    const rows = new Map(map.nodes.map((row) => [row.node, row]));
    for (const { node, tokenDigest } of before?.nodes ?? []) {
      const row = rows.get(node);
      if (row !== undefined && isSameDigest(row.tokenDigest, tokenDigest)) continue;
      if (!log.lives.has(node)) continue;
      this.#durable.delete(node);
      log.append([{ type: 'forget-node', node }], () => {});
    }
  }
}
