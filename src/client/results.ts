/** Commands of one write, and what the replies of the shards say to the caller. */

import { KvError } from '../base/errors.ts';
import { areEqual } from '../machine/bytes.ts';
import type { Command, Operation } from '../machine/command.ts';
import { isWrite } from '../machine/operation-codec.ts';
import type { Output } from '../machine/reply.ts';
import type { Committed, Conflict } from './atomic.ts';
import type { CheckFailed, Done, Replied } from './core/call.ts';
import type { Key } from './key.ts';
import { invalid, versionOf, type WriteOptions } from './options.ts';

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

/** The version that a check of the key would find. */
export function writtenVersion(
  { version, versions }: Done,
  command: Command,
  key: Uint8Array,
): number {
  const position = command.findIndex((one) => isWrite(one) && areEqual(one.key, key));
  if (position < 0) throw invalid('the atomic command did not write the key');
  if (command[position]?.type === 'touch') {
    throw invalid('the atomic command only touched the key: its version is the one that it had');
  }
  if (command[position]?.type === 'delete') return 0;
  return versions?.[position] ?? version;
}

export function outputOf<T extends Output['type']>({ reply }: Replied, type: T) {
  const output = reply.type === 'done' ? reply.outputs[0] : undefined;
  if (output?.type === type) return output as Extract<Output, { type: T }>;
  const message = 'the answer of the shard does not fit the command, which took effect';
  throw new KvError({ code: 'refused', outcome: 'applied', message });
}
