/** Why a leader refuses what it is asked to propose: nothing of it has happened. */

import { type Arc, type BatchFault, faultOfCommand } from '../machine/batch.ts';
import type { Command } from '../machine/command.ts';
import type { Failure } from '../wire/response.ts';

interface Terms {
  readonly arc: Arc;
  readonly valueBytesMax: number;
  /** The disk is nearly full: only what makes room is taken. */
  readonly isReadOnly: boolean;
}

export function refusalOf(command: Command, { isReadOnly, ...terms }: Terms): Failure | undefined {
  const fault = faultOfCommand(command, terms);
  if (fault !== undefined) return FAILURE_OF[fault];
  return isReadOnly && !makesRoom(command) ? 'read-only' : undefined;
}

/** On a disk that is nearly full, what only deletes is still taken. */
export function makesRoom(command: Command): boolean {
  return command.every(({ type }) => type === 'delete' || type.startsWith('check'));
}

export const FAILURE_OF: Readonly<Record<BatchFault, Failure>> = {
  malformed: 'malformed',
  'value-too-large': 'too-large',
  'key-elsewhere': 'not-here',
};
