/** Admission: what is refused before anything is sent, with the actual size and the allowed one. */

import type { KvErrorCode } from '../../base/errors.ts';
import { MACHINE_LIMITS, WIRE_LIMITS } from '../../base/limits.ts';
import { bytesMaxOfCommand } from '../../machine/batch.ts';
import type { Command } from '../../machine/command.ts';
import type { Call } from './call.ts';
import type { CallFailure } from './call-failure.ts';
import type { NodeLimits } from './port.ts';
import type { ShardSplit } from './shard-split.ts';

/** A batch of one command and what stands around it. */
const ENTRY_BYTES = 128;
/** What stands around one part of a transaction, and its name in entries of the others. */
const PORTION_BYTES = 96;

export class Admission {
  #limits: NodeLimits = {
    keyBytesMax: MACHINE_LIMITS.keyBytesMax,
    valueBytesMax: MACHINE_LIMITS.valueBytesMax,
  };

  /** What a node says that it takes in. */
  take(limits: NodeLimits): void {
    this.#limits = limits;
  }

  refusalOf(call: Call): CallFailure | undefined {
    if (call.type === 'write' || call.type === 'commit') {
      return this.#refusalOfCommand(call.command);
    }
    if (call.type === 'validate') return this.#refusalOfCommand(call.checks);
    if (call.type !== 'read') return undefined;
    for (const key of call.keys) {
      if (this.#isBadKey(key)) return this.#badKey(key);
    }
    return undefined;
  }

  /** What an entry of any of its shards takes at most: it holds what the shard has to do. */
  refusalOfTransaction({ bytesMax, count, portions }: ShardSplit): CallFailure | undefined {
    const bytes = bytesMax + ENTRY_BYTES + portions.length * PORTION_BYTES;
    return refusalOfSize(bytes, count, 'transaction');
  }

  #refusalOfCommand(command: Command): CallFailure | undefined {
    for (const operation of command) {
      const { key } = operation;
      if (this.#isBadKey(key)) return this.#badKey(key);
      const bytes = 'value' in operation ? operation.value.length : 0;
      const { valueBytesMax } = this.#limits;
      if (bytes > valueBytesMax) {
        return refused(
          'value-too-large',
          `the value has ${bytes} bytes, valueBytesMax is`,
          valueBytesMax,
        );
      }
    }
    const bytes = bytesMaxOfCommand(command) + ENTRY_BYTES;
    return refusalOfSize(bytes, command.length, 'command');
  }

  #isBadKey({ length }: Uint8Array): boolean {
    return length < 1 || length > this.#limits.keyBytesMax;
  }

  #badKey({ length }: Uint8Array): CallFailure {
    return refused(
      'key-too-large',
      `the key has ${length} bytes, keyBytesMax is`,
      this.#limits.keyBytesMax,
    );
  }
}

function refusalOfSize(bytes: number, operations: number, what: string): CallFailure | undefined {
  const { payloadBytesMax } = WIRE_LIMITS;
  if (bytes > payloadBytesMax) {
    const words = `the ${what} has ${bytes} bytes, payloadBytesMax is`;
    return refused('command-too-large', words, payloadBytesMax);
  }
  const { operationsMax } = MACHINE_LIMITS;
  if (operations <= operationsMax) return undefined;
  const words = `the ${what} has ${operations} operations, operationsMax is`;
  return refused('command-too-large', words, operationsMax);
}

function refused(code: KvErrorCode, words: string, allowed: number): CallFailure {
  const message = `${words} ${allowed}`;
  return { type: 'failed', code, outcome: 'notApplied', message, attempts: [] };
}
