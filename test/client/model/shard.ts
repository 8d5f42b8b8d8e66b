/** A shard of the model: the real machine over a map, which all replicas share. */

import { areEqual, compareBytes } from '../../../src/base/bytes.ts';
import type { Operation } from '../../../src/machine/command.ts';
import { type EntryBody, encodeEntry, type TransactionStep } from '../../../src/machine/entry.ts';
import { decodeLeaseIds } from '../../../src/machine/lease.ts';
import { Machine } from '../../../src/machine/machine.ts';
import { decodeReply, type Reply, type TicketState } from '../../../src/machine/reply.ts';
import { decodeRow } from '../../../src/machine/row.ts';
import { SECTION } from '../../../src/machine/section.ts';
import type { Contender, TransactionId } from '../../../src/machine/transaction-id.ts';
import { arcStart } from '../../../src/ring/arc.ts';
import { stampOf } from '../../support/stamp.ts';

interface StoredRow {
  readonly key: Uint8Array;
  readonly row: Uint8Array;
}

/** What one entry wrote under one key; undefined for a key that was deleted. */
export interface Effect {
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
  readonly version: number;
}

export class ModelShard {
  readonly shard: number;
  readonly #sections = new Map<number, Map<string, StoredRow>>();
  readonly #machine: Machine;
  readonly #onEffect: (effect: Effect) => void;
  #index = 0;
  /** All deletes so far. */
  readonly #recentDeletes: { readonly index: number; readonly key: Uint8Array }[] = [];
  /** Log time starts at any hour and follows the leader's clock. */
  #time: number;

  constructor(options: {
    readonly shard: number;
    readonly shards: number;
    readonly bornAt: number;
    readonly onEffect: (effect: Effect) => void;
  }) {
    this.shard = options.shard;
    this.#time = options.bornAt;
    this.#onEffect = options.onEffect;
    this.#machine = new Machine({
      source: { get: (section, key) => this.#section(section).get(nameOf(key))?.row },
    });
    const { shard, shards } = options;
    const arc = { from: arcStart(shard - 1, shards), to: arcStart(shard, shards) };
    this.#apply(
      encodeEntry(stampOf({ time: this.#time, epoch: 0 }), { type: 'adopt', epoch: 1, arc }),
    );
  }

  /** The index of the entry that was applied last. */
  get index(): number {
    return this.#index;
  }

  get time(): number {
    return this.#time;
  }

  pass(milliseconds: number): void {
    this.#time += milliseconds;
  }

  write(batch: Uint8Array, epoch: number): readonly Uint8Array[] {
    return this.#apply(
      encodeEntry(stampOf({ time: Math.floor(this.#time), epoch }), { type: 'batch', batch }),
    );
  }

  /** One step of a transaction; some steps have no reply. */
  step(type: TransactionStep, bytes: Uint8Array, epoch: number): Reply | undefined {
    const stamp = stampOf({ time: Math.floor(this.#time), epoch });
    const [reply] = this.#apply(encodeEntry(stamp, { type, bytes }));
    return reply === undefined ? undefined : decodeReply(reply);
  }

  /** The first transaction that holds a key of the operation. */
  holderFor(operation: Operation): Contender | undefined {
    const { lockTable } = this.#machine.transactions;
    if (operation.type !== 'check-range') return lockTable.holderOf(operation.key);
    return lockTable.within(operation.key, operation.to)[0]?.holder;
  }

  get isFree(): boolean {
    const { lockTable, decisions } = this.#machine.transactions;
    return lockTable.size === 0 && decisions.size === 0;
  }

  isPrepared(id: TransactionId): boolean {
    return this.#machine.transactions.lockTable.of(id) !== undefined;
  }

  /** Whether checks hold now. */
  judge(checks: readonly Operation[]): Reply {
    for (const [position, check] of checks.entries()) {
      const version = this.#violation(check);
      if (version !== undefined) return { type: 'check-failed', position, version };
    }
    return { type: 'done', version: this.#index, outputs: [] };
  }

  within(from: Uint8Array, to: Uint8Array): readonly StoredRow[] {
    return this.rows()
      .filter(({ key }) => compareBytes(key, from) >= 0)
      .filter(({ key }) => to.length === 0 || compareBytes(key, to) < 0);
  }

  /** Those of the leases that are not alive. */
  keep(leases: readonly Uint8Array[]): readonly Uint8Array[] {
    const inOrder = [...leases].sort(compareBytes);
    const [reply] = this.#applyOwn({ type: 'keep-leases', leases: inOrder });
    return (reply && decodeLeaseIds(reply)) ?? [];
  }

  /** What a leader does now and then: stamps the time, ends what is due. */
  sweep(): void {
    this.#applyOwn({ type: 'expire', dueKeys: [] });
    const { leases } = this.#machine.coordination;
    const ends = leases.dueAt(this.#machine.metadata.leaseTime).map(({ id: lease }) => {
      const attached = [...this.#section(SECTION.attachments).values()];
      const keys = attached
        .filter(({ key }) => areEqual(key.subarray(0, lease.length), lease))
        .map(({ key }) => key.slice(lease.length))
        .sort(compareBytes);
      return { lease, seenAt: this.#index, isLast: true, keys };
    });
    ends.sort((one, other) => compareBytes(one.lease, other.lease));
    if (ends.length > 0) this.#applyOwn({ type: 'end-leases', ends });
  }

  isAlive(lease: Uint8Array): boolean {
    return this.#machine.coordination.leases.isAlive(lease);
  }

  /** The leases that it has not forgotten, and the tickets. */
  get left(): { readonly leases: number; readonly tickets: number } {
    const { leases, tickets } = this.#machine.coordination;
    return { leases: leases.size, tickets: tickets.size };
  }

  stateOf(name: Uint8Array, ticket: number): TicketState {
    return this.#machine.coordination.tickets.stateOf(name, ticket);
  }

  /** Called after each entry in which a waiting ticket was granted or has gone. */
  onGrants: () => void = () => {};

  forget(clients: readonly Uint8Array[]): void {
    const stamp = stampOf({ time: Math.floor(this.#time), epoch: 1 });
    this.#apply(encodeEntry(stamp, { type: 'forget', clients }));
  }

  row(key: Uint8Array): Uint8Array | undefined {
    return this.#section(SECTION.values).get(nameOf(key))?.row;
  }

  /** All rows in the order of keys. */
  rows(): readonly StoredRow[] {
    const rows = [...this.#section(SECTION.values).values()];
    return rows.sort((one, other) => compareBytes(one.key, other.key));
  }

  /** Why a check does not hold. */
  #violation(check: Operation): number | undefined {
    const bytes = this.row(check.key);
    const row = bytes === undefined ? undefined : decodeRow(bytes);
    const version = row?.version ?? 0;
    switch (check.type) {
      case 'check-version':
        return check.version === version ? undefined : version;
      case 'check-presence':
        return check.isThere === (row !== undefined) ? undefined : version;
      case 'check-value':
        return row !== undefined && areEqual(row.value, check.value) ? undefined : version;
      case 'check-range': {
        const { key: from, to, count, seenAt } = check;
        const versions = this.within(from, to).map(({ row }) => decodeRow(row)?.version ?? 0);
        const isSame = versions.length === count && versions.every((one) => one <= seenAt);
        const removed = this.#recentDeletes.some(
          ({ key, index }) => index > seenAt && isIn(key, from, to),
        );
        return isSame && !removed ? undefined : Math.max(0, ...versions);
      }
      default:
        throw new Error('only checks are validated');
    }
  }

  #applyOwn(body: EntryBody): readonly Uint8Array[] {
    return this.#apply(encodeEntry(stampOf({ time: Math.floor(this.#time), epoch: 1 }), body));
  }

  #apply(payload: Uint8Array): readonly Uint8Array[] {
    this.#index += 1;
    const outcome = this.#machine.apply({ index: this.#index, payload });
    if (outcome.type === 'unknown') throw new Error('the model cannot read an entry of its own');
    for (const { section, key, value } of outcome.writes) {
      const kept = { key: key.slice(), row: value?.slice() ?? new Uint8Array(0) };
      if (value === undefined) this.#section(section).delete(nameOf(key));
      else this.#section(section).set(nameOf(key), kept);
      if (section !== SECTION.values) continue;
      if (value === undefined) this.#recentDeletes.push({ index: this.#index, key: kept.key });
      const row = value === undefined ? undefined : decodeRow(kept.row);
      const version = row?.version ?? this.#index;
      this.#onEffect({ key: kept.key, value: row?.value, version });
    }
    if (outcome.grants.length > 0) this.onGrants();
    return outcome.replies;
  }

  #section(section: number): Map<string, StoredRow> {
    let rows = this.#sections.get(section);
    if (rows === undefined) {
      rows = new Map();
      this.#sections.set(section, rows);
    }
    return rows;
  }
}

function nameOf(key: Uint8Array): string {
  return Buffer.from(key).toString('latin1');
}

function isIn(key: Uint8Array, from: Uint8Array, to: Uint8Array): boolean {
  return compareBytes(key, from) >= 0 && (to.length === 0 || compareBytes(key, to) < 0);
}
