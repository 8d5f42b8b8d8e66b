/** Membership changes of nodes, which operators request of the catalog, and their refusals. */

import { monotoneNow } from '../base/ambient.ts';
import { type Attempt, KvError, type Outcome } from '../base/errors.ts';
import type { NodeId } from '../base/ids.ts';
import type { ClusterMap, NodeMembership } from '../catalog/cluster-map.ts';
import type { CatalogRefusal } from '../catalog/command.ts';
import { decodeReply, encodeCommand } from '../catalog/command.ts';
import { mayCarry } from '../catalog/membership.ts';
import { nodeNumbered } from '../catalog/questions.ts';
import type { Response } from '../wire/response.ts';
import { addressesOf } from './addresses.ts';
import {
  type AskOptions,
  askAt,
  askMap,
  faultOf,
  mayHaveActed,
  termsOf,
  throwIfDenied,
  type Unanswered,
} from './admin.ts';

/** A change of a node's membership. */
export interface MembershipRequest {
  /** The number of the node, as `kvctl nodes` shows it. */
  readonly node: number;
  /** What the node is to become. */
  readonly membership: NodeMembership;
  /** Removes the node even if shards are left with fewer replicas than configured. */
  readonly isForced?: boolean;
}

const ID = 1;
/** Between two rounds of requests to all nodes. */
const REST_MILLISECONDS = 100;

/**
 * Drains, removes or reactivates a node. Resolves once the catalog has stored the goal; replicas
 * and leadership then move in the background. Rejects with `membership-refused` where data or
 * replicas would be lost. Nodes are asked in turn until one can pass it on. Safe to repeat.
 *
 * @example
 * ```ts
 * import { setMembership } from 'ringkv/admin';
 * await setMembership('kv://127.0.0.1:7400', { node: 3, membership: 'draining' });
 * ```
 */
export async function setMembership(
  urls: string | readonly string[],
  { node, membership, isForced = false }: MembershipRequest,
  options: AskOptions = {},
): Promise<void> {
  const terms = termsOf(options);
  const until = monotoneNow() + terms.timeout;
  let attempts: Attempt[] = [];
  let outcome: Outcome = 'notApplied';
  do {
    attempts = [];
    for (const { url, given } of addressesOf(urls)) {
      const map = await askMap(urls, options);
      const revision = nodeNumbered(map, node as NodeId)?.revision ?? 0;
      const said = { type: 'set-membership', node: node as NodeId, membership, isForced } as const;
      const command = encodeCommand({ ...said, revision });
      const answer = await askAt(url, { type: 'command', id: ID, command }, terms);
      throwIfDenied(answer);
      const reply = replyIn(answer);
      if (reply?.type === 'done') return;
      // The row has changed since this map: a newer map may show that the change is done.
      const isStale = reply?.type === 'refused' && reply.reason === 'stale-revision';
      if (reply?.type === 'refused' && !isStale) throw refusalOf(map, node, reply.reason);
      attempts.push({ endpoint: given, what: isStale ? 'its map is old' : faultOf(answer) });
      if (mayHaveActed(answer) && !isStale) outcome = 'unknown';
    }
    await new Promise((resume) => setTimeout(resume, REST_MILLISECONDS));
  } while (monotoneNow() < until);
  const message = `no node could pass the membership change of node ${node} to the catalog`;
  throw new KvError({ code: 'timeout', outcome, message, attempts });
}

function replyIn(answer: Response | Unanswered) {
  return answer.type === 'commanded' ? decodeReply(answer.reply) : undefined;
}

function refusalOf(map: ClusterMap, node: number, reason: CatalogRefusal): KvError {
  const message = refusalText(map, node, reason);
  return new KvError({ code: 'membership-refused', outcome: 'notApplied', message });
}

function refusalText(map: ClusterMap, node: number, reason: CatalogRefusal): string {
  const name = `node ${node}`;
  switch (reason) {
    case 'unknown-node':
      return `${name} is not in the cluster; kvctl nodes lists the nodes`;
    case 'last-node':
      return `${name} cannot be removed: no other node could carry its replicas. Add a node first`;
    case 'fewer-replicas': {
      const left = map.nodes.filter((row) => row.node !== node && mayCarry(row)).length;
      const { replicas } = map.settings;
      return (
        `${name} cannot be removed without --force: ${left} node${left === 1 ? '' : 's'} would ` +
        `be left for ${replicas} replicas, so each shard would have ${left}, and the cluster ` +
        `could lose ${Math.ceil(left / 2) - 1} of its nodes. Add a node first, or force it`
      );
    }
    case 'no-majority':
      return (
        `${name} does not answer, and without it some shards have no majority: it may hold the ` +
        'only copy of acknowledged writes. Start it again, or the other nodes that are down; ' +
        'kvctl status shows the shards'
      );
    case 'replaced':
      return `another node has replaced ${name}, which is being removed`;
    default:
      return `the catalog refused it for ${name} (${reason})`;
  }
}
