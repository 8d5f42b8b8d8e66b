/** Which requests clients may make: data, questions, and the goals of an operator. Pure. */

import { unreachable } from '../base/assert.ts';
import { isSameDigest } from '../base/sha256.ts';
import type { CatalogCommand, CommandOf } from '../catalog/command.ts';
import { decodeCommand } from '../catalog/command.ts';
import { proofOfJoining, type Secret } from '../wire/proof.ts';
import type { Request } from '../wire/request.ts';

/**
 * In a cluster with a secret, only a node that proves it may join. In a cluster without one, a node
 * that brings a secret may not, because the other nodes would refuse it ever after.
 */
export function mayJoin(
  { joinToken, proof }: CommandOf<'join'>,
  { secret, cluster }: { readonly secret: Secret; readonly cluster: string },
): boolean {
  if (secret.length === 0 || proof === undefined) return secret.length === 0 && proof === undefined;
  return isSameDigest(proof, proofOfJoining(secret, { cluster, joinToken }));
}

/**
 * Every other command tells the catalog what only a node knows: its life, the configuration of a
 * shard that it leads, the loss of a replica. From a client such commands could expel nodes.
 */
const COMMANDS_OF_CLIENTS: ReadonlySet<CatalogCommand['type']> = new Set([
  'join',
  'set-membership',
  'enable-access',
  'disable-access',
  'put-role',
  'delete-role',
  'put-user',
  'delete-user',
  'put-token',
  'delete-token',
  'put-password',
  'limit-user',
  'limit-user-storage',
]);

/**
 * Checked by the node that receives a request, before it is forwarded, and by the node that it is
 * forwarded to.
 */
export function isForNodesOnly(request: Request): boolean {
  switch (request.type) {
    // Only coordinators request steps of transactions, and they run on nodes.
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
    case 'watch':
    case 'credit':
    case 'cancel':
    case 'reach':
    case 'barrier':
    case 'keep':
    case 'await-ticket':
    case 'coordination':
    case 'access':
    case 'login':
      return false;
    default:
      return unreachable(request);
  }
}
