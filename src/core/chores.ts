/**
 * What leaders do without being asked: shards adopt their arcs, what is due expires, clients that
 * are gone are forgotten, damage that was applied is cut away.
 */

import { NODE_LIMITS } from '../base/limits.ts';
import type { EntryBody } from '../machine/entry.ts';
import { decodeDueKey } from '../machine/expiry.ts';
import { SECTION } from '../machine/section.ts';
import { expireBody, forgetBody } from '../machine/sweep.ts';
import { DataMachine } from '../shard/data-machine.ts';
import type { Origin } from '../shard/origin.ts';
import type { Replica } from '../shard/replica.ts';
import { StateDamage, type StateRange, type StateRow } from '../storage/state.ts';
import type { NodeParts } from './node-parts.ts';

/** Rows that are looked at for one entry. */
const SWEEP = { rowsMax: 256, bytesMax: 256 * 1024 };

/** Nobody waits for a chore: if it failed, the next round finds the same again. */
const NOBODY_ASKED: Origin = { respond() {} };
const CHORE = { origin: NOBODY_ASKED, id: 0 };

export class Chores {
  readonly #core: NodeParts;
  /** A replica is swept by one cursor at a time. */
  readonly #sweeping = new Set<Replica>();
  #sweptAt = Number.NEGATIVE_INFINITY;
  #forgottenAt: number;

  constructor(core: NodeParts) {
    this.#core = core;
    this.#forgottenAt = core.now;
  }

  tick(): void {
    const { now } = this.#core;
    if (now - this.#sweptAt < NODE_LIMITS.expiryMilliseconds) return;
    this.#sweptAt = now;
    const forgets = now - this.#forgottenAt >= NODE_LIMITS.forgetMilliseconds;
    if (forgets) this.#forgottenAt = now;
    for (const replica of this.#core.replicas.all) {
      replica.tidy();
      if (!replica.isLeader || !(replica.machine instanceof DataMachine)) continue;
      if (!this.#adopt(replica, replica.machine)) continue;
      this.#expire(replica);
      if (forgets) this.#forget(replica);
    }
  }

  /** The first command of a shard says what it owns. Says whether it has done so. */
  #adopt(replica: Replica, machine: DataMachine): boolean {
    const row = this.#core.map?.shards[replica.shard];
    if (row === undefined || machine.epoch >= row.epoch) return machine.epoch > 0;
    const arc = { from: row.from, to: row.to };
    replica.stamp(CHORE, machine.epoch, { type: 'adopt', epoch: row.epoch, arc });
    return false;
  }

  #expire(replica: Replica): void {
    const time = replica.logTime;
    if (replica.dueAt > time) return;
    const range = { section: SECTION.expiries, from: undefined, to: undefined, isReverse: false };
    replica.dueAt = Number.POSITIVE_INFINITY;
    this.#sweep(replica, range, (rows) => {
      const times = rows.map(({ key }) => decodeDueKey(key)?.expiresAt ?? 0);
      const due = times.filter((at) => at <= time).length;
      // Behind the last row that was looked at there may be more.
      const next = times[due] ?? (rows.length < SWEEP.rowsMax ? Number.POSITIVE_INFINITY : time);
      // What is proposed may fail, so it is looked at again.
      replica.dueAt = Math.min(replica.dueAt, due > 0 ? time : next);
      return expireBody(rows.slice(0, due));
    });
  }

  #forget(replica: Replica): void {
    const range = { section: SECTION.sessions, from: undefined, to: undefined, isReverse: false };
    this.#sweep(replica, range, (rows) => forgetBody(rows, replica.logTime));
  }

  /** Looks at the first rows of a range and proposes what they call for. */
  #sweep(
    replica: Replica,
    range: StateRange,
    bodyOf: (rows: readonly StateRow[]) => EntryBody | undefined,
  ): void {
    const { store } = this.#core;
    if (this.#sweeping.has(replica) || !store.hasViews) return;
    this.#sweeping.add(replica);
    const view = store.view(replica.shard);
    const cursor = view.cursor(range);
    cursor.next(SWEEP, (rows) => {
      cursor.close();
      view.close();
      this.#sweeping.delete(replica);
      if (rows instanceof StateDamage || !replica.isLeader) return;
      const body = bodyOf(rows);
      const epoch = replica.machine instanceof DataMachine ? replica.machine.epoch : 0;
      if (body !== undefined) replica.stamp(CHORE, epoch, body);
    });
  }
}
