/** Commands of one write, and what the replies of the shards say to the caller. */

import { areEqual } from '../base/bytes.ts';
import { KvError } from '../base/errors.ts';
import type { Command, Operation } from '../machine/command.ts';
import { bigintFrom } from '../machine/int64.ts';
import { isWrite } from '../machine/operation-codec.ts';
import type { Output } from '../machine/reply.ts';
import type { Committed, CommittedTogether, Conflict } from './atomic.ts';
import type { CheckFailed, Done, Replied } from './core/call.ts';
import { hasOutput } from './core/shard-split.ts';
import { type Encoded, type Encoding, encodingIn } from './encoding.ts';
import type { Key } from './key.ts';
import { invalid, versionOf } from './options.ts';
import type { TransactionDetails } from './transaction.ts';
import type { WriteOptions } from './write-options.ts';

/** The write is the last operation. */
export function guarded(write: Operation, options: WriteOptions): Command {
  const { ifVersion } = options;
  if (ifVersion === undefined && 'ifVersion' in options) {
    throw invalid('ifVersion is undefined; leave it out, or pass 0 for a key that does not exist');
  }
  if (ifVersion === undefined) return [write];
  const { key } = write;
  return [{ type: 'check-version', key, version: versionOf(ifVersion) }, write];
}

export function committedOf({ reply }: Replied, keys: readonly Key[]): Committed | Conflict {
  return reply.type === 'done' ? { ok: true, version: reply.version } : conflictOf(reply, keys);
}

export function conflictOf({ position, version }: CheckFailed, keys: readonly Key[]): Conflict {
  return { ok: false, key: keys[position] ?? (keys[0] as Key), version };
}

export function committedTogether(
  done: Done,
  command: Command,
  encoding: Encoding<unknown>,
): CommittedTogether {
  const outputFor = <T extends OutputType>(key: Key, type: T) =>
    writtenOutput({ done, command, key: encoding.keyOf(key), type });
  return {
    ok: true,
    versionOf: (key) => writtenVersion(done, command, encoding.keyOf(key)),
    resultOf: (key) => bigintFrom(outputFor(key, 'integer').value),
    lengthOf: (key) => outputFor(key, 'appended').length,
    in: (space) => committedTogether(done, command, otherOf(space, encoding)),
  };
}

interface DetailedParts<T> {
  readonly value: T;
  readonly attempts: number;
  /** Of a transaction that wrote something. */
  readonly done: Done | undefined;
  readonly command: Command;
  readonly encoding: Encoding<unknown>;
}

export function detailsOf<T>(parts: DetailedParts<T>): TransactionDetails<T> {
  const { value, attempts, done = NOTHING_DONE, command, encoding } = parts;
  const { resultOf, lengthOf } = committedTogether(done, command, encoding);
  const versionOf = (given: Key): number => {
    const key = encoding.keyOf(given);
    const isOfKey = (one: Operation) => areEqual(one.key, key);
    const read = command.find((one) => one.type === 'check-version' && isOfKey(one));
    const isWritten = command.some((one) => isWrite(one) && isOfKey(one));
    if (!isWritten && read?.type === 'check-version') return read.version;
    return writtenVersion(done, command, key);
  };
  const within = (space: Encoded<unknown>) => {
    return detailsOf({ ...parts, encoding: otherOf(space, encoding) });
  };
  return { value, attempts, versionOf, resultOf, lengthOf, in: within };
}

const NOTHING_DONE: Done = { type: 'done', version: 0, outputs: [] };

function otherOf(space: Encoded<unknown>, { home }: Encoding<unknown>): Encoding<unknown> {
  const other = encodingIn(space, home);
  if (other === undefined) throw invalid('the space belongs to another client');
  return other;
}

/** The version that a check of the key would find. */
function writtenVersion({ version, versions }: Done, command: Command, key: Uint8Array): number {
  const position = command.findIndex((one) => isWrite(one) && areEqual(one.key, key));
  if (position < 0) throw invalid('the command did not write the key');
  if (command[position]?.type === 'touch') {
    throw invalid('the command only touched the key: its version is the one that it had');
  }
  if (command[position]?.type === 'delete') return 0;
  return versions?.[position] ?? version;
}

interface WrittenOutput<T extends OutputType> {
  readonly done: Done;
  readonly command: Command;
  readonly key: Uint8Array;
  readonly type: T;
}

type OutputType = 'integer' | 'appended';

/** Outputs are in the order of the operations that have one. */
function writtenOutput<T extends OutputType>({ done, command, key, type }: WrittenOutput<T>) {
  const { operations, what } = PRODUCERS[type];
  const isMeant = (one: Operation) => operations.includes(one.type) && areEqual(one.key, key);
  const position = command.findIndex(isMeant);
  if (position < 0) throw invalid(`the command has no ${what} for the key`);
  const output = done.outputs[command.slice(0, position).filter(hasOutput).length];
  return checkedOutput(output, type);
}

const PRODUCERS: Readonly<
  Record<OutputType, { readonly operations: readonly Operation['type'][]; readonly what: string }>
> = {
  integer: { operations: ['add', 'min', 'max'], what: 'add, min or max' },
  appended: { operations: ['append'], what: 'append' },
};

export function outputOf<T extends Output['type']>({ reply }: Replied, type: T) {
  return checkedOutput(reply.type === 'done' ? reply.outputs[0] : undefined, type);
}

function checkedOutput<T extends Output['type']>(output: Output | undefined, type: T) {
  if (output?.type === type) return output as Extract<Output, { type: T }>;
  const message = 'the answer of the shard does not fit the command, which took effect';
  throw new KvError({ code: 'refused', outcome: 'applied', message });
}
