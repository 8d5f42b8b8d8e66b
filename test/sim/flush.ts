/** The end of a turn: what all replicas of a node want done, in the order that is promised. */

import type { Message } from '../../src/raft/message.ts';
import type { Ready } from '../../src/raft/ready.ts';
import { encodeFrame } from '../../src/wire/frame.ts';
import type { DiskRecord } from './disk.ts';
import { SimFailure } from './failure.ts';
import type { Host } from './host.ts';
import type { Lane } from './network.ts';
import { destroy } from './orders.ts';
import type { Replica } from './replica.ts';

interface Taken {
  readonly replica: Replica;
  readonly ready: Ready;
}

export function flushReplicas(host: Host): void {
  const taken = takeAll(host);
  if (taken.length === 0) return;
  write(host, taken);
  for (const { replica, ready } of taken) stage(host, replica, ready);
  send(host, taken);
  for (const one of taken) finish(host, one);
}

function takeAll(host: Host): Taken[] {
  const { invariants } = host.services;
  const taken: Taken[] = [];
  for (const replica of host.replicas.values()) {
    if (!replica.raft.hasReady) continue;
    invariants.observe(replica.actor, replica.raft.status(), replica.image);
    const ready = replica.raft.take();
    invariants.handed(replica.actor, ready);
    taken.push({ replica, ready });
  }
  return taken;
}

/** All writes of the turn are one operation of the disk. */
function write(host: Host, taken: readonly Taken[]): void {
  const records: DiskRecord[] = host.lazy.splice(0);
  const marks = [];
  for (const { replica, ready } of taken) {
    if (ready.write === undefined) continue;
    const { shard, member } = replica;
    host.services.invariants.written(replica.actor, ready.write, replica.image);
    const { snapshot } = ready.write;
    const content = snapshot === undefined ? undefined : replica.contentOf(snapshot);
    records.push({ kind: 'write', shard, member, write: ready.write, content });
    marks.push({ replica, mark: ready.write.mark });
  }
  if (records.length === 0) return;
  host.effect();
  const operation = host.disk.submit(records);
  host.marks.set(operation, marks);
}

function stage(host: Host, replica: Replica, ready: Ready): void {
  if (ready.write?.snapshot !== undefined) replica.install(ready.write.snapshot);
  for (const chunk of ready.chunks) {
    if (!replica.stage(chunk)) continue;
    host.push({ type: 'checked', shard: replica.shard, index: chunk.snapshot.index });
  }
}

/** All messages of the turn to one node are one frame, snapshots apart. */
function send(host: Host, taken: readonly Taken[]): void {
  const frames = new Map<number, { main: Message[]; bulk: Message[] }>();
  const add = (message: Message) => {
    const node = host.services.registry.nodeOf(message.to);
    if (node === undefined) return fail(host, 'a message to nobody');
    let frame = frames.get(node);
    if (frame === undefined) {
      frame = { main: [], bulk: [] };
      frames.set(node, frame);
    }
    frame[message.type === 'snapshot-chunk' ? 'bulk' : 'main'].push(message);
  };
  for (const { replica, ready } of taken) {
    for (const message of ready.messages) {
      host.services.invariants.sent(replica.actor, message);
      add(message);
    }
  }
  for (const [node, { main, bulk }] of frames) {
    if (main.length > 0) sendFrame(host, node, 'main', main);
    if (bulk.length > 0) sendFrame(host, node, 'bulk', bulk);
  }
}

function sendFrame(host: Host, to: number, lane: Lane, messages: readonly Message[]): void {
  const { network, buggify } = host.services;
  const { id: from, boot } = host;
  const groups = buggify.fires('frame-per-message') ? messages.map((one) => [one]) : [messages];
  for (const group of groups) {
    host.effect();
    network.send({ from, to, boot, lane, bytes: encodeFrame(group) });
  }
  if (lane === 'main') host.peers.spoke(to);
}

function finish(host: Host, { replica, ready }: Taken): void {
  const { probes } = host.services;
  if (ready.committed.length > 0) {
    host.effect();
    const isIdle = replica.backlog.length === 0;
    for (const entry of ready.committed) replica.backlog.push(entry);
    if (isIdle) host.drain(replica);
  }
  if (ready.reads.length > 0) {
    host.effect();
    for (const answer of ready.reads) replica.grant(answer);
    replica.answerReads();
  }
  if (ready.truncated !== undefined) truncate(host, replica, ready.truncated);
  for (const fact of ready.facts) probes.hit(fact);
  checkpointIfDue(host, replica);
  const isRemoved = ready.facts.length > 0 && replica.raft.status().isRemoved;
  if (isRemoved) destroy(host, replica);
}

function truncate(host: Host, replica: Replica, index: number): void {
  const { shard, member } = replica;
  const saved = replica.durable?.newestCheckpoint?.description.index ?? 0;
  if (index > saved) fail(host, 'the log forgets what no checkpoint holds');
  host.lazy.push({ kind: 'truncate', shard, member, index });
}

function checkpointIfDue(host: Host, replica: Replica): void {
  const { plan, buggify } = host.services;
  const saved = replica.durable?.newestCheckpoint?.description.index ?? 0;
  const entries = replica.machine.applied - saved;
  const isEager = entries >= 3 && buggify.fires('checkpoint-eagerly');
  if (entries >= plan.checkpointEntries || replica.isCheckpointWanted || isEager) {
    replica.checkpoint();
  }
}

function fail(host: Host, message: string): never {
  throw new SimFailure('host', message, { node: host.id, time: host.services.agenda.now });
}
