/** Users with limits of what is stored, in whole clusters in memory. */

import { equal } from 'node:assert/strict';
import type { StorageLimits } from '../../src/access/storage-limits.ts';
import { UNLIMITED } from '../../src/access/user-limits.ts';
import type { ShardId } from '../../src/base/ids.ts';
import type { Client } from '../../src/client/client.ts';
import { decodeRow } from '../../src/machine/row.ts';
import { SECTION } from '../../src/machine/section.ts';
import type { NodeCore } from '../../src/node/node-core.ts';
import type { StorageUseInfo } from '../../src/node/storage-quotas.ts';
import { AccessRig, ENABLE, grant, ROOT } from './access-rig.ts';

const VERBS = ['read', 'write', 'watch', 'lock'] as const;

export class StorageRig {
  readonly rig: AccessRig;
  readonly #nodes: number;
  #number = 1;

  constructor(nodes: number, shards: number) {
    this.#nodes = nodes;
    this.rig = new AccessRig(nodes, shards);
  }

  static async open(nodes = 1, shards = 1): Promise<StorageRig> {
    const made = new StorageRig(nodes, shards);
    equal((await made.rig.say(ENABLE))?.type, 'done');
    return made;
  }

  get cluster() {
    return this.rig.cluster;
  }

  async limit(user: string, storage: Partial<StorageLimits>): Promise<void> {
    const { storedKeys = 0, storedBytes = 0 } = storage;
    const limits = { ...UNLIMITED, user };
    const both = { limits, storage: { storedKeys, storedBytes } };
    equal((await this.rig.say({ type: 'limit-user-storage', ...both }))?.type, 'done');
  }

  /** A client of a user of the keys with this prefix. */
  async user(name: string, prefix: string, storage?: Partial<StorageLimits>): Promise<Client> {
    this.#number += 1;
    const { text } = await this.rig.user(name, this.#number, [grant(prefix, VERBS)]);
    if (storage !== undefined) await this.limit(name, storage);
    return await this.rig.client(text);
  }

  root(): Promise<Client> {
    return this.rig.client(ROOT.text);
  }

  /** Nodes have told each other what they count. */
  async settle(): Promise<void> {
    await this.cluster.advance(2500);
  }

  get cores(): readonly NodeCore[] {
    const numbers = Array.from({ length: this.#nodes }, (_, at) => at + 1);
    return numbers.flatMap((number) => this.cluster.coreOf(number) ?? []);
  }

  /** What the node knows of the user. */
  use(user: string, number = 1): StorageUseInfo | undefined {
    return this.cluster
      .coreOf(number)
      ?.quotas.infos()
      .find((info) => info.user === user);
  }

  /** Every replica's rows with the prefix, counted one by one: those of the leaders. */
  async recount(prefix: string): Promise<{ keys: number; bytes: number }> {
    const sum = { keys: 0, bytes: 0 };
    for (const core of this.cores) {
      for (const { shard, isLeader } of core.state.replicas.all) {
        if (shard === 0 || !isLeader) continue;
        for (const size of await this.#sizesIn(core, shard, prefix)) {
          sum.keys += 1;
          sum.bytes += size;
        }
      }
    }
    return sum;
  }

  async #sizesIn({ state }: NodeCore, shard: ShardId, prefix: string): Promise<readonly number[]> {
    const { from, to } = grant(prefix, VERBS);
    const view = state.store.view(shard);
    const cursor = view.cursor({ section: SECTION.values, from, to, isReverse: false });
    const sizes: number[] = [];
    let isEnd = false;
    while (!isEnd) {
      let isOver = false;
      cursor.next({ rowsMax: 100, bytesMax: 1e6 }, (rows) => {
        isOver = true;
        if (rows instanceof Error) throw rows;
        isEnd = rows.length === 0;
        for (const { key, value } of rows) {
          sizes.push(key.length + (decodeRow(value)?.value.length ?? 0));
        }
      });
      while (!isOver) await this.cluster.advance(5);
    }
    cursor.close();
    view.close();
    return sizes;
  }
}
