/** A state store in memory, with a catalog on it. */

import assert from 'node:assert/strict';
import type { MemberId, NodeId, ShardId } from '../../src/base/ids.ts';
import { CATALOG_LIMITS } from '../../src/base/limits.ts';
import { sha256 } from '../../src/base/sha256.ts';
import { type Applied, Catalog } from '../../src/catalog/catalog.ts';
import type { ClusterMap, NodeDescription, ShardRow } from '../../src/catalog/cluster-map.ts';
import type { CatalogCommand, CatalogReply } from '../../src/catalog/command.ts';
import { encodeCommand } from '../../src/catalog/command.ts';
import type { CatalogStateView, CatalogWrite } from '../../src/catalog/state-rows.ts';

export class Rows implements CatalogStateView {
  readonly #rows: Map<string, Uint8Array>;

  constructor(rows: ReadonlyMap<string, Uint8Array> = new Map()) {
    this.#rows = new Map(rows);
  }

  get(section: number, key: Uint8Array): Uint8Array | undefined {
    return this.#rows.get(nameOf(section, key));
  }

  write(writes: readonly CatalogWrite[]): void {
    for (const { section, key, value } of writes) {
      if (value === undefined) this.#rows.delete(nameOf(section, key));
      else this.#rows.set(nameOf(section, key), value);
    }
  }

  copy(): Rows {
    return new Rows(this.#rows);
  }
}

/** A catalog whose entries are numbered and whose writes are kept. */
export class Rig {
  readonly rows = new Rows();
  catalog = new Catalog({ view: this.rows });
  index = 0;

  get map(): ClusterMap {
    const { map } = this.catalog;
    assert.ok(map, 'the cluster is founded');
    return map;
  }

  row(shard: number): ShardRow {
    const row = this.map.shards[shard];
    assert.ok(row, 'the shard has a row');
    return row;
  }

  apply(payload: Uint8Array): Applied {
    this.index += 1;
    const applied = this.catalog.apply({ index: this.index, payload });
    if (applied.type === 'applied') this.rows.write(applied.writes);
    return applied;
  }

  say(command: CatalogCommand): CatalogReply {
    const applied = this.apply(encodeCommand(command));
    assert.equal(applied.type, 'applied');
    return (applied as Extract<Applied, { type: 'applied' }>).reply;
  }

  /** Like `say`, for a command that must not be refused. Returns the assigned node number. */
  mustSay(command: CatalogCommand): NodeId {
    const reply = this.say(command);
    assert.equal(reply.type, 'done', `${command.type} is done: ${JSON.stringify(reply)}`);
    return (reply as Extract<CatalogReply, { type: 'done' }>).node;
  }

  /** From now on by the rows of the store. */
  reopen(): void {
    this.catalog = new Catalog({ view: this.rows });
  }

  place(
    shard: number,
    members: readonly (readonly [node: number, member: number])[],
  ): CatalogReply {
    return this.say({
      type: 'place',
      shard: shard as ShardId,
      revision: this.map.shards[shard]?.revision ?? 0,
      members: members.map(([node, member]) => ({
        node: node as NodeId,
        member: member as MemberId,
      })),
    });
  }

  report(
    shard: number,
    said: { readonly term: number; readonly voters: readonly number[]; learners?: number[] },
  ): CatalogReply {
    return this.say({
      type: 'report',
      shard: shard as ShardId,
      revision: this.map.shards[shard]?.revision ?? 0,
      term: said.term,
      voters: said.voters as MemberId[],
      learners: (said.learners ?? []) as MemberId[],
    });
  }
}

/** Numbers of tokens that tests give to nodes. */
const TOKENS = 512;

const tokensByDigest = new Map(
  Array.from({ length: TOKENS }, (_, number) => {
    const token = tokenOf(number);
    return [String(sha256(token)), token] as const;
  }),
);

/** That of `tokenOf` which has this digest. */
export function tokenBehind(digest: Uint8Array): Uint8Array {
  const token = tokensByDigest.get(String(digest));
  if (token === undefined) throw new RangeError('it is the digest of no token');
  return token;
}

export function tokenOf(number: number): Uint8Array {
  const token = new Uint8Array(16);
  new DataView(token.buffer).setUint32(0, number);
  return token;
}

export function describe(name: string, options: Partial<NodeDescription> = {}): NodeDescription {
  return {
    name: '',
    peerUrl: `ws://${name}:7001`,
    clientUrl: `ws://${name}:7000`,
    weight: 1,
    zone: '',
    ...options,
  };
}

/** The member of shard s that founds it is 1000 + s. */
export function foundation(
  options: { shards?: number; replicas?: number; description?: NodeDescription } = {},
): Extract<CatalogCommand, { type: 'found' }> {
  const { shards = 4, replicas = 3, description = describe('one') } = options;
  const members = Array.from({ length: shards + 1 }, (_, shard) => (1000 + shard) as MemberId);
  const settings = { shards, replicas };
  return {
    type: 'found',
    clusterId: 'home',
    settings,
    joinToken: tokenOf(1),
    description,
    members,
  };
}

export function joining(number: number, options: Partial<NodeDescription> = {}): CatalogCommand {
  const description = describe(`node-${number}`, options);
  return { type: 'join', joinToken: tokenOf(number), description, proof: undefined };
}

/** A founded cluster of some nodes, each with one shard more than the catalog in sight. */
export function founded(nodes: number, options: Parameters<typeof foundation>[0] = {}): Rig {
  const rig = new Rig();
  rig.mustSay(foundation(options));
  for (let node = 2; node <= nodes; node++) {
    assert.equal(rig.mustSay(joining(node)), node);
    if (node < CATALOG_LIMITS.newcomersMax) continue;
    // Beyond that many, newcomers wait for those before them to start.
    const lineage = { incarnation: 1, words: [node] };
    const description = describe(`node-${node}`);
    const joinToken = tokenOf(node);
    rig.mustSay({ type: 'announce', node: node as NodeId, joinToken, lineage, description });
  }
  return rig;
}

function nameOf(section: number, key: Uint8Array): string {
  return `${section} ${Buffer.from(key).toString('hex')}`;
}
