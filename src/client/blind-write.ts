/**
 * Writes of a transaction that compute with a value which they do not read: the shard reads it when
 * they take effect, so they conflict with no other write.
 */

import { unreachable } from '../base/assert.ts';
import { KvError } from '../base/errors.ts';
import { NO_BYTES } from '../base/message-pack.ts';
import type { AppendValue, Arithmetic } from '../machine/command.ts';
import { computed, decodeInteger, encodeInteger } from '../machine/int64.ts';
import { keyText } from './core/call-failure.ts';
import { invalid } from './options.ts';
import type { OwnWrite } from './own-writes.ts';

type BlindWrite = Arithmetic | AppendValue;

export function isBlind(write: OwnWrite): write is BlindWrite {
  return write.type !== 'set' && write.type !== 'delete';
}

/** The one write that does what both do. A key is written once in a command. */
export function combined(former: OwnWrite | undefined, next: BlindWrite): OwnWrite {
  if (former === undefined) return next;
  switch (former.type) {
    case 'set':
      return { ...former, value: valueAfter(next, former.value) };
    case 'delete': {
      const { key, lifeMilliseconds } = next;
      return { type: 'set', key, value: valueAfter(next, undefined), lifeMilliseconds };
    }
    case 'append':
      if (next.type !== 'append') throw mixed(former, next);
      return { ...former, value: joined(former.value, next.value) };
    case 'add':
    case 'min':
    case 'max': {
      if (next.type !== former.type) throw mixed(former, next);
      const operand = computed(former.type, next.operand, former.operand);
      if (operand === undefined) throw overflow(next.key);
      return { ...former, operand };
    }
    default:
      return unreachable(former);
  }
}

/** What the write makes of a value, or of none, as the shard does. */
export function valueAfter(write: BlindWrite, before: Uint8Array | undefined): Uint8Array {
  if (write.type === 'append') return joined(before ?? NO_BYTES, write.value);
  const integer = before === undefined ? undefined : decodeInteger(before);
  if (before !== undefined && integer === undefined) {
    const message = `the value of ${keyText(write.key)} is no integer`;
    throw new KvError({ code: 'not-a-number', outcome: 'notApplied', message });
  }
  const after = computed(write.type, write.operand, integer);
  if (after === undefined) throw overflow(write.key);
  return encodeInteger(after);
}

function joined(one: Uint8Array, other: Uint8Array): Uint8Array {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}

function overflow(key: Uint8Array): KvError {
  const message = `the sum at ${keyText(key)} does not fit 64 bits`;
  return new KvError({ code: 'overflow', outcome: 'notApplied', message });
}

function mixed(former: BlindWrite, next: BlindWrite): KvError {
  const key = keyText(next.key);
  const rule = 'a key takes one kind of them; read it and set it instead';
  return invalid(`the transaction has ${former.type} and then ${next.type} for ${key}: ${rule}`);
}
