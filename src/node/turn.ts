/**
 * The end of a turn: carries out what all replicas of a node request, in the promised order. One
 * frame for each peer and lane, one append for all shards, one frame for each client.
 */

import { unreachable } from '../base/assert.ts';
import type { NodeId, ShardId } from '../base/ids.ts';
import type { Message } from '../raft/message.ts';
import type { Ready } from '../raft/ready.ts';
import type { Replica } from '../shard/replica.ts';
import type { ReplicaFact } from '../shard/replica-fact.ts';
import type { LogRecord } from '../storage/log/log.ts';
import type { PeerAddress } from '../transport/transport.ts';
import { encodeFrames } from '../wire/frame.ts';
import { bytesMaxOf } from '../wire/raft-message.ts';
import type { DeferredProposals } from './deferred-proposals.ts';
import type { DurableMark, NodeState } from './node-state.ts';
import type { Reconciler } from './reconciler.ts';
import { renewRecording } from './recording-renewal.ts';
import type { Relay } from './relay.ts';
import type { Router } from './router.ts';
import type { TransactionService } from './transaction-service.ts';

interface Taken {
  readonly replica: Replica;
  readonly ready: Ready | undefined;
}

/** The parts of a node that its replicas' facts are for. */
interface FactParts {
  readonly relay: Relay;
  readonly router: Router;
  readonly reconciler: Reconciler;
  readonly transactions: TransactionService;
  readonly deferred: DeferredProposals<Replica>;
}

export function endTurn(node: NodeState, parts: FactParts): void {
  const { fair } = node;
  fair.beginTurn();
  // Requests go to their replicas, in fair turns; then the granted reads are served.
  fair.work();
  const taken = node.replicas
    .takeTouched()
    .map((replica): Taken => ({ replica, ready: replica.take() }));
  // A follower has more to do than this disk, so messages leave before the append is even encoded.
  send(node, taken, parts.relay);
  append(node, taken);
  for (const { replica, ready } of taken) replica.finish(ready);
  fair.work();
  fair.endTurn();
  for (const { replica } of taken) {
    for (const fact of replica.takeFacts()) heed(fact, replica, { node, ...parts });
  }
  node.clients.flush();
}

/** What the node does about a fact. */
function heed(
  fact: ReplicaFact,
  replica: Replica,
  parts: FactParts & { readonly node: NodeState },
): void {
  const { node, relay, router, reconciler, transactions, deferred } = parts;
  const { shard, member } = replica;
  switch (fact.type) {
    case 'raft':
      node.mention({ type: 'raft', shard, fact: fact.fact });
      return reconciler.noted(replica, fact.fact);
    case 'lock-wait':
      return transactions.meet(replica, fact.holder, fact.isPreempting);
    case 'leader-query': {
      const leader = relay.leaderOf(shard);
      if (leader === undefined) return replica.told(fact.question, 0);
      const isWatching = replica.watching.streams > 0;
      return node.tell(leader, { type: 'ask', id: fact.question, shard, isWatching });
    }
    case 'recording-due':
      return renewRecording(replica, { node, router });
    case 'deferred':
      return deferred.add(replica, node.now);
    case 'corruption-changed':
      return reconciler.corruptionChanged(replica);
    case 'stopped': {
      const { reason, isLost } = fact.stop;
      if (isLost) return reconciler.lost({ shard, member, reason });
      return node.mention({ type: 'replica-lost', shard, reason });
    }
    default:
      return unreachable(fact);
  }
}

function append(node: NodeState, taken: readonly Taken[]): void {
  const records: LogRecord[] = [...node.replicas.takeRecords()];
  const marks: DurableMark[] = [];
  for (const { replica } of taken) {
    for (const record of replica.takeRecords()) {
      records.push(record);
      if (record.type === 'write') marks.push({ replica, mark: record.write.mark });
    }
  }
  if (records.length > 0) node.log.append(records, () => node.settle(marks));
}

/** Snapshots have a lane of their own, so that they delay no heartbeat. */
function send(node: NodeState, taken: readonly Taken[], relay: Relay): void {
  const lanes = { main: new Map<NodeId, Message[]>(), bulk: new Map<NodeId, Message[]>() };
  for (const { ready } of taken) {
    for (const message of ready?.messages ?? []) {
      const to = node.nodeOfMember(message.shard, message.to);
      if (to === undefined) continue;
      const lane = lanes[message.type === 'snapshot-chunk' ? 'bulk' : 'main'];
      const messages = lane.get(to);
      if (messages === undefined) lane.set(to, [message]);
      else messages.push(message);
    }
  }
  for (const lane of ['main', 'bulk'] as const) {
    for (const [to, messages] of lanes[lane]) sendAll(node, { node: to, lane }, messages);
  }
  node.links.endTurn();
  // What waited for a frame that leaves anyway shares its write.
  relay.unsent(node.outbox.flush());
  node.transport.flushPeers();
}

/**
 * If the path has capacity for everything, one frame carries it. Otherwise heartbeats, votes and
 * answers leave in a frame of their own, and messages with entries or rows wait, each shard by
 * itself.
 */
function sendAll(node: NodeState, to: PeerAddress, messages: readonly Message[]): void {
  let bytes = 0;
  for (const message of messages) bytes += bytesMaxOf(message);
  if (bytes <= node.roomToPeer(to).now) return sendIn(node, to, messages);
  sendIn(
    node,
    to,
    messages.filter((message) => !isHeavy(message)),
  );
  const streams = new Map<ShardId, Message[]>();
  for (const message of messages) {
    if (!isHeavy(message)) continue;
    const stream = streams.get(message.shard);
    if (stream === undefined) streams.set(message.shard, [message]);
    else stream.push(message);
  }
  for (const [stream, ofShard] of streams) sendIn(node, { ...to, stream }, ofShard);
}

function sendIn(node: NodeState, to: PeerAddress, messages: readonly Message[]): void {
  for (const bytes of encodeFrames(messages)) node.sendToPeer(to, bytes);
}

/** Also appends without entries: overtaking the earlier ones would look like a gap. */
function isHeavy({ type }: Message): boolean {
  return type === 'append' || type === 'snapshot-chunk' || type === 'repair-response';
}
