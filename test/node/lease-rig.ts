/** A shard with leases and locks whose leader does its background work, as in a node. */

import { ok } from 'node:assert/strict';
import type { Operation } from '../../src/machine/command.ts';
import { SECTION } from '../../src/machine/section.ts';
import { encodeResolutions } from '../../src/machine/transaction-codec.ts';
import { LeaseSweep } from '../../src/node/lease-sweep.ts';
import { Maintenance } from '../../src/node/maintenance.ts';
import type { NodeState } from '../../src/node/node-state.ts';
import { textOf } from '../machine/machine-rig.ts';
import { nameOf, prepareBytes } from '../machine/transaction-rig.ts';
import { LockRig } from '../shard/lock-rig.ts';
import { SHARD } from '../shard/replica-rig.ts';

const MINUTE = 60_000;

export class LeaseRig {
  readonly lock = new LockRig();
  readonly sweep: LeaseSweep;
  isReadOnly = false;
  hasViews = true;
  /** Requests have arrived that are not decoded yet. */
  hasUndecoded = false;

  constructor() {
    const { rig } = this.lock;
    const now = () => rig.now;
    const isReadOnly = () => this.isReadOnly;
    const hasViews = () => this.hasViews;
    const hasUndecoded = () => this.hasUndecoded;
    const row = { shard: SHARD, epoch: 1, from: 0, to: 2 ** 32 };
    const parts = {
      get now() {
        return now();
      },
      get isReadOnly() {
        return isReadOnly();
      },
      replicas: { all: [rig.replica] },
      map: { shards: Array.from({ length: SHARD + 1 }, () => row) },
      store: {
        get hasViews() {
          return hasViews();
        },
        view: (shard: typeof SHARD) => rig.store.view(shard),
      },
      fair: {
        get hasWork() {
          return hasUndecoded();
        },
      },
      log: { damage: [] },
    };
    const node = parts as unknown as NodeState;
    const maintenance = new Maintenance(node);
    this.sweep = new LeaseSweep(node);
    this.lock.onTick = () => {
      maintenance.tick();
      this.sweep.tick();
      this.sweep.endTurn();
    };
  }

  /** The keys of a section, in order. */
  keysIn(section: keyof typeof SECTION): readonly Uint8Array[] {
    let keys: readonly Uint8Array[] | undefined;
    const view = this.lock.rig.store.view(SHARD);
    const range = { from: undefined, to: undefined, isReverse: false };
    const cursor = view.cursor({ section: SECTION[section], ...range });
    cursor.next({ rowsMax: 10_000, bytesMax: 1 << 24 }, (rows) => {
      ok(Array.isArray(rows));
      keys = rows.map(({ key }) => key);
    });
    for (let at = 0; keys === undefined && at < 50; at++) this.lock.rig.medium.turnNow();
    view.close();
    ok(keys);
    return keys.filter(({ length }) => length > 0);
  }

  /** Users' keys. */
  get keys(): readonly string[] {
    return this.keysIn('values').map(textOf);
  }

  /** A transaction of that number prepares these operations. */
  hold(number: number, ...operations: readonly Operation[]): void {
    const deadline = this.lock.rig.replica.logTime + MINUTE;
    const bytes = prepareBytes(operations, { client: number, age: number, deadline, at: 1 });
    this.lock.stamp({ type: 'prepare', bytes });
  }

  letGo(number: number, { isCommitted }: { readonly isCommitted: boolean }): void {
    const deadline = this.lock.rig.replica.logTime + MINUTE;
    const bytes = encodeResolutions([{ id: nameOf({ client: number }), isCommitted, deadline }]);
    this.lock.stamp({ type: 'resolve', bytes });
    this.lock.rig.replica.proposeDeferred();
    this.lock.rig.turns(4);
  }
}
