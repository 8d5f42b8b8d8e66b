/**
 * What leases, locks and fences are meant to do, in maps and arrays: every question is answered by
 * a search of everything. Nothing here is shared with the machine.
 */

import type { Acquire, LeaseReference, Operation } from '../../src/machine/command.ts';
import type { LeaseEnd } from '../../src/machine/entry.ts';
import type { Output, Reason, Reply } from '../../src/machine/reply.ts';
import type { Contender } from '../../src/machine/transaction-id.ts';

const STEP = 3000;
const DAY = 86_400_000;
const HOUR = 3_600_000;
/** How long no operation opens a lease that has ended. */
export const TOMBSTONE = 600_000;

export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

export interface KeptValue {
  readonly version: number;
  readonly expiresAt: number;
  readonly value: string;
  readonly lease: string;
}

export interface KeptLease {
  readonly ttl: number;
  readonly expiresAt: number;
  readonly endedAt: number;
  readonly client: string;
}

export interface KeptTicket {
  readonly name: string;
  readonly id: number;
  readonly lease: string;
  readonly kind: Acquire['kind'];
  readonly permits: number;
  readonly number: number;
  readonly fence: number;
}

export interface ToldGrant {
  readonly name: string;
  readonly ticket: number;
  readonly fence: number;
}

interface Part {
  readonly holder: Contender;
  readonly version: number;
  readonly operations: readonly Operation[];
  readonly client: string;
}

/** What earlier commands of an entry have changed. */
export interface Changed {
  readonly keys: Set<string>;
  readonly locks: Set<string>;
  readonly leases: Set<string>;
}

interface Asker {
  readonly client: string;
  readonly index: number;
}

export class CoordinationReference {
  logTime = 0;
  leaseTime = 0;
  values = new Map<string, KeptValue>();
  leases = new Map<string, KeptLease>();
  /** Ended leases that have no key left: the last log time at which they are kept. */
  tombstones = new Map<string, number>();
  /** In the order of their numbers. */
  tickets: KeptTicket[] = [];
  fences = new Map<string, { readonly token: number; readonly at: number }>();
  parts: Part[] = [];
  #touched = new Set<string>();
  #told: ToldGrant[] = [];

  passTo(time: number): void {
    if (time <= this.logTime) return;
    this.leaseTime += Math.min(STEP, time - this.logTime);
    this.logTime = time;
  }

  isAlive(lease: string): boolean {
    return this.leases.get(lease)?.endedAt === 0;
  }

  command(operations: readonly Operation[], changed: Changed, asker: Asker): Reply {
    const locked = this.#heldIn(operations);
    if (locked !== undefined) return locked;
    const verdict = this.#judge(operations, changed, asker);
    if ('type' in verdict) return verdict;
    for (const operation of operations) this.#do(operation, asker);
    for (const { type, key, ...rest } of operations) {
      if (type === 'acquire' || type === 'release') changed.locks.add(textOf(key));
      else if (type !== 'end-lease' && type !== 'fence' && !type.startsWith('check')) {
        if (type !== 'get') changed.keys.add(textOf(key));
      }
      if (type === 'acquire') changed.leases.add(textOf((rest as Acquire).lease.id));
    }
    return { type: 'done', version: asker.index, outputs: verdict.outputs };
  }

  /** Judged now, done at the resolution; only its leases are opened now. */
  prepare(operations: readonly Operation[], holder: Contender, asker: Asker): Reply {
    const locked = this.#heldIn(operations);
    if (locked !== undefined) return locked;
    const verdict = this.#judge(operations, newChanged(), asker);
    if ('type' in verdict) return verdict;
    for (const one of operations) {
      if (one.type === 'set' && one.lease !== undefined) this.#open(one.lease, asker.client);
    }
    this.parts.push({ holder, version: asker.index, operations, client: asker.client });
    return { type: 'done', version: asker.index, outputs: verdict.outputs };
  }

  /** Sequences are unique for a client; of one client it need not be named. */
  resolve(sequence: number, isCommitted: boolean, client?: string): void {
    const part = this.parts.find(({ holder: { id } }) => {
      return id.sequence === sequence && (client ?? textOf(id.client)) === textOf(id.client);
    });
    if (part === undefined) return;
    this.parts = this.parts.filter((one) => one !== part);
    if (!isCommitted) return;
    for (const operation of part.operations) {
      const isLost =
        operation.type === 'set' &&
        operation.lease !== undefined &&
        !this.isAlive(textOf(operation.lease.id));
      if (isLost) this.values.delete(textOf(operation.key));
      else this.#do(withoutOpening(operation), { client: part.client, index: part.version });
    }
  }

  keep(ids: readonly Uint8Array[]): readonly Uint8Array[] {
    for (const id of ids) if (this.isAlive(textOf(id))) this.#renew(textOf(id));
    return ids.filter((id) => !this.isAlive(textOf(id)));
  }

  end(ends: readonly LeaseEnd[], index: number): void {
    for (const { lease: id, seenAt, isLast, keys } of ends) {
      const name = textOf(id);
      const lease = this.leases.get(name);
      if (lease?.endedAt === 0 && this.leaseTime < lease.expiresAt) continue;
      if (lease !== undefined) this.#endLease(name, index);
      const free = keys.filter((key) => this.#holderOf(textOf(key)) === undefined);
      for (const key of free) {
        if (this.values.get(textOf(key))?.lease === name) this.values.delete(textOf(key));
      }
      const endedAt = this.leases.get(name)?.endedAt ?? 0;
      const isOver = isLast && free.length === keys.length && endedAt > 0 && endedAt <= seenAt;
      if (isOver) {
        this.leases.delete(name);
        this.tombstones.set(name, this.logTime + TOMBSTONE);
      } else if (this.logTime > (this.tombstones.get(name) ?? this.logTime)) {
        this.tombstones.delete(name);
      }
    }
  }

  forget(names: readonly Uint8Array[]): void {
    for (const bytes of names) {
      const name = textOf(bytes);
      const at = this.fences.get(name)?.at ?? this.logTime;
      const isHeld = this.parts.some(({ operations }) =>
        operations.some((one) => one.type === 'fence' && textOf(one.name) === name),
      );
      if (!isHeld && this.logTime > at + 7 * DAY + HOUR) this.fences.delete(name);
    }
  }

  /** At the end of the entry: the waiting tickets in order, up to the first that has to wait. */
  finish(index: number): readonly ToldGrant[] {
    for (const name of this.#touched) {
      for (const ticket of this.ticketsOf(name)) {
        if (ticket.fence > 0) continue;
        if (!this.mayOwn(ticket)) break;
        const fence = this.#fenceFor(ticket, index);
        this.tickets = this.tickets.map((one) => (one === ticket ? { ...one, fence } : one));
        this.#told.push({ name, ticket: ticket.id, fence });
      }
    }
    this.#touched.clear();
    const told = this.#told;
    this.#told = [];
    return told;
  }

  ticketsOf(name: string): readonly KeptTicket[] {
    return this.tickets.filter((ticket) => ticket.name === name);
  }

  ownersOf(name: string): readonly KeptTicket[] {
    return this.ticketsOf(name).filter(({ fence }) => fence > 0);
  }

  /** Beside the owners that there are. */
  mayOwn({ name, kind, permits }: Pick<KeptTicket, 'name' | 'kind' | 'permits'>): boolean {
    const owners = this.ownersOf(name);
    if (kind === 'semaphore') return owners.length < permits;
    if (kind === 'exclusive') return owners.length === 0;
    return owners.length < 256 && owners.every((owner) => owner.kind === 'shared');
  }

  #fenceFor({ name, kind }: Pick<KeptTicket, 'name' | 'kind'>, index: number): number {
    const [owner] = this.ownersOf(name);
    return kind === 'shared' && owner !== undefined ? owner.fence : index;
  }

  #holderOf(key: string): Contender | undefined {
    const isOfKey = (one: Operation) => one.type !== 'fence' && textOf(one.key) === key;
    return this.parts.find(({ operations }) => operations.some(isOfKey))?.holder;
  }

  #heldIn(operations: readonly Operation[]): Reply | undefined {
    for (const [position, operation] of operations.entries()) {
      const isLone = ['acquire', 'release', 'end-lease'].includes(operation.type);
      const isSameFence = (one: Operation) =>
        one.type === 'fence' &&
        operation.type === 'fence' &&
        textOf(one.name) === textOf(operation.name);
      const ofFence = this.parts.find((part) => part.operations.some(isSameFence))?.holder;
      const ofKey = operation.type === 'fence' ? ofFence : this.#holderOf(textOf(operation.key));
      if (!isLone && ofKey !== undefined) return { type: 'locked', position, holder: ofKey };
    }
    return undefined;
  }

  #judge(
    operations: readonly Operation[],
    changed: Changed,
    { index }: Asker,
  ): Reply | { readonly outputs: Output[] } {
    for (const [position, operation] of operations.entries()) {
      if (isTaken(operation, changed)) return refused('key-twice', position);
      if (operation.type === 'check-presence') {
        const value = this.values.get(textOf(operation.key));
        if (operation.isThere === (value !== undefined)) continue;
        return { type: 'check-failed', position, version: value?.version ?? 0 };
      }
      if (operation.type !== 'fence') continue;
      const highest = this.fences.get(textOf(operation.name))?.token ?? 0;
      if (highest > operation.token) return { type: 'check-failed', position, version: highest };
    }
    const outputs: Output[] = [];
    const opening = new Set<string>();
    for (const [position, operation] of operations.entries()) {
      const answer = this.#answerTo(operation, index, opening);
      if (typeof answer === 'string') return refused(answer, position);
      if (answer !== undefined) outputs.push(answer);
    }
    return { outputs };
  }

  #answerTo(
    operation: Operation,
    index: number,
    opening: Set<string>,
  ): Output | Reason | undefined {
    const value = this.values.get(textOf(operation.key));
    switch (operation.type) {
      case 'set':
        return operation.lease && this.#objectionTo(operation.lease, opening);
      case 'delete':
        return { type: 'presence', wasThere: value !== undefined };
      case 'touch':
        return { type: 'presence', wasThere: value !== undefined && value.lease === '' };
      case 'append': {
        const length = (value?.value.length ?? 0) + operation.value.length;
        return { type: 'appended', length };
      }
      case 'end-lease':
        return { type: 'presence', wasThere: this.isAlive(textOf(operation.lease)) };
      case 'release':
        return this.stateOf(textOf(operation.key), operation.ticket);
      case 'acquire':
        return (
          this.#objectionTo(operation.lease, opening) ?? this.#answerToAcquire(operation, index)
        );
      default:
        return undefined;
    }
  }

  #answerToAcquire(acquire: Acquire, index: number): Output | Reason {
    const name = textOf(acquire.key);
    const known = this.ticketsOf(name);
    if (known.some(({ id }) => id === acquire.ticket)) return this.stateOf(name, acquire.ticket);
    const isOther = (ticket: KeptTicket) =>
      (ticket.kind === 'semaphore') !== (acquire.kind === 'semaphore') ||
      ticket.permits !== acquire.permits;
    if (known.some(isOther)) return 'lock-kind';
    const waiting = known.filter(({ fence }) => fence === 0).length;
    if (waiting === 0 && this.mayOwn({ ...acquire, name })) {
      const fence = this.#fenceFor({ ...acquire, name }, index);
      return { type: 'ticket', fence, number: index, position: 0 };
    }
    if (!acquire.isWaiting) return { type: 'ticket', fence: 0, number: 0, position: 0 };
    return { type: 'ticket', fence: 0, number: index, position: waiting + 1 };
  }

  stateOf(name: string, id: number): Output {
    const ticket = this.ticketsOf(name).find((one) => one.id === id);
    if (ticket === undefined) return { type: 'ticket', fence: 0, number: 0, position: 0 };
    const { fence, number } = ticket;
    const waiting = this.ticketsOf(name).filter((one) => one.fence === 0);
    return { type: 'ticket', fence, number, position: waiting.indexOf(ticket) + 1 };
  }

  #objectionTo({ id, opening }: LeaseReference, more: Set<string>): Reason | undefined {
    const name = textOf(id);
    if (this.isAlive(name) || more.has(name)) return undefined;
    if (this.leases.has(name) || this.tombstones.has(name)) return 'lease-ended';
    if (opening === undefined) return 'lease-ended';
    more.add(name);
    return undefined;
  }

  #do(operation: Operation, { client, index }: Asker): void {
    const key = textOf(operation.key);
    const value = this.values.get(key);
    switch (operation.type) {
      case 'set': {
        const { lease, lifeMilliseconds: life } = operation;
        if (lease !== undefined) this.#open(lease, client);
        this.values.set(key, {
          version: index,
          expiresAt: life > 0 ? this.logTime + life : 0,
          value: textOf(operation.value),
          lease: lease === undefined ? '' : textOf(lease.id),
        });
        return;
      }
      case 'delete':
        this.values.delete(key);
        return;
      case 'touch': {
        const life = operation.lifeMilliseconds;
        const expiresAt = life > 0 ? this.logTime + life : 0;
        if (value?.lease === '') this.values.set(key, { ...value, expiresAt });
        return;
      }
      case 'append': {
        const joined = (value?.value ?? '') + textOf(operation.value);
        const before = value ?? { expiresAt: 0, lease: '' };
        this.values.set(key, { ...before, version: index, value: joined });
        return;
      }
      case 'fence': {
        const name = textOf(operation.name);
        const before = this.fences.get(name);
        if (before !== undefined && before.token > operation.token) return;
        const isFresh = before?.token === operation.token && this.logTime - before.at < HOUR;
        if (!isFresh) this.fences.set(name, { token: operation.token, at: this.logTime });
        return;
      }
      case 'acquire':
        this.#acquire(operation, client, index);
        return;
      case 'release':
        this.#drop((ticket) => ticket.name === key && ticket.id === operation.ticket);
        return;
      case 'end-lease':
        this.#endLease(textOf(operation.lease), index);
        return;
      default:
        return;
    }
  }

  #acquire(acquire: Acquire, client: string, index: number): void {
    const answer = this.#answerToAcquire(acquire, index);
    if (typeof answer === 'string' || answer.type !== 'ticket' || answer.number === 0) return;
    this.#open(acquire.lease, client);
    if (answer.number !== index) return;
    const { ticket: id, kind, permits } = acquire;
    const [name, lease] = [textOf(acquire.key), textOf(acquire.lease.id)];
    this.tickets.push({ name, id, lease, kind, permits, number: index, fence: answer.fence });
  }

  #open({ id, opening }: LeaseReference, client: string): void {
    if (opening === undefined) return;
    const { ttlMilliseconds: ttl } = opening;
    const name = textOf(id);
    if (this.isAlive(name)) this.#renew(name);
    else this.leases.set(name, { ttl, expiresAt: this.leaseTime + ttl, endedAt: 0, client });
  }

  #renew(name: string): void {
    const lease = this.leases.get(name);
    if (lease === undefined) return;
    const expiresAt = Math.max(lease.expiresAt, this.leaseTime + lease.ttl);
    this.leases.set(name, { ...lease, expiresAt });
  }

  #endLease(name: string, index: number): void {
    const lease = this.leases.get(name);
    // An operation that opens it may be on its way.
    if (lease === undefined && !this.tombstones.has(name)) {
      this.tombstones.set(name, this.logTime + TOMBSTONE);
    }
    if (lease?.endedAt !== 0) return;
    this.leases.set(name, { ...lease, endedAt: index });
    this.#drop((ticket) => ticket.lease === name);
  }

  #drop(isDropped: (ticket: KeptTicket) => boolean): void {
    for (const ticket of this.tickets.filter(isDropped)) {
      this.#touched.add(ticket.name);
      if (ticket.fence > 0) continue;
      this.#told.push({ name: ticket.name, ticket: ticket.id, fence: 0 });
    }
    this.tickets = this.tickets.filter((ticket) => !isDropped(ticket));
  }
}

/** A lease is opened, and renewed, when its part is prepared. */
function withoutOpening(operation: Operation): Operation {
  if (operation.type !== 'set' || operation.lease === undefined) return operation;
  return { ...operation, lease: { id: operation.lease.id, opening: undefined } };
}

export function newChanged(): Changed {
  return { keys: new Set(), locks: new Set(), leases: new Set() };
}

function isTaken(operation: Operation, { keys, locks, leases }: Changed): boolean {
  switch (operation.type) {
    case 'acquire':
    case 'release':
      return locks.has(textOf(operation.key));
    case 'end-lease':
      return leases.has(textOf(operation.lease));
    case 'fence':
      return false;
    default:
      return keys.has(textOf(operation.key));
  }
}

function refused(reason: Reason, position: number): Reply {
  return { type: 'refused', reason, position };
}
