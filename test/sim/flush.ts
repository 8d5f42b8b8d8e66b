/** The end of a turn: carries out what all replicas of a node request, in the promised order. */

import type { Message } from '../../src/raft/message.ts';
import type { Ready, Write } from '../../src/raft/ready.ts';
import type { ShardRecord } from '../../src/storage/log/log.ts';
import { encodeFrame } from '../../src/wire/frame.ts';
import { SimFailure } from './failure.ts';
import { drain } from './handle.ts';
import type { Host } from './host.ts';
import type { Lane } from './network.ts';
import { destroy, unlessCorrupt } from './orders.ts';
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

/** All writes of the turn are one append, except those that wait for a switch of the state. */
function write(host: Host, taken: readonly Taken[]): void {
  const records: ShardRecord[] = host.lazy.splice(0);
  const marked: Marked[] = [];
  for (const { replica, ready } of taken) {
    if (ready.write === undefined) continue;
    const { shard } = replica;
    host.services.invariants.written(replica.actor, ready.write, replica.image);
    replica.noteWrite(ready.write);
    const record: ShardRecord = { type: 'write', shard, write: ready.write };
    if (ready.write.snapshot !== undefined) beginSwitch(host, replica, ready.write);
    if (replica.isSwitching) replica.held.push(record);
    else {
      records.push(record);
      marked.push({ replica, write: ready.write });
    }
  }
  append(host, records, marked);
}

interface Marked {
  readonly replica: Replica;
  readonly write: Write;
}

function append(host: Host, records: readonly ShardRecord[], marked: readonly Marked[]): void {
  if (records.length === 0) return;
  host.effect();
  const { boot } = host;
  const operation: number | undefined = host.storage?.append(records, () => {
    for (const { replica, write } of marked) {
      replica.noteDurable(write);
      const durable = host.ledger.durable.get(replica.shard);
      if (durable?.member === replica.member) {
        host.services.invariants.settled(replica.actor, durable);
      }
    }
    host.reportDurable(boot, operation ?? 0);
  });
  const marks = marked.map(({ replica, write: { mark } }) => ({ replica, mark }));
  if (operation !== undefined) host.marks.set(operation, marks);
}

/** The state first, then the log: otherwise a crash leaves a log whose head is missing. */
function beginSwitch(host: Host, replica: Replica, { snapshot }: Write): void {
  const { storage } = host;
  const index = snapshot?.index ?? 0;
  const install = replica.arrival.claim(index);
  if (storage === undefined || install === undefined) {
    return fail(host, 'a snapshot is installed without a check');
  }
  replica.isSwitching = true;
  replica.backlog.length = 0;
  storage.switchTo(install, () => {
    if (host.replicas.get(replica.shard) !== replica) return;
    replica.noteSwitch(index);
    // The damage was in the former generation.
    host.corruptionChanged.delete(replica.shard);
    const records = replica.held.splice(0);
    const marked = records.flatMap((record) =>
      record.type === 'write' ? [{ replica, write: record.write }] : [],
    );
    append(host, records, marked);
    drain(host, replica);
  });
}

function stage(host: Host, replica: Replica, ready: Ready): void {
  for (const chunk of ready.chunks) replica.arrival.take(chunk);
  if (ready.chunks.length > 0) host.arriving.add(replica);
}

/** All messages of the turn for one node are one frame, except snapshots. */
function send(host: Host, taken: readonly Taken[]): void {
  const frames = new Map<number, { main: Message[]; bulk: Message[] }>();
  const add = (message: Message) => {
    const node = host.services.registry.nodeOf(message.to);
    if (node === undefined) return fail(host, 'a message to no node');
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
  const { id: from, lives: boot } = host;
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
    if (isIdle) drain(host, replica);
  }
  if (ready.reads.length > 0) {
    host.effect();
    for (const answer of ready.reads) replica.grant(answer);
    unlessCorrupt(host, replica, () => replica.answerReads());
  }
  if (ready.truncated !== undefined) truncate(host, replica, ready.truncated);
  for (const fact of ready.facts) probes.hit(fact);
  checkpointIfDue(host, replica);
  const isRemoved = ready.facts.length > 0 && replica.raft.status().isRemoved;
  if (isRemoved && host.replicas.get(replica.shard) === replica) destroy(host, replica);
}

function truncate(host: Host, replica: Replica, index: number): void {
  const { shard } = replica;
  if (index > (host.storage?.savedOf(shard) ?? 0) && !replica.isSwitching) {
    fail(host, 'the log drops entries that no checkpoint holds');
  }
  replica.image.truncate(index);
  const record: ShardRecord = { type: 'forget', shard, index };
  if (replica.isSwitching) replica.held.push(record);
  else host.lazy.push(record);
}

function checkpointIfDue(host: Host, replica: Replica): void {
  const { plan, buggify } = host.services;
  const { storage } = host;
  if (storage === undefined || host.replicas.get(replica.shard) !== replica) return;
  const entries = replica.machine.applied - storage.savedOf(replica.shard);
  const isEager = entries >= 3 && buggify.fires('checkpoint-eagerly');
  if (entries >= plan.checkpointEntries || isEager) storage.checkpoint();
}

function fail(host: Host, message: string): never {
  throw new SimFailure('host', message, { node: host.id, time: host.services.agenda.now });
}
