/** The one encoding of operations: `[type, key, …]`. */

import { unreachable } from '../base/assert.ts';
import { MACHINE_LIMITS } from '../base/limits.ts';
import type { Reader, Writer } from '../base/message-pack.ts';
import type { Operation } from './command.ts';
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
} as const;

const NAMES = Object.keys(TYPE) as (keyof typeof TYPE)[];

/** A header, a type, a key of one byte. */
export const OPERATION_BYTES_MIN = 5;

const LENGTH_MAX = 5;

export function writeOperation(writer: Writer, operation: Operation): void {
  writer.array(lengthOf(operation.type));
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
    default:
      unreachable(operation);
  }
}

/** Undefined for an unknown operation. Keys and values are views. */
export function readOperation(reader: Reader): Operation | undefined {
  const length = reader.array(LENGTH_MAX, 1);
  const type = NAMES[reader.count() - 1];
  if (type === undefined || length !== lengthOf(type)) return undefined;
  // A range may begin right behind the longest key.
  const key = reader.bytes(MACHINE_LIMITS.keyBytesMax + (type === 'check-range' ? 1 : 0));
  if (key.length === 0) return undefined;
  switch (type) {
    case 'set':
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
    default:
      return unreachable(type);
  }
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
    default:
      return 3;
  }
}

/** Whether an operation may change its key. */
export function isWrite({ type }: Operation): boolean {
  return TYPE[type] >= TYPE.set && type !== 'check-range';
}
