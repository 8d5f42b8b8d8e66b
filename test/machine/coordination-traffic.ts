/** Random entries about leases, locks and fences: late, repeated, and in the middle of others. */

import { compareBytes } from '../../src/base/bytes.ts';
import type { Random } from '../../src/base/random.ts';
import { encodeBatch } from '../../src/machine/batch.ts';
import {
  type Command,
  type CommandBatch,
  type LeaseReference,
  LOCK_KINDS,
  type Operation,
} from '../../src/machine/command.ts';
import { type EntryBody, encodeEntry, type LeaseEnd } from '../../src/machine/entry.ts';
import type { Prepare } from '../../src/machine/transaction.ts';
import { encodePrepare, encodeResolutions } from '../../src/machine/transaction-codec.ts';
import { stampOf } from '../support/stamp.ts';
import { type CoordinationReference, textOf } from './coordination-reference.ts';
import { bytesOf, clientOf, WHOLE } from './machine-rig.ts';

const CLIENTS = 3;
const LEASES = 10;
const NAMES = ['lock', 'other', 'pool', 'door'];
const KEYS = 9;
const TICKETS = 14;
const POOL = 12;
const PARTS_MAX = 3;
const DAY = 86_400_000;
const PATIENCE = 60_000;
/** Where the transactions of these entries have their home: in another shard. */
const HOME = 1;

export interface Coordinated {
  readonly time: number;
  readonly body: EntryBody;
  readonly payload: Uint8Array;
  readonly batch: CommandBatch | undefined;
  readonly prepare: Prepare | undefined;
  /** The sequence of the transaction that is resolved. */
  readonly resolved: { readonly sequence: number; readonly isCommitted: boolean } | undefined;
}

type Told = Partial<Pick<Coordinated, 'batch' | 'prepare' | 'resolved'>>;

/** Its choices depend on what the reference knows, so that leases end and grants happen. */
export class CoordinationTraffic {
  readonly #random: Random;
  readonly #reference: CoordinationReference;
  readonly #epoch: number;
  readonly #sent: CommandBatch[] = [];
  /** Ends that leaders found some entries ago. */
  readonly #found: LeaseEnd[][] = [];
  #clock: number;
  #sequence = 0;
  #index: number;
  /** Keys that were attached to each lease at some time: an index that may be stale. */
  readonly #attached = new Map<string, Set<string>>();
  /** Of each place the number of leases before the present one. */
  readonly #former: number[] = Array.from({ length: LEASES }, () => 0);

  constructor(random: Random, reference: CoordinationReference, start: CoordinationStart) {
    this.#random = random;
    this.#reference = reference;
    this.#epoch = start.epoch;
    this.#clock = start.time;
    this.#index = start.index;
  }

  first(): Coordinated {
    return this.#entry({ type: 'adopt', epoch: this.#epoch, arc: WHOLE });
  }

  next(): Coordinated {
    const random = this.#random;
    this.#clock += random.chance(0.02) ? random.between(3000, 70_000) : random.between(0, 400);
    if (random.chance(0.001)) this.#clock += 8 * DAY;
    const draw = random.below(100);
    if (draw < 12) return this.#keep();
    if (draw < 26) return this.#end();
    if (draw < 32 && this.#reference.parts.length < PARTS_MAX) return this.#prepare();
    if (draw < 40 && this.#reference.parts.length > 0) return this.#resolve();
    if (draw < 42) return this.#entry({ type: 'forget-fences', names: this.#names() });
    if (draw < 47 && this.#sent.length > 0) return this.#batch(random.pick(this.#sent));
    return this.#batch(this.#newBatch());
  }

  #entry(body: EntryBody, told: Told = {}): Coordinated {
    this.#index += 1;
    // A leader that was elected late may stamp with an earlier time.
    const time = this.#clock - (this.#random.chance(0.1) ? this.#random.below(300) : 0);
    const payload = encodeEntry(stampOf({ time, epoch: this.#epoch }), body);
    const { batch, prepare, resolved } = told;
    return { time, body, payload, batch, prepare, resolved };
  }

  #batch(batch: CommandBatch): Coordinated {
    for (const command of batch.commands) this.#noteAttached(command);
    return this.#entry({ type: 'batch', batch: encodeBatch(batch) }, { batch });
  }

  #newBatch(): CommandBatch {
    const random = this.#random;
    const commands = Array.from({ length: random.between(1, 3) }, () => this.#command());
    this.#sequence += 1;
    const batch = {
      client: clientOf(random.between(1, CLIENTS)),
      deadline: this.#clock + PATIENCE,
      sequence: this.#sequence,
      commands,
    };
    this.#sent.push(batch);
    if (this.#sent.length > POOL) this.#sent.shift();
    return batch;
  }

  #command(): Command {
    const random = this.#random;
    const draw = random.below(100);
    if (draw < 38) return [this.#acquire()];
    if (draw < 51) return [this.#release()];
    if (draw < 58) return [{ type: 'end-lease', key: bytesOf('any'), lease: this.#leaseId() }];
    return this.#dataCommand();
  }

  #dataCommand(): Command {
    const random = this.#random;
    const keys = Array.from({ length: KEYS }, (_, at) => `key ${at}`);
    const command: Operation[] = [];
    for (let count = random.between(1, 3); count > 0; count--) {
      const [key] = keys.splice(random.below(keys.length), 1);
      command.push(this.#write(bytesOf(key as string)));
    }
    if (random.chance(0.4)) command.unshift(this.#fence());
    if (random.chance(0.05)) command.unshift(this.#fence());
    if (random.chance(0.1)) {
      const key = bytesOf(keys[0] as string);
      command.unshift({ type: 'check-presence', key, isThere: random.chance(0.5) });
    }
    return command;
  }

  #write(key: Uint8Array): Operation {
    const random = this.#random;
    const value = bytesOf(`v${this.#index}`);
    const draw = random.below(10);
    const lifeMilliseconds = random.chance(0.2) ? random.between(1, 50_000) : 0;
    if (draw < 5) {
      return { type: 'set', key, value, lifeMilliseconds: 0, lease: this.#lease() };
    }
    if (draw < 7) return { type: 'set', key, value, lifeMilliseconds };
    if (draw === 7) return { type: 'delete', key };
    if (draw === 8) return { type: 'touch', key, lifeMilliseconds };
    return { type: 'append', key, value: Uint8Array.of(65), lifeMilliseconds: 0 };
  }

  #fence(): Operation {
    const random = this.#random;
    const name = random.pick(NAMES);
    const highest = this.#reference.fences.get(name)?.token ?? 1;
    const owner = this.#reference.ownersOf(name)[0]?.fence ?? highest;
    const token = Math.max(1, random.pick([owner, owner, highest, highest - 1, this.#index]));
    return { type: 'fence', key: bytesOf('any'), name: bytesOf(name), token };
  }

  #acquire(): Operation {
    const random = this.#random;
    const name = random.pick(NAMES);
    const isPool = name === 'pool' ? random.chance(0.95) : random.chance(0.02);
    const kind = isPool ? 'semaphore' : random.pick(LOCK_KINDS.slice(0, 2));
    const permits = isPool ? (random.chance(0.95) ? 2 : 3) : 1;
    return {
      type: 'acquire',
      key: bytesOf(name),
      lease: this.#lease(),
      ticket: random.between(1, TICKETS),
      kind,
      permits,
      isWaiting: random.chance(0.8),
      note: bytesOf('note'),
    };
  }

  #release(): Operation {
    const random = this.#random;
    const known = this.#reference.tickets;
    if (known.length === 0 || random.chance(0.2)) {
      const ticket = random.between(1, TICKETS);
      return { type: 'release', key: bytesOf(random.pick(NAMES)), ticket };
    }
    const { name, id } = random.pick(known);
    return { type: 'release', key: bytesOf(name), ticket: id };
  }

  #lease(): LeaseReference {
    const random = this.#random;
    const ttlMilliseconds = random.between(1000, 9000);
    const isOpening = random.chance(0.7);
    const opening = isOpening ? { ttlMilliseconds, note: bytesOf('lease') } : undefined;
    return { id: this.#leaseId(), opening };
  }

  /** Often of one that has ended. */
  #leaseId(): Uint8Array {
    const random = this.#random;
    const place = random.below(LEASES);
    const present = this.#leaseIn(place);
    const name = textOf(present);
    const { leases, tombstones } = this.#reference;
    const isOver = tombstones.has(name) || (leases.get(name)?.endedAt ?? 0) > 0;
    if (!isOver || random.chance(0.6)) return random.chance(0.97) ? present : this.#old(place);
    this.#former[place] = (this.#former[place] ?? 0) + 1;
    return this.#leaseIn(place);
  }

  #leaseIn(place: number): Uint8Array {
    return leaseId(place, this.#former[place] ?? 0);
  }

  /** Any one before the present one. */
  #old(place: number): Uint8Array {
    return leaseId(place, this.#random.below(this.#former[place] ?? 0));
  }

  #names(): readonly Uint8Array[] {
    const names = NAMES.filter(() => this.#random.chance(0.6)).map((name) => bytesOf(name));
    return names.sort(compareBytes);
  }

  #keep(): Coordinated {
    const leases: Uint8Array[] = [];
    for (let at = 0; at < LEASES; at++) {
      if (this.#random.chance(0.35)) leases.push(this.#leaseIn(at));
    }
    return this.#entry({ type: 'keep-leases', leases });
  }

  /** What a leader found just now, or found some entries ago. */
  #end(): Coordinated {
    const random = this.#random;
    const found = this.#sweep();
    if (random.chance(0.3)) this.#found.push(found);
    const isLate = this.#found.length > 2 && random.chance(0.5);
    const ends = isLate ? (this.#found.shift() as LeaseEnd[]) : found;
    return this.#entry({ type: 'end-leases', ends });
  }

  #sweep(): LeaseEnd[] {
    const random = this.#random;
    const ends: LeaseEnd[] = [];
    for (let at = 0; at < LEASES; at++) {
      const hasOld = (this.#former[at] ?? 0) > 0 && random.chance(0.3);
      if (hasOld) ends.push(this.#endOf(this.#old(at)));
      const lease = this.#leaseIn(at);
      const known = this.#reference.leases.get(textOf(lease));
      const isDue = known !== undefined && known.expiresAt <= this.#reference.leaseTime + 400;
      if (!(isDue || known?.endedAt !== 0 ? random.chance(0.6) : random.chance(0.1))) continue;
      ends.push(this.#endOf(lease));
    }
    return ends;
  }

  #endOf(lease: Uint8Array): LeaseEnd {
    const random = this.#random;
    const attached = [...(this.#attached.get(textOf(lease)) ?? [])].sort();
    const isLast = random.chance(0.6);
    const keys = isLast ? attached : attached.slice(0, random.below(attached.length + 1));
    return { lease, seenAt: this.#index, isLast, keys: keys.map((key) => bytesOf(key)) };
  }

  #prepare(): Coordinated {
    this.#sequence += 1;
    const random = this.#random;
    const client = clientOf(random.between(1, CLIENTS));
    const id = { home: HOME, client, sequence: this.#sequence };
    const deadline = this.#clock + PATIENCE;
    const participants = [HOME, HOME + 1].map((position) => ({ position, deadline }));
    const operations = this.#dataCommand();
    this.#noteAttached(operations);
    const prepare = { id, attempts: 0, age: 5, participants, at: 1, operations };
    return this.#entry({ type: 'prepare', bytes: encodePrepare(prepare) }, { prepare });
  }

  #resolve(): Coordinated {
    const { holder } = this.#random.pick(this.#reference.parts);
    const isCommitted = this.#random.chance(0.7);
    const bytes = encodeResolutions([{ id: holder.id, isCommitted, deadline: this.#clock }]);
    const resolved = { sequence: holder.id.sequence, isCommitted };
    return this.#entry({ type: 'resolve', bytes }, { resolved });
  }

  /** More than the index has: an end may name keys that were never attached. */
  #noteAttached(command: Command): void {
    for (const one of command) {
      if (one.type !== 'set' || one.lease === undefined) continue;
      const name = textOf(one.lease.id);
      const keys = this.#attached.get(name) ?? new Set();
      this.#attached.set(name, keys.add(textOf(one.key)));
    }
  }
}

/** Leases of a place are in the order of their numbers. */
function leaseId(place: number, number: number): Uint8Array {
  const id = clientOf(100 + place);
  id.set([number >>> 8, number], id.length - 2);
  return id;
}

export interface CoordinationStart {
  readonly epoch: number;
  readonly time: number;
  /** Of the last entry before. */
  readonly index: number;
}
