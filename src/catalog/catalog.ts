/**
 * The entry point of the catalog: committed commands in, rows to write and a reply out.
 *
 * The map in memory is made of rows and of nothing else, so every replica has the same map, whether
 * it was opened, installed a snapshot or applied every entry itself.
 */

import { assert } from '../base/assert.ts';
import type { ClusterMap } from './cluster-map.ts';
import type { CatalogRefusal, CatalogReply, CommandOf } from './command.ts';
import { decodeCommand } from './command.ts';
import { type CatalogDecision, decide } from './decision.ts';
import {
  accessWrite,
  type CatalogStateView,
  type CatalogWrite,
  headerWrite,
  nodeDeletion,
  nodeWrite,
  readMap,
  shardWrite,
  withWrites,
} from './state-rows.ts';

export type Applied =
  | {
      readonly type: 'applied';
      readonly writes: readonly CatalogWrite[];
      readonly reply: CatalogReply;
    }
  /** A later version wrote this entry. It was not applied, and no later entry may be. */
  | { readonly type: 'unknown-command'; readonly kind: number };

export class Catalog {
  #map: ClusterMap | undefined;

  /** On opening, and again after a snapshot was installed. */
  constructor({ view }: { readonly view: CatalogStateView }) {
    this.#map = readMap(view);
  }

  /** Undefined before the cluster is founded. Never changed in place. */
  get map(): ClusterMap | undefined {
    return this.#map;
  }

  /** The caller writes the rows. Deterministic; bytes of any kind are answered. */
  apply({ index, payload }: { readonly index: number; readonly payload: Uint8Array }): Applied {
    assert(index > (this.#map?.version ?? 0), 'entries come in order');
    const outer = decodeCommand(payload);
    const isPermitted = outer.type === 'known' && outer.command.type === 'permitted';
    const decoded = isPermitted ? this.#permittedIn(outer.command) : outer;
    if (decoded === undefined) return refused('stale-revision');
    if (decoded.type === 'unknown') return { type: 'unknown-command', kind: decoded.kind };
    if (decoded.type === 'malformed') return refused('malformed');
    const decision = decide(this.#map, decoded.command, index);
    if (decision.type === 'refused') return refused(decision.reason);
    const writes = writesOf(decision);
    if (writes.length > 0) this.#map = withWrites(this.#map, writes);
    const version = this.#map?.version ?? 0;
    return { type: 'applied', writes, reply: { type: 'done', version, node: decision.node } };
  }

  /** Undefined if rights have changed since it was permitted. */
  #permittedIn({ accessVersion, command }: CommandOf<'permitted'>) {
    if ((this.#map?.access?.version ?? 0) !== accessVersion) return undefined;
    return decodeCommand(command);
  }
}

function writesOf(decision: Exclude<CatalogDecision, { type: 'refused' }>): CatalogWrite[] {
  if (decision.type === 'nothing') return [];
  const { own, nodes, shards, gone, access } = decision;
  const written = [headerWrite(own), ...nodes.map(nodeWrite), ...shards.map(shardWrite)];
  if (access !== undefined) written.push(accessWrite(access));
  return [...written, ...gone.map(nodeDeletion)];
}

function refused(reason: CatalogRefusal): Applied {
  return { type: 'applied', writes: [], reply: { type: 'refused', reason } };
}
