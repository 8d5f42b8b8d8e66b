/**
 * Leases, locks and fences over long random histories: the machine against the reference, and the
 * invariants of both. The machine is made anew of its rows again and again.
 */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../src/base/random.ts';
import { decodeFence } from '../../src/machine/fences.ts';
import { decodeLeaseIds } from '../../src/machine/lease.ts';
import { Machine } from '../../src/machine/machine.ts';
import { decodeReply, type Reply } from '../../src/machine/reply.ts';
import { decodeRow } from '../../src/machine/row.ts';
import { SECTION } from '../../src/machine/section.ts';
import { byEffort } from '../support/effort.ts';
import { CoordinationInvariants } from './coordination-invariants.ts';
import {
  CoordinationReference,
  newChanged,
  type ToldGrant,
  textOf,
} from './coordination-reference.ts';
import { type Coordinated, CoordinationTraffic } from './coordination-traffic.ts';
import { EPOCH, Rows, START } from './machine-rig.ts';

const SEEDS = byEffort({ full: 8, brief: 2 });
const ENTRIES = 13_000;

class Both {
  readonly rows = new Rows();
  machine = new Machine({ source: this.rows });
  readonly reference = new CoordinationReference();
  readonly invariants = new CoordinationInvariants(this.reference);
  readonly seen = new Map<string, number>();
  /** By client, sequence and position. */
  readonly #remembered = new Map<string, Reply>();
  #index = 0;

  apply(entry: Coordinated): void {
    this.#index += 1;
    const outcome = this.machine.apply({ index: this.#index, payload: entry.payload });
    ok(outcome.type === 'applied');
    this.rows.apply(outcome.writes);
    const before = this.reference.leaseTime;
    this.reference.passTo(entry.time);
    ok(this.reference.leaseTime - before <= 3000, 'L2: of no gap more than a moment counts');
    const expected = this.#expected(entry);
    if (entry.body.type === 'keep-leases') {
      deepEqual(outcome.replies.map(decodeLeaseIds), expected);
    } else {
      deepEqual(outcome.replies.map(decodeReply), expected);
    }
    const told = this.reference.finish(this.#index);
    const grants = outcome.grants.map(({ name, ...rest }) => ({ name: textOf(name), ...rest }));
    deepEqual(grants.map(said).sort(), told.map(said).sort(), 'the same grants are told');
    for (const { fence } of told) this.#count(fence > 0 ? 'granted' : 'gone');
    this.invariants.check(entry, this.#index);
  }

  /** As after a snapshot: what memory held is made of rows again. */
  rebuild(): void {
    this.machine = new Machine({ source: this.rows });
  }

  #expected(entry: Coordinated): readonly unknown[] {
    const { body, batch, prepare, resolved } = entry;
    const index = this.#index;
    if (batch !== undefined) return this.#expectedOfBatch(batch);
    if (prepare !== undefined) {
      const { id, attempts, age, operations } = prepare;
      const asker = { client: textOf(id.client), index };
      const reply = this.reference.prepare(operations, { id, attempts, age }, asker);
      this.#count(`prepare ${kindOf(reply)}`);
      return [reply];
    }
    if (resolved !== undefined) {
      this.#noteResolved(resolved);
      this.reference.resolve(resolved.sequence, resolved.isCommitted);
    }
    if (body.type === 'keep-leases') return [this.reference.keep(body.leases)];
    if (body.type === 'end-leases') {
      const { size } = this.reference.tombstones;
      this.reference.end(body.ends, index);
      if (this.reference.tombstones.size < size) this.#count('tombstone forgotten');
    }
    if (body.type === 'forget-fences') {
      const { size } = this.reference.fences;
      this.reference.forget(body.names);
      if (this.reference.fences.size < size) this.#count('forgotten');
    }
    return [];
  }

  #noteResolved({ sequence, isCommitted }: NonNullable<Coordinated['resolved']>): void {
    const part = this.reference.parts.find(({ holder }) => holder.id.sequence === sequence);
    if (part === undefined || !isCommitted) return;
    this.#count('resolved');
    for (const one of part.operations) {
      if (one.type === 'fence') this.#count('fence held by a part');
      if (one.type !== 'set' || one.lease === undefined) continue;
      if (!this.reference.isAlive(textOf(one.lease.id))) this.#count('lease ended before');
    }
    this.invariants.guarded(part.operations);
  }

  #expectedOfBatch({ client, sequence, deadline, commands }: NonNullable<Coordinated['batch']>) {
    const isLate = deadline < this.reference.logTime;
    const changed = newChanged();
    return commands.map((command, position): Reply => {
      if (isLate) return { type: 'refused', reason: 'deadline-passed', position: 0 };
      const name = `${textOf(client)} ${sequence} ${position}`;
      const former = this.#remembered.get(name);
      if (former !== undefined) {
        this.#count('again');
        return former;
      }
      const asker = { client: textOf(client), index: this.#index };
      const reply = this.reference.command(command, changed, asker);
      this.#count(`${command[0]?.type} ${kindOf(reply)}`);
      if (reply.type === 'done') this.invariants.guarded(command);
      if (reply.type !== 'locked') this.#remembered.set(name, reply);
      return reply;
    });
  }

  #count(what: string): void {
    this.seen.set(what, (this.seen.get(what) ?? 0) + 1);
  }

  look(): void {
    const { logTime, leaseTime, values, leases, tombstones } = this.reference;
    const { tickets, fences, parts } = this.reference;
    const { metadata, coordination, transactions } = this.machine;
    deepEqual([metadata.logTime, metadata.leaseTime], [logTime, leaseTime]);
    const stored = this.rows.in(SECTION.values).map(({ key, value }) => {
      const row = decodeRow(value);
      ok(row);
      const { version, expiresAt, lease } = row;
      const text = { value: textOf(row.value), lease: lease === undefined ? '' : textOf(lease) };
      return [textOf(key), { version, expiresAt, ...text }] as const;
    });
    deepEqual(new Map(stored), values);
    const kept = [...coordination.leases.all()].map((lease) => {
      const { id, ttlMilliseconds: ttl, expiresAt, endedAt, client } = lease;
      return [textOf(id), { ttl, expiresAt, endedAt, client: textOf(client) }] as const;
    });
    deepEqual(new Map(kept), leases);
    equal(coordination.leases.size, this.rows.in(SECTION.leases).filter(isRow).length);
    const over = [...coordination.tombstones.all()].map(({ id, until }) => [textOf(id), until]);
    deepEqual(new Map(over as [string, number][]), tombstones);
    equal(tombstones.size, this.rows.in(SECTION.tombstones).filter(isRow).length);
    const standing = [...coordination.tickets.all()].map((ticket) => {
      const { name, lease, id, kind, permits, number, fence } = ticket;
      const texts = { name: textOf(name), lease: textOf(lease) };
      return { ...texts, id, kind, permits, number, fence };
    });
    deepEqual(standing.map(said).sort(), tickets.map(said).sort());
    equal(coordination.tickets.size, tickets.length);
    const tokens = this.rows.in(SECTION.fences).filter(isRow);
    deepEqual(
      new Map(tokens.map(({ key, value }) => [textOf(key), decodeFence(value)])),
      fences as ReadonlyMap<string, unknown>,
    );
    equal(coordination.fences.size, fences.size);
    equal(transactions.lockTable.size, parts.length);
    this.#lookAtAttachments();
  }

  /** Each attached key can be found, and its lease has a row. */
  #lookAtAttachments(): void {
    const found = new Set(this.rows.in(SECTION.attachments).map(({ key }) => textOf(key)));
    for (const [key, { lease }] of this.reference.values) {
      if (lease === '') continue;
      ok(found.has(lease + key), `${key} is found when its lease ends`);
      ok(this.reference.leases.has(lease), `the lease of ${key} has a row`);
    }
  }
}

/** At the empty key stands a number. */
function isRow({ key }: { readonly key: Uint8Array }): boolean {
  return key.length > 0;
}

function kindOf(reply: Reply): string {
  return reply.type === 'refused' ? reply.reason : reply.type;
}

function said(told: ToldGrant | object): string {
  return JSON.stringify(Object.entries(told).sort());
}

for (let seed = 1; seed <= SEEDS; seed++) {
  test(`seed ${seed}: ${ENTRIES} entries about leases, locks and fences`, () => {
    const both = new Both();
    const start = { epoch: EPOCH, time: START, index: 0 };
    const traffic = new CoordinationTraffic(new Random(seed), both.reference, start);
    const moments = new Random(seed + 1000);
    both.apply(traffic.first());
    for (let entry = 0; entry < ENTRIES; entry++) {
      both.apply(traffic.next());
      if (moments.chance(0.03)) both.rebuild();
      if (moments.chance(0.05)) both.look();
    }
    both.look();
    const wanted = ['granted', 'gone', 'again', 'resolved', 'fence held by a part'];
    wanted.push('lease ended before', 'acquire done', 'acquire lease-ended', 'acquire lock-kind');
    wanted.push('acquire key-twice', 'end-lease key-twice', 'fence check-failed', 'fence locked');
    wanted.push(
      'forgotten',
      'tombstone forgotten',
      'set lease-ended',
      'prepare done',
      'prepare lease-ended',
      'prepare check-failed',
    );
    for (const kind of wanted) {
      ok((both.seen.get(kind) ?? 0) > 2, `${kind}: ${both.seen.get(kind)}`);
    }
  });
}
