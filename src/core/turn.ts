/**
 * The end of a turn: what all replicas of a node want done, in the order that is promised. One
 * append for all shards, one frame for each peer and lane, one frame for each client.
 */

import type { NodeId } from '../base/ids.ts';
import type { Message } from '../raft/message.ts';
import type { Mark, Ready } from '../raft/ready.ts';
import type { Replica } from '../shard/replica.ts';
import type { Log, LogRecord } from '../storage/log.ts';
import { encodeFrames } from '../wire/frame.ts';
import type { Lane } from '../wire/hello.ts';
import type { Clients } from './clients.ts';
import type { Replicas } from './replicas.ts';

export interface TurnParts {
  readonly log: Log;
  readonly replicas: Replicas;
  readonly clients: Clients;
  /** Records of replicas that came or went; taken once. */
  takeRecords(): readonly LogRecord[];
  /** Where a message's receiver lives; undefined if nobody knows. */
  nodeOf(message: Message): NodeId | undefined;
  sendToPeer(node: NodeId, lane: Lane, bytes: Uint8Array): void;
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
  const taken = parts.replicas
    .takeTouched()
    .map((replica): Taken => ({ replica, ready: replica.take() }));
  append(parts, taken);
  send(parts, taken);
  for (const { replica, ready } of taken) replica.finish(ready);
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
  const frames = { main: new Map<NodeId, Message[]>(), bulk: new Map<NodeId, Message[]>() };
  for (const { ready } of taken) {
    for (const message of ready?.messages ?? []) {
      const node = parts.nodeOf(message);
      if (node === undefined) continue;
      const lane = frames[message.type === 'snapshot-chunk' ? 'bulk' : 'main'];
      const messages = lane.get(node);
      if (messages === undefined) lane.set(node, [message]);
      else messages.push(message);
    }
  }
  for (const lane of ['main', 'bulk'] as const) {
    for (const [node, messages] of frames[lane]) {
      for (const bytes of encodeFrames(messages)) parts.sendToPeer(node, lane, bytes);
    }
  }
}
