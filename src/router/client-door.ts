/** What clients may ask for: their data, questions, and what an operator wants of nodes. Pure. */

import { unreachable } from '../base/assert.ts';
import type { Command } from '../catalog/command.ts';
import { decodeCommand } from '../catalog/command-bytes.ts';
import type { Request } from '../wire/request.ts';

/**
 * By every other command a node tells the catalog what it knows itself: that it lives, what a shard
 * it leads consists of, that a replica is lost. From a client they would be lies that expel nodes.
 */
const COMMANDS_OF_CLIENTS: ReadonlySet<Command['type']> = new Set(['join', 'set-membership']);

/**
 * Asked by the node that a client talks to, before it passes anything on, and by the one that it
 * is passed on to.
 */
export function isForNodesOnly(request: Request): boolean {
  switch (request.type) {
    // Steps of transactions are for those who conduct them, and a client conducts none.
    case 'step':
      return true;
    case 'validate':
      return request.owner !== undefined;
    case 'command': {
      const decoded = decodeCommand(request.command);
      return decoded.type !== 'known' || !COMMANDS_OF_CLIENTS.has(decoded.command.type);
    }
    case 'map':
    case 'write':
    case 'read':
    case 'range':
    case 'info':
    case 'transact':
    case 'settle':
    case 'pending':
      return false;
    default:
      return unreachable(request);
  }
}
