/** Admission: which calls are refused before anything is sent: by their size, in an outage. */

import { MACHINE_LIMITS, WIRE_LIMITS } from '../../base/limits.ts';
import { bytesMaxOfCommand } from '../../machine/batch.ts';
import type { Command } from '../../machine/command.ts';
import type { Call } from './call.ts';
import { type CallFailure, notApplied } from './call-failure.ts';
import type { Outage } from './outage.ts';
import type { NodeLimits } from './port.ts';
import type { ShardSplit } from './shard-split.ts';

/** The header of a batch of one command. */
const ENTRY_BYTES = 128;
/** The header of one part of a transaction, and its mention in entries of the others. */
const PORTION_BYTES = 96;

export class Admission {
  #limits: NodeLimits = MACHINE_LIMITS;
  readonly #outage: Outage;

  constructor({ outage }: { readonly outage: Outage }) {
    this.#outage = outage;
  }

  /** The limits of a node. */
  take(limits: NodeLimits): void {
    this.#limits = limits;
  }

  refusalOf(call: Call): CallFailure | undefined {
    const unreachable = this.#outage.refusal();
    if (unreachable !== undefined) return unreachable;
    if (call.type === 'write' || call.type === 'commit') {
      return this.#refusalOfCommand(call.command);
    }
    if (call.type === 'validate') return this.#refusalOfCommand(call.checks);
    const keys = call.type === 'read' ? call.keys : [];
    for (const key of keys) {
      const refusal = this.#refusalOfKey(key);
      if (refusal !== undefined) return refusal;
    }
    return undefined;
  }

  /** By an upper bound for the entries of all its shards. */
  refusalOfTransaction({ bytesMax, count, portions }: ShardSplit): CallFailure | undefined {
    const bytes = bytesMax + ENTRY_BYTES + portions.length * PORTION_BYTES;
    return refusalOfSize(bytes, count, 'transaction');
  }

  #refusalOfCommand(command: Command): CallFailure | undefined {
    const { valueBytesMax } = this.#limits;
    for (const operation of command) {
      const refusal = this.#refusalOfKey(operation.key);
      if (refusal !== undefined) return refusal;
      const bytes = 'value' in operation ? operation.value.length : 0;
      if (bytes <= valueBytesMax) continue;
      const message = `value is ${bytes} bytes; the limit is ${valueBytesMax} (valueBytesMax)`;
      return notApplied('value-too-large', message);
    }
    const bytes = bytesMaxOfCommand(command) + ENTRY_BYTES;
    return refusalOfSize(bytes, command.length, 'command');
  }

  #refusalOfKey({ length }: Uint8Array): CallFailure | undefined {
    const { keyBytesMax } = this.#limits;
    if (length === 0)
      return notApplied('empty-key', 'the key is empty; a key needs a byte or more');
    if (length <= keyBytesMax) return undefined;
    const message = `key is ${length} bytes; the limit is ${keyBytesMax} (keyBytesMax)`;
    return notApplied('key-too-large', message);
  }
}

function refusalOfSize(bytes: number, operations: number, what: string): CallFailure | undefined {
  const { payloadBytesMax } = WIRE_LIMITS;
  const { operationsMax } = MACHINE_LIMITS;
  if (bytes > payloadBytesMax) {
    const message = `${what} is ${bytes} bytes; the limit is ${payloadBytesMax} (payloadBytesMax)`;
    return notApplied('command-too-large', message);
  }
  if (operations <= operationsMax) return undefined;
  const limit = `the limit is ${operationsMax} (operationsMax)`;
  const message = `${what} has ${operations} operations; ${limit}`;
  return notApplied('command-too-large', message);
}
