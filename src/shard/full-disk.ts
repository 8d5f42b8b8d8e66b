/** What a node with a full or nearly full disk still accepts: reads, and what frees space. */

import type { Command, Operation } from '../machine/command.ts';
import type { Message } from '../raft/message.ts';

/**
 * On a nearly full disk, commands that only delete are still accepted, guarded ones too, and those
 * that give back what is owned. A guard alone is a row more.
 */
export function makesRoom(command: Command): boolean {
  const has = (wanted: Operation['type']) => command.some(({ type }) => type === wanted);
  if (has('fence') && !has('delete')) return false;
  return command.every(({ type }) => MAKING_ROOM.has(type));
}

const MAKING_ROOM: ReadonlySet<Operation['type']> = new Set([
  'delete',
  'release',
  'end-lease',
  'fence',
  'check-version',
  'check-value',
  'check-presence',
  'check-range',
]);

/** On a full disk, a follower drops the messages that make its log longer; it still votes. */
export function lengthensLog(message: Message): boolean {
  return message.type === 'append' && message.entries.length > 0;
}
