/**
 * Background work of leaders: shards adopt their arcs, due keys expire, the log time of an idle
 * shard advances, sessions of vanished clients and old fencing tokens are removed, applied damage
 * is cut away. Leases are ended by `lease-sweep`.
 */

import { keyBehind } from '../base/bytes.ts';
import { NODE_LIMITS } from '../base/node-limits.ts';
import { decodeDueKey } from '../machine/due-key.ts';
import type { EntryBody } from '../machine/entry.ts';
import { expireBody, forgetBody, forgetFencesBody } from '../machine/garbage.ts';
import { SECTION } from '../machine/section.ts';
import { DataMachine } from '../shard/data-machine.ts';
import type { Replica } from '../shard/replica.ts';
import { NO_RESPONDER } from '../shard/responder.ts';
import { StateDamage, type StateRow } from '../storage/state/state.ts';
import { keepNoneInReserve } from './log-budget.ts';
import type { NodeState } from './node-state.ts';

/** Rows that are scanned for one entry. */
const SWEEP = { rowsMax: 256, bytesMax: 256 * 1024 };

/** If it failed, the next round finds the same work again. */
const CHORE = { responder: NO_RESPONDER, id: 0 };

export class Maintenance {
  readonly #node: NodeState;
  readonly #expiring = new Set<Replica>();
  readonly #forgetting = new Set<Replica>();
  /** Where expiry continues behind keys that transactions lock. */
  readonly #expired = new WeakMap<Replica, Uint8Array>();
  /** Those whose log has a stamp that is not applied yet. */
  readonly #stamping = new Set<Replica>();
  /** The term in which a leader last stamped the time. */
  readonly #stampedIn = new WeakMap<Replica, number>();
  /** The replicas whose sessions are being scanned, and where the scan continues. */
  readonly #forgotten = new WeakMap<Replica, Uint8Array>();
  /** The same for fencing tokens. */
  readonly #fencing = new Set<Replica>();
  readonly #fenced = new WeakMap<Replica, Uint8Array>();
  #sweptAt = Number.NEGATIVE_INFINITY;
  #forgottenAt: number;
  #fencedAt: number;
  #damagesTold = 0;

  constructor(node: NodeState) {
    this.#node = node;
    this.#forgottenAt = node.now;
    this.#fencedAt = node.now;
  }

  tick(): void {
    const { now } = this.#node;
    if (now - this.#sweptAt < NODE_LIMITS.expiryMilliseconds) return;
    this.#sweptAt = now;
    const forgets = now - this.#forgottenAt >= NODE_LIMITS.forgetMilliseconds;
    if (forgets) this.#forgottenAt = now;
    const forgetsFences = now - this.#fencedAt >= NODE_LIMITS.fenceSweepMilliseconds;
    if (forgetsFences) this.#fencedAt = now;
    this.#reportDamage();
    if (this.#node.isReadOnly) keepNoneInReserve(this.#node.replicas.all);
    for (const replica of this.#node.replicas.all) {
      replica.tidy();
      if (!replica.isLeader || !(replica.machine instanceof DataMachine)) continue;
      if (!this.#adopt(replica, replica.machine)) continue;
      this.#expire(replica, replica.machine);
      this.#stampTime(replica, replica.machine);
      if (forgets && !this.#forgotten.has(replica)) this.#forgotten.set(replica, FIRST_KEY);
      this.#forget(replica);
      if (forgetsFences && !this.#fenced.has(replica)) this.#fenced.set(replica, FIRST_KEY);
      this.#forgetFences(replica);
    }
  }

  /** Found when the log was opened, or since. */
  #reportDamage(): void {
    const { damage } = this.#node.log;
    for (const place of damage.slice(this.#damagesTold)) {
      this.#node.mention({ type: 'log-damaged', ...place });
    }
    this.#damagesTold = damage.length;
  }

  /** The map has changed: what raised an epoch is to take effect soon. */
  adoptAll(): void {
    for (const replica of this.#node.replicas.all) {
      const { isLeader, machine } = replica;
      if (!isLeader || !(machine instanceof DataMachine)) continue;
      if (machine.epoch > 0) this.#adopt(replica, machine);
    }
  }

  /** The first command of a shard states its arc. Returns whether it was proposed already. */
  #adopt(replica: Replica, machine: DataMachine): boolean {
    const row = this.#node.map?.shards[replica.shard];
    if (row === undefined || machine.epoch >= row.epoch) return machine.epoch > 0;
    const arc = { from: row.from, to: row.to };
    replica.stamp(CHORE, machine.epoch, { type: 'adopt', epoch: row.epoch, arc });
    return false;
  }

  /** A locked key stays until it is released, and must not hide due keys behind it. */
  #expire(replica: Replica, { lockTable }: DataMachine): void {
    const time = replica.logTime;
    if (replica.dueAt > time) return;
    // A put during the disk read lowers it again.
    replica.dueAt = Number.POSITIVE_INFINITY;
    const from = this.#expired.get(replica);
    this.#sweep(replica, {
      section: SECTION.expiries,
      from,
      sweeping: this.#expiring,
      onRows: (rows) => {
        const expiries = rows.map((row) => ({ row, ...(decodeDueKey(row.key) ?? UNREADABLE) }));
        const due = expiries.filter(({ expiresAt }) => expiresAt <= time);
        const free = due.filter(({ key }) => lockTable.holderOf(key) === undefined);
        const last = free.length < due.length && due.length === rows.length && rows.at(-1);
        if (last) this.#expired.set(replica, keyBehind(last.key));
        else this.#expired.delete(replica);
        // A proposal may fail, and a locked key is released later: both are scanned again.
        const isLeft = due.length > 0 || from !== undefined;
        const next = isLeft ? time : (expiries[0]?.expiresAt ?? Number.POSITIVE_INFINITY);
        replica.dueAt = Math.min(replica.dueAt, next);
        return expireBody(free.map(({ row }) => row));
      },
      onMissed: () => {
        replica.dueAt = Math.min(replica.dueAt, time);
      },
    });
  }

  /**
   * While keys or leases wait to expire, the log of an idle shard records the log time: a restarted
   * replica continues from the last entry, and does not know what passed since. A new leader stamps
   * at once what its own clock has counted. The lease clock counts only what is stamped, so leases
   * end on a full disk, too.
   */
  #stampTime(replica: Replica, machine: DataMachine): void {
    const areKeysWaiting = replica.dueAt > 0 && replica.dueAt < Number.POSITIVE_INFINITY;
    const mayWait = areKeysWaiting && !this.#node.isReadOnly;
    const isWaiting = mayWait || machine.coordination.leases.size > 0;
    if (!isWaiting || !replica.isCurrent || this.#stamping.has(replica)) return;
    const isFirst = this.#stampedIn.get(replica) !== replica.term;
    const { expiryMilliseconds, timeStampMilliseconds } = NODE_LIMITS;
    const patience = isFirst ? expiryMilliseconds : timeStampMilliseconds;
    if (replica.logTime - machine.time < patience) return;
    this.#stampedIn.set(replica, replica.term);
    this.#propose(replica, this.#stamping, { type: 'expire', dueKeys: [] });
  }

  /**
   * One entry of a kind at a time: while the disk stands still, further ones would tell the lease
   * clock that the shard was served all the time.
   */
  #propose(replica: Replica, busy: Set<Replica>, body: EntryBody): void {
    const { machine } = replica;
    if (!(machine instanceof DataMachine)) return;
    busy.add(replica);
    const responder = { respond: () => void busy.delete(replica) };
    replica.stamp({ responder, id: 0 }, machine.epoch, body);
  }

  /** A few sessions at a time, tick after tick, until all of the shard were scanned. */
  #forget(replica: Replica): void {
    const from = this.#forgotten.get(replica);
    if (from === undefined) return;
    this.#sweep(replica, {
      section: SECTION.sessions,
      from,
      sweeping: this.#forgetting,
      onRows: (rows) => {
        const { body, looked } = forgetBody(rows, replica.logTime);
        const last = rows[looked - 1];
        if (last === undefined) this.#forgotten.delete(replica);
        else this.#forgotten.set(replica, keyBehind(last.key));
        return body;
      },
      onMissed: () => {},
    });
  }

  /** As sessions are: the tokens of names without a guarded write for a week. */
  #forgetFences(replica: Replica): void {
    const from = this.#fenced.get(replica);
    if (from === undefined) return;
    this.#sweep(replica, {
      section: SECTION.fences,
      from,
      sweeping: this.#fencing,
      onRows: (rows) => {
        const last = rows.at(-1);
        if (last === undefined) this.#fenced.delete(replica);
        else this.#fenced.set(replica, keyBehind(last.key));
        return forgetFencesBody(rows, replica.logTime);
      },
      onMissed: () => {},
    });
  }

  /** Scans the first rows from a key on and proposes what they require. */
  #sweep(replica: Replica, { section, from, sweeping, onRows, onMissed }: Sweep): void {
    const { store } = this.#node;
    if (sweeping.has(replica) || !store.hasViews) return onMissed();
    sweeping.add(replica);
    const view = store.view(replica.shard);
    const cursor = view.cursor({ section, from, to: undefined, isReverse: false });
    cursor.next(SWEEP, (rows) => {
      cursor.close();
      view.close();
      sweeping.delete(replica);
      if (rows instanceof StateDamage) replica.damaged(rows);
      if (rows instanceof StateDamage || !replica.isLeader) return onMissed();
      const body = onRows(rows);
      if (body !== undefined) this.#propose(replica, sweeping, body);
    });
  }
}

interface Sweep {
  readonly section: number;
  readonly from: Uint8Array | undefined;
  /** One cursor, or one entry, at a time. */
  readonly sweeping: Set<Replica>;
  readonly onRows: (rows: readonly StateRow[]) => EntryBody | undefined;
  /** The scan did not take place. */
  readonly onMissed: () => void;
}

const FIRST_KEY = new Uint8Array();

/** The apply reports the damage. */
const UNREADABLE = { expiresAt: 0, key: FIRST_KEY };
