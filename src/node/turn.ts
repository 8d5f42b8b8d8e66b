/**
 * The end of a turn: carries out what all replicas of a node request, in the promised order. One
 * append for all shards, one frame for each peer and lane, one frame for each client.
 */

import type { NodeId, ShardId } from '../base/ids.ts';
import type { Message } from '../raft/message.ts';
import type { Mark, Ready } from '../raft/ready.ts';
import type { FairQueue } from '../shard/fair-queue.ts';
import type { Replica } from '../shard/replica.ts';
import type { Log, LogRecord } from '../storage/log/log.ts';
import type { LaneRoom, PeerAddress } from '../transport/transport.ts';
import { encodeFrames } from '../wire/frame.ts';
import { bytesMaxOf } from '../wire/raft-message.ts';
import type { Clients } from './clients.ts';
import type { Replicas } from './replicas.ts';

export interface TurnParts {
  readonly log: Log;
  readonly replicas: Replicas;
  readonly clients: Clients;
  readonly fair: Pick<FairQueue, 'beginTurn' | 'work' | 'endTurn'>;
  /** Records of created and removed replicas; taken once. */
  takeRecords(): readonly LogRecord[];
  /** The node that hosts a message's receiver; undefined if unknown. */
  nodeOf(message: Message): NodeId | undefined;
  sendToPeer(to: PeerAddress, bytes: Uint8Array): void;
  /** The capacity of the path to a peer. */
  roomToPeer(to: PeerAddress): LaneRoom;
  readonly links: { endTurn(): void };
  /** These writes are durable. */
  settle(marks: readonly DurableMark[]): void;
}

export interface DurableMark {
  readonly replica: Replica;
  readonly mark: Mark;
}

interface Taken {
  readonly replica: Replica;
  readonly ready: Ready | undefined;
}

export function endTurn(parts: TurnParts): void {
  const { fair } = parts;
  fair.beginTurn();
  // Requests go to their replicas, in fair turns; then the granted reads are served.
  fair.work();
  const taken = parts.replicas
    .takeTouched()
    .map((replica): Taken => ({ replica, ready: replica.take() }));
  append(parts, taken);
  send(parts, taken);
  for (const { replica, ready } of taken) replica.finish(ready);
  fair.work();
  fair.endTurn();
  parts.clients.flush();
}

function append(parts: TurnParts, taken: readonly Taken[]): void {
  const records: LogRecord[] = [...parts.takeRecords()];
  const marks: DurableMark[] = [];
  for (const { replica } of taken) {
    for (const record of replica.takeRecords()) {
      records.push(record);
      if (record.type === 'write') marks.push({ replica, mark: record.write.mark });
    }
  }
  if (records.length > 0) parts.log.append(records, () => parts.settle(marks));
}

/** Snapshots have a lane of their own, so that they delay no heartbeat. */
function send(parts: TurnParts, taken: readonly Taken[]): void {
  const lanes = { main: new Map<NodeId, Message[]>(), bulk: new Map<NodeId, Message[]>() };
  for (const { ready } of taken) {
    for (const message of ready?.messages ?? []) {
      const node = parts.nodeOf(message);
      if (node === undefined) continue;
      const lane = lanes[message.type === 'snapshot-chunk' ? 'bulk' : 'main'];
      const messages = lane.get(node);
      if (messages === undefined) lane.set(node, [message]);
      else messages.push(message);
    }
  }
  for (const lane of ['main', 'bulk'] as const) {
    for (const [node, messages] of lanes[lane]) sendAll(parts, { node, lane }, messages);
  }
  parts.links.endTurn();
}

/**
 * If the path has capacity for everything, one frame carries it. Otherwise heartbeats, votes and
 * answers leave in a frame of their own, and messages with entries or rows wait, each shard by
 * itself.
 */
function sendAll(parts: TurnParts, to: PeerAddress, messages: readonly Message[]): void {
  let bytes = 0;
  for (const message of messages) bytes += bytesMaxOf(message);
  if (bytes <= parts.roomToPeer(to).now) return sendIn(parts, to, messages);
  sendIn(
    parts,
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
  for (const [stream, ofShard] of streams) sendIn(parts, { ...to, stream }, ofShard);
}

function sendIn(parts: TurnParts, to: PeerAddress, messages: readonly Message[]): void {
  for (const bytes of encodeFrames(messages)) parts.sendToPeer(to, bytes);
}

/** Also appends without entries: overtaking the earlier ones would look like a gap. */
function isHeavy({ type }: Message): boolean {
  return type === 'append' || type === 'snapshot-chunk' || type === 'repair-response';
}
