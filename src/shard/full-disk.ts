/** What a node with a full or nearly full disk still accepts: reads, and what frees space. */

import type { Command } from '../machine/command.ts';
import type { Message } from '../raft/message.ts';

/** On a nearly full disk, commands that only delete are still accepted. */
export function makesRoom(command: Command): boolean {
  return command.every(({ type }) => type === 'delete' || type.startsWith('check'));
}

/** On a full disk, a follower drops the messages that make its log longer; it still votes. */
export function lengthensLog(message: Message): boolean {
  return message.type === 'append' && message.entries.length > 0;
}
