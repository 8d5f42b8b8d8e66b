/** What clients may ask for: their data, questions, and what an operator wants of nodes. Pure. */

import { unreachable } from '../base/assert.ts';
import { isSameDigest } from '../base/sha256.ts';
import type { CatalogCommand, Join } from '../catalog/command.ts';
import { decodeCommand } from '../catalog/command-bytes.ts';
import { proofOfJoining, type Secret } from '../wire/proof.ts';
import type { Request } from '../wire/request.ts';

/**
 * Where the cluster has a secret, only those join that have it. Where it has none, those that bring
 * one do not, for the other nodes would refuse them ever after.
 */
export function mayJoin(
  { joinToken, proof }: Join,
  { secret, cluster }: { readonly secret: Secret; readonly cluster: string },
): boolean {
  if (secret.length === 0 || proof === undefined) return secret.length === 0 && proof === undefined;
  return isSameDigest(proof, proofOfJoining(secret, { cluster, joinToken }));
}

/**
 * By every other command a node tells the catalog what it knows itself: that it lives, what a shard
 * it leads consists of, that a replica is lost. From a client they would be lies that expel nodes.
 */
const COMMANDS_OF_CLIENTS: ReadonlySet<CatalogCommand['type']> = new Set([
  'join',
  'set-membership',
]);

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
