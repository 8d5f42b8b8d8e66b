/** Batches: `[client, deadline, sequence, [command …]]`, with one encoding. */

import { assert } from '../base/assert.ts';
import { COORDINATION_LIMITS } from '../base/coordination-limits.ts';
import { MACHINE_LIMITS } from '../base/limits.ts';
import { Reader, Writer } from '../base/message-pack.ts';
import { keyPosition } from '../ring/key-position.ts';
import type { Command, CommandBatch, Operation } from './command.ts';
import {
  hasEffect,
  isLone,
  OPERATION_BYTES_MIN,
  readOperation,
  writeOperation,
} from './operation-codec.ts';

export const CLIENT_BYTES = 16;

/** The header of a command that is not asked for any more. */
const COMMAND_BYTES_MIN = 1;

/** One buffer serves all batches: encoding is synchronous and the result is a copy. */
const writer = new Writer();

/** Required: within `MACHINE_LIMITS`, which decoding asserts. */
export function encodeBatch(batch: CommandBatch): Uint8Array {
  writer.clear();
  let bytesMax = BATCH_OVERHEAD_BYTES;
  for (const command of batch.commands) bytesMax += bytesMaxOfCommand(command);
  writer.expect(bytesMax);
  writer.array(4);
  writer.bytes(batch.client);
  writer.count(batch.deadline);
  writer.count(batch.sequence);
  writer.array(batch.commands.length);
  for (const command of batch.commands) {
    writer.array(command.length);
    for (const operation of command) writeOperation(writer, operation);
  }
  return writer.take();
}

/** The largest size of a command in a batch: how a client knows when a batch is full. */
export function bytesMaxOfCommand(command: Command): number {
  let bytes = COMMAND_OVERHEAD_BYTES;
  for (const operation of command) {
    bytes += OPERATION_OVERHEAD_BYTES + operation.key.length;
    if ('value' in operation) bytes += operation.value.length;
    if ('lease' in operation) bytes += LEASE_BYTES_MAX;
    if (operation.type === 'acquire') bytes += operation.note.length + TICKET_OVERHEAD_BYTES;
    if (operation.type === 'fence') bytes += operation.name.length;
  }
  return bytes;
}

const COMMAND_OVERHEAD_BYTES = 5;
/** Three headers, an id and two numbers. */
const BATCH_OVERHEAD_BYTES = 48;
/** A header, a type, two headers of bytes and a number. */
const OPERATION_OVERHEAD_BYTES = 24;
/** A header, an id, a time to live and a note, each with its header. */
const LEASE_BYTES_MAX = 48 + COORDINATION_LIMITS.noteBytesMax;
const TICKET_OVERHEAD_BYTES = 16;

/** Undefined if the bytes are not exactly what `encodeBatch` makes. All bytes in it are views. */
export function decodeBatch(bytes: Uint8Array): CommandBatch | undefined {
  const reader = new Reader(bytes);
  reader.tuple(4);
  const client = reader.bytes(CLIENT_BYTES);
  const deadline = reader.count();
  const sequence = reader.count();
  const commands = readCommands(reader);
  if (client.length !== CLIENT_BYTES) return undefined;
  if (!commands.some((command) => command.length > 0)) return undefined;
  if (reader.isBroken || reader.left > 0) return undefined;
  return { client, deadline, sequence, commands };
}

function readCommands(reader: Reader): readonly Command[] {
  const count = reader.array(MACHINE_LIMITS.commandsMax, COMMAND_BYTES_MIN);
  const commands: Command[] = [];
  let left: number = MACHINE_LIMITS.operationsMax;
  for (let at = 0; at < count && !reader.isBroken; at++) {
    const command = readCommand(reader, left);
    left -= command.length;
    commands.push(command);
  }
  return commands;
}

/**
 * A command that writes nothing is a read, and is malformed here; so is a check that only leaders
 * can evaluate, and an operation on a lock or a lease that is not alone.
 */
function readCommand(reader: Reader, operationsMax: number): Command {
  const count = reader.array(operationsMax, OPERATION_BYTES_MIN);
  const command: Operation[] = [];
  let writes = false;
  for (let at = 0; at < count && !reader.isBroken; at++) {
    const operation = readOperation(reader);
    if (operation === undefined || operation.type === 'check-range') {
      reader.break();
      break;
    }
    if (isLone(operation) && count > 1) reader.break();
    writes ||= hasEffect(operation);
    command.push(operation);
  }
  if (!writes && count > 0) reader.break();
  return command;
}

export interface Arc {
  /** Positions in [from, to) of the ring. */
  readonly from: number;
  readonly to: number;
}

interface BatchTerms {
  readonly arc: Arc;
  /** The largest value that this node accepts. */
  readonly valueBytesMax: number;
}

/** Why a batch is not proposed: none of it has taken effect. */
export type BatchFault = 'malformed' | 'value-too-large' | 'key-elsewhere';

/** Validates a batch before the leader proposes it. Applying decodes with the same code. */
export function faultOfBatch(bytes: Uint8Array, terms: BatchTerms): BatchFault | undefined {
  assert(
    terms.valueBytesMax <= MACHINE_LIMITS.valueBytesMax,
    'a value that is accepted can be applied',
  );
  const batch = decodeBatch(bytes);
  if (batch === undefined) return 'malformed';
  for (const command of batch.commands) {
    const fault = faultOfCommand(command, terms);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** The same for a part of a transaction. A range may span the arcs of all shards. */
export function faultOfCommand(command: Command, terms: BatchTerms): BatchFault | undefined {
  for (const operation of command) {
    if (operation.type === 'check-range') continue;
    const isLarge = 'value' in operation && operation.value.length > terms.valueBytesMax;
    if (isLarge) return 'value-too-large';
    const position = keyPosition(operation.key);
    if (position < terms.arc.from || position >= terms.arc.to) return 'key-elsewhere';
  }
  return undefined;
}
