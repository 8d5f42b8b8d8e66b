/**
 * What users are promised of leases, locks and fences, checked after each entry. The state is that
 * of the reference, which the machine was found to agree with.
 */

import { ok } from 'node:assert/strict';
import type { Operation } from '../../src/machine/command.ts';
import {
  type CoordinationReference,
  type KeptTicket,
  TOMBSTONE,
  textOf,
} from './coordination-reference.ts';
import type { Coordinated } from './coordination-traffic.ts';

interface OwnerSet {
  readonly fence: number;
  readonly ids: ReadonlySet<number>;
}

export class CoordinationInvariants {
  readonly #reference: CoordinationReference;
  /** By name: the greatest token that an owner has had, and the owners after the last entry. */
  readonly #tokens = new Map<string, number>();
  readonly #owners = new Map<string, OwnerSet>();
  /** By name: the token of the last guarded write, in the order in which they were executed. */
  readonly #guards = new Map<string, number>();
  /** By lease: the lease clock when it was last opened or kept. */
  readonly #proven = new Map<string, number>();
  /** By lease: the log time when it was first seen to have ended. */
  readonly #endedAt = new Map<string, number>();
  #before = new Map<string, { readonly endedAt: number; readonly expiresAt: number }>();

  constructor(reference: CoordinationReference) {
    this.#reference = reference;
  }

  /** K7: these operations were executed together. */
  guarded(operations: readonly Operation[]): void {
    const tokens = new Map<string, number>();
    for (const one of operations) {
      if (one.type !== 'fence') continue;
      const name = textOf(one.name);
      tokens.set(name, Math.max(tokens.get(name) ?? 0, one.token));
    }
    for (const [name, token] of tokens) {
      ok(token >= (this.#guards.get(name) ?? 0), 'K7: tokens of guarded writes never fall');
      this.#guards.set(name, token);
    }
  }

  check({ body }: Pick<Coordinated, 'body'>, index: number): void {
    const reference = this.#reference;
    for (const name of [...this.#guards.keys()]) {
      if (!reference.fences.has(name)) this.#guards.delete(name);
    }
    const names = new Set(reference.tickets.map(({ name }) => name));
    for (const name of new Set([...names, ...this.#owners.keys()])) this.#checkLock(name, index);
    for (const { lease } of reference.tickets) {
      ok(reference.isAlive(lease), 'K5: no ticket outlives its lease');
    }
    this.#checkLeases(body.type === 'end-leases');
  }

  #checkLock(name: string, index: number): void {
    const tickets = this.#reference.ticketsOf(name);
    const owners = tickets.filter(({ fence }) => fence > 0);
    const waiting = tickets.filter(({ fence }) => fence === 0);
    ok(areCompatible(owners), 'K1: owners are compatible');
    const last = Math.max(0, ...owners.map(({ number }) => number));
    ok(
      waiting.every(({ number }) => number > last),
      'K2: no ticket is granted before an earlier one',
    );
    const [first] = waiting;
    ok(first === undefined || !areCompatible([...owners, first]), 'K3: no grant is missing');
    const before = this.#owners.get(name);
    for (const { id, fence, kind } of owners) {
      if (before?.ids.has(id) && fence <= (this.#tokens.get(name) ?? 0)) continue;
      const isJoining = kind === 'shared' && before?.fence === fence && before.ids.size > 0;
      const isNew = fence === index && fence > (this.#tokens.get(name) ?? 0);
      ok(isJoining || isNew, 'K4: tokens grow from owners to owners');
    }
    const tokens = owners.map(({ fence }) => fence);
    this.#tokens.set(name, Math.max(this.#tokens.get(name) ?? 0, ...tokens));
    const ids = new Set(owners.map(({ id }) => id));
    if (ids.size === 0) this.#owners.delete(name);
    else this.#owners.set(name, { fence: Math.max(...tokens), ids });
  }

  /** L1: an entry that finds a lease due ends it no earlier than its time to live. */
  #checkLeases(isSweep: boolean): void {
    const { leases, leaseTime, logTime } = this.#reference;
    for (const [name, { endedAt, expiresAt, ttl }] of leases) {
      const over = logTime - (this.#endedAt.get(name) ?? Number.NEGATIVE_INFINITY);
      ok(endedAt > 0 || over > TOMBSTONE, 'K6: no operation opens a lease that has ended');
      const before = this.#before.get(name);
      const isNew = before === undefined;
      ok(isNew || expiresAt >= before.expiresAt, 'a time of expiry only grows');
      ok(isNew || before.endedAt === 0 || before.endedAt === endedAt, 'no lease is revived');
      if (isNew || expiresAt > before.expiresAt) this.#proven.set(name, leaseTime);
      if (!isSweep || endedAt === 0 || before?.endedAt !== 0) continue;
      const since = leaseTime - (this.#proven.get(name) ?? 0);
      ok(since >= ttl, `L1: it ended ${since} ms after it was kept alive, of ${ttl}`);
    }
    for (const name of this.#before.keys()) {
      const isOver = !this.#reference.isAlive(name);
      if (isOver && !this.#endedAt.has(name)) this.#endedAt.set(name, logTime);
      if (!isOver) this.#endedAt.delete(name);
    }
    this.#before = new Map(leases);
  }
}

function areCompatible(owners: readonly KeptTicket[]): boolean {
  const [first] = owners;
  if (owners.length < 2 || first === undefined) return true;
  if (first.kind === 'semaphore') return owners.length <= first.permits;
  return owners.every(({ kind }) => kind === 'shared');
}
