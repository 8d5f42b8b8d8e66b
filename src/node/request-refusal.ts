/** Why a leader refuses to propose a request: it has not taken effect. */

import { type Arc, type BatchFault, faultOfCommand } from '../machine/batch.ts';
import type { Command } from '../machine/command.ts';
import { makesRoom } from '../shard/full-disk.ts';
import type { Failure } from '../wire/response.ts';

interface Terms {
  readonly arc: Arc;
  readonly valueBytesMax: number;
  /** The disk is nearly full: only requests that free space are accepted. */
  readonly isReadOnly: boolean;
}

export function refusalOf(command: Command, { isReadOnly, ...terms }: Terms): Failure | undefined {
  const fault = faultOfCommand(command, terms);
  if (fault !== undefined) return FAILURE_OF[fault];
  return isReadOnly && !makesRoom(command) ? 'read-only' : undefined;
}

export const FAILURE_OF: Readonly<Record<BatchFault, Failure>> = {
  malformed: 'malformed',
  'value-too-large': 'too-large',
  'key-elsewhere': 'not-here',
};
