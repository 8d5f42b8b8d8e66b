/** The one encoding of operations: `[type, key, …]`. */

import { unreachable } from '../base/assert.ts';
import { COORDINATION_LIMITS } from '../base/coordination-limits.ts';
import { MACHINE_LIMITS } from '../base/limits.ts';
import type { Reader, Writer } from '../base/message-pack.ts';
import { type LeaseReference, LOCK_KINDS, type Operation } from './command.ts';
import { readInt64, writeInt64 } from './int64.ts';

/** Types of operations. A number is never given a second meaning. */
const TYPE = {
  'check-version': 1,
  'check-value': 2,
  'check-presence': 3,
  get: 4,
  set: 5,
  delete: 6,
  add: 7,
  min: 8,
  max: 9,
  append: 10,
  'check-range': 11,
  touch: 12,
  acquire: 13,
  release: 14,
  'end-lease': 15,
  fence: 16,
} as const;

const NAMES = Object.keys(TYPE) as (keyof typeof TYPE)[];

/** A header, a type, a key of one byte. */
export const OPERATION_BYTES_MIN = 5;

const LENGTH_MAX = 8;
const LENGTH_OF_ATTACHED = 5;

export function writeOperation(writer: Writer, operation: Operation): void {
  const isAttached = operation.type === 'set' && operation.lease !== undefined;
  writer.array(lengthOf(operation.type) + (isAttached ? 1 : 0));
  writer.count(TYPE[operation.type]);
  writer.bytes(operation.key);
  switch (operation.type) {
    case 'check-version':
      writer.count(operation.version);
      break;
    case 'check-presence':
      writer.truth(operation.isThere);
      break;
    case 'set':
      writer.bytes(operation.value);
      writer.count(operation.lifeMilliseconds);
      if (operation.lease !== undefined) writeLease(writer, operation.lease);
      break;
    case 'append':
      writer.bytes(operation.value);
      writer.count(operation.lifeMilliseconds);
      break;
    case 'touch':
      writer.count(operation.lifeMilliseconds);
      break;
    case 'add':
    case 'min':
    case 'max':
      writeInt64(writer, operation.operand);
      writer.count(operation.lifeMilliseconds);
      break;
    case 'check-value':
      writer.bytes(operation.value);
      break;
    case 'check-range':
      writer.bytes(operation.to);
      writer.count(operation.count);
      writer.count(operation.seenAt);
      break;
    case 'get':
    case 'delete':
      break;
    case 'acquire':
      writeLease(writer, operation.lease);
      writer.count(operation.ticket);
      writer.count(LOCK_KINDS.indexOf(operation.kind));
      writer.count(operation.permits);
      writer.truth(operation.isWaiting);
      writer.bytes(operation.note);
      break;
    case 'release':
      writer.count(operation.ticket);
      break;
    case 'end-lease':
      writer.bytes(operation.lease);
      break;
    case 'fence':
      writer.bytes(operation.name);
      writer.count(operation.token);
      break;
    default:
      unreachable(operation);
  }
}

/** Undefined for an unknown operation. Keys and values are views. */
export function readOperation(reader: Reader): Operation | undefined {
  const length = reader.array(LENGTH_MAX, 1);
  const type = NAMES[reader.count() - 1];
  if (type === undefined) return undefined;
  const isAttached = type === 'set' && length === LENGTH_OF_ATTACHED;
  if (!isAttached && length !== lengthOf(type)) return undefined;
  // A range may begin right behind the longest key.
  const key = reader.bytes(MACHINE_LIMITS.keyBytesMax + (type === 'check-range' ? 1 : 0));
  if (key.length === 0) return undefined;
  switch (type) {
    case 'set': {
      const value = reader.bytes(MACHINE_LIMITS.valueBytesMax);
      const lifeMilliseconds = readLife(reader);
      if (!isAttached) return { type, key, value, lifeMilliseconds };
      // A row has a time to live or a lease.
      if (lifeMilliseconds > 0) return undefined;
      return { type, key, value, lifeMilliseconds, lease: readLease(reader) };
    }
    case 'append': {
      const value = reader.bytes(MACHINE_LIMITS.valueBytesMax);
      return { type, key, value, lifeMilliseconds: readLife(reader) };
    }
    case 'touch':
      return { type, key, lifeMilliseconds: readLife(reader) };
    case 'check-version':
      return { type, key, version: reader.count() };
    case 'check-presence':
      return { type, key, isThere: reader.truth() };
    case 'add':
    case 'min':
    case 'max':
      return { type, key, operand: readInt64(reader), lifeMilliseconds: readLife(reader) };
    case 'check-value':
      return { type, key, value: reader.bytes(MACHINE_LIMITS.valueBytesMax) };
    case 'get':
    case 'delete':
      return { type, key };
    case 'check-range': {
      const to = reader.bytes(MACHINE_LIMITS.keyBytesMax + 1);
      const count = reader.count();
      return { type, key, to, count, seenAt: reader.count() };
    }
    case 'acquire':
      return readAcquire(reader, key);
    case 'release':
      if (key.length > COORDINATION_LIMITS.lockNameBytesMax) return undefined;
      return { type, key, ticket: readTicket(reader) };
    case 'end-lease':
      return { type, key, lease: readLeaseId(reader) };
    case 'fence': {
      const name = reader.bytes(COORDINATION_LIMITS.lockNameBytesMax);
      const token = reader.count();
      return name.length === 0 || token === 0 ? undefined : { type, key, name, token };
    }
    default:
      return unreachable(type);
  }
}

function readAcquire(reader: Reader, key: Uint8Array): Operation | undefined {
  if (key.length > COORDINATION_LIMITS.lockNameBytesMax) return undefined;
  const lease = readLease(reader);
  const ticket = readTicket(reader);
  const kind = LOCK_KINDS[reader.count()];
  const permits = reader.count();
  const isWaiting = reader.truth();
  const note = reader.bytes(COORDINATION_LIMITS.noteBytesMax);
  const permitsMax = kind === 'semaphore' ? COORDINATION_LIMITS.permitsMax : 1;
  if (kind === undefined || permits === 0 || permits > permitsMax) return undefined;
  return { type: 'acquire', key, lease, ticket, kind, permits, isWaiting, note };
}

function readTicket(reader: Reader): number {
  const ticket = reader.count();
  if (ticket > COORDINATION_LIMITS.ticketIdMax) reader.break();
  return ticket;
}

/** `[id]`, or `[id, ttl, note]` if it opens the lease. */
function writeLease(writer: Writer, { id, opening }: LeaseReference): void {
  writer.array(opening === undefined ? 1 : 3);
  writer.bytes(id);
  if (opening === undefined) return;
  writer.count(opening.ttlMilliseconds);
  writer.bytes(opening.note);
}

function readLease(reader: Reader): LeaseReference {
  const length = reader.array(3, 1);
  const id = readLeaseId(reader);
  if (length === 1) return { id, opening: undefined };
  if (length !== 3) reader.break();
  const ttlMilliseconds = reader.count();
  const { leaseTtlMillisecondsMin: min, leaseTtlMillisecondsMax: max } = COORDINATION_LIMITS;
  if (ttlMilliseconds < min || ttlMilliseconds > max) reader.break();
  const note = reader.bytes(COORDINATION_LIMITS.noteBytesMax);
  return { id, opening: { ttlMilliseconds, note } };
}

function readLeaseId(reader: Reader): Uint8Array {
  const id = reader.bytes(COORDINATION_LIMITS.leaseIdBytes);
  if (id.length !== COORDINATION_LIMITS.leaseIdBytes) reader.break();
  return id;
}

/** A time to live, which leaves the time of expiry within the numbers. */
function readLife(reader: Reader): number {
  const lifeMilliseconds = reader.count();
  if (lifeMilliseconds > MACHINE_LIMITS.timeMax) reader.break();
  return lifeMilliseconds;
}

function lengthOf(type: Operation['type']): number {
  switch (type) {
    case 'get':
    case 'delete':
      return 2;
    case 'set':
    case 'add':
    case 'min':
    case 'max':
    case 'append':
      return 4;
    case 'check-range':
      return 5;
    case 'fence':
      return 4;
    case 'acquire':
      return 8;
    default:
      return 3;
  }
}

/** Whether an operation may change its key. */
export function isWrite({ type }: Operation): boolean {
  return TYPE[type] >= TYPE.set && TYPE[type] <= TYPE.touch && type !== 'check-range';
}

/** Whether an operation is about a lock or a lease: it is a command of its own. */
export function isLone({ type }: Operation): boolean {
  return type === 'acquire' || type === 'release' || type === 'end-lease';
}

/** Whether an operation reads or writes the value of its key, and not a range, lock or lease. */
export function isOfKey(operation: Operation): boolean {
  return operation.type !== 'check-range' && operation.type !== 'fence' && !isLone(operation);
}

/** Whether an operation may change anything in the shard. */
export function hasEffect(operation: Operation): boolean {
  return isWrite(operation) || operation.type === 'fence' || isLone(operation);
}
