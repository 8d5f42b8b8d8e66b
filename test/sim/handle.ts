/** The effect of each event on a node: it is passed to the replicas that it concerns. */

import { hash } from '../../src/base/hash.ts';
import type { Message } from '../../src/raft/message.ts';
import { decodeFrame } from '../../src/wire/frame.ts';
import { SimFailure } from './failure.ts';
import type { Host } from './host.ts';
import type { Input } from './input.ts';
import type { Frame } from './network.ts';
import { markCorrupt, obey, unlessCorrupt, yieldWithoutState } from './orders.ts';
import type { Replica } from './replica.ts';
import { askLease, serve } from './service.ts';

/** How often a node checks whether damage can be cut away. */
const TIDY_TICKS = 50;

export function handle(host: Host, input: Input): void {
  switch (input.type) {
    case 'frame':
      host.note(input, hash(input.frame.bytes, input.frame.from));
      return receive(host, input.frame);
    case 'tick':
      host.note(input, host.boot);
      return tick(host);
    case 'durable':
      host.note(input, input.operation);
      return settle(host, input.operation);
    case 'checkpointed':
    case 'corrupt':
    case 'drain':
      host.note(input, input.shard);
      return progress(host, input);
    case 'broken':
      host.note(input, input.peer);
      return loseTouch(host, input.peer);
    case 'request':
      host.note(input, input.request.operation.id);
      return serve(host, input.request);
    case 'lease':
      return askLease(host, input.request, input.read);
    case 'order':
      host.note(input, input.order.shard);
      return obey(host, input.order);
  }
}

function tick(host: Host): void {
  const { agenda, buggify, plan, network } = host.services;
  const now = host.clock.read(agenda.now);
  host.scheduleTick();
  for (const replica of host.replicas.values()) host.step(replica, { type: 'tick', now });
  for (const replica of host.replicas.values()) yieldWithoutState(host, replica);
  host.ticks += 1;
  host.storage?.wake();
  if (host.ticks % plan.idleTicks === 0) host.storage?.log.idle();
  if (host.ticks % TIDY_TICKS === 0) yieldIfFull(host);
  if (host.ticks % TIDY_TICKS === 0) for (const one of host.replicas.values()) tidy(host, one);
  for (const peer of host.peers.silent(now)) if (peer !== host.id) wake(host, peer);
  if (buggify.fires('wake-for-nothing', 50)) wake(host, host.random.below(plan.nodes));
  if (buggify.fires('unreachable-for-nothing', 50)) {
    loseTouch(host, host.random.below(plan.nodes));
  }
  for (const to of host.peers.due()) {
    if (to === host.id || buggify.fires('node-heartbeat-skipped')) continue;
    host.peers.spoke(to);
    const { id: from, lives: boot } = host;
    network.send({ from, to, boot, lane: 'main', bytes: new Uint8Array() });
  }
}

/** A leader that can take no more writes hands over to a member that can. */
function yieldIfFull(host: Host): void {
  if ((host.storage?.log.fullness ?? 'ok') === 'ok') return;
  host.services.probes.hit('storage read-only');
  for (const replica of host.replicas.values()) {
    const { role, configuration } = replica.raft.status();
    const others = configuration.configuration.voters.filter((one) => one !== replica.member);
    if (role !== 'leader' || others.length === 0) continue;
    host.step(replica, { type: 'transfer', to: host.random.pick(others) });
  }
}

/** Damage to what the machine has applied is cut away, once a checkpoint is past it. */
function tidy(host: Host, replica: Replica): void {
  const { firstDamaged } = replica.raft.status();
  const saved = host.storage?.savedOf(replica.shard) ?? 0;
  if (replica.isStateLost || firstDamaged === undefined) return;
  if (firstDamaged > replica.machine.applied) return;
  if (firstDamaged > saved) host.storage?.checkpoint();
  else host.step(replica, { type: 'truncate', index: saved });
}

function receive(host: Host, { from, boot, bytes }: Frame): void {
  const now = host.clock.read(host.services.agenda.now);
  if (host.peers.hear(from, { boot, now })) wake(host, from);
  if (bytes.length === 0) return;
  const messages = decodeFrame(bytes);
  if (messages === undefined) {
    throw new SimFailure('codec', 'a sound frame was refused', { node: host.id, time: now });
  }
  for (const message of messages) route(host, message);
}

function route(host: Host, message: Message): void {
  const replica = host.replicas.get(message.shard);
  if (replica?.member === message.to) {
    // As in a node: no snapshot is received while another is installed. It is sent again.
    if (message.type === 'snapshot-chunk' && replica.isSwitching) return;
    host.step(replica, { type: 'message', message });
    return;
  }
  // A dead node does not answer: `removed` would expel a sound member.
  const isDead = host.storage?.isDead(message.to);
  host.services.probes.hit(isDead ? 'host message to the dead' : 'host message to a stranger');
}

function wake(host: Host, peer: number): void {
  for (const replica of host.replicas.values()) {
    const { configuration } = replica.image.configurationAt(replica.image.lastIndex);
    const isShared = host.services.registry.nodesOf(configuration).includes(peer);
    if (isShared) host.step(replica, { type: 'wake' });
  }
}

function loseTouch(host: Host, peer: number): void {
  for (const replica of host.replicas.values()) {
    const { role, followers } = replica.raft.status();
    if (role !== 'leader') continue;
    for (const { member } of followers) {
      if (host.services.registry.nodeOf(member) !== peer) continue;
      host.step(replica, { type: 'unreachable', member });
    }
  }
}

function settle(host: Host, operation: number): void {
  const marks = host.marks.get(operation) ?? [];
  host.marks.delete(operation);
  for (const { replica, mark } of marks) {
    if (host.replicas.get(replica.shard) !== replica) continue;
    host.step(replica, { type: 'durable', mark });
  }
}

function progress(
  host: Host,
  input: Input & { readonly type: 'checkpointed' | 'corrupt' | 'drain' },
): void {
  const replica = host.replicas.get(input.shard);
  if (replica === undefined) return;
  switch (input.type) {
    case 'checkpointed':
      // Without a configuration the snapshot would have no voters, so the log has to stay.
      if (host.storage?.state.description(input.shard).configuration.voters.length === 0) return;
      host.step(replica, { type: 'truncate', index: input.index });
      // Sometimes the node has no room for what the log keeps.
      if (host.services.buggify.fires('log-beyond-budget', 8)) {
        host.step(replica, { type: 'truncate', index: input.index, keepFrom: input.index + 1 });
      }
      return;
    case 'corrupt':
      return markCorrupt(host, replica);
    case 'drain':
      return drain(host, replica);
  }
}

/** Applies the committed entries, or the first of them if the machine is slow. */
export function drain(host: Host, replica: Replica): void {
  const { buggify, agenda } = host.services;
  const { backlog } = replica;
  if (replica.isSwitching) return;
  // Entries that arrive during a switch are for the new state.
  if (replica.isStateLost) backlog.length = 0;
  if (backlog.length === 0) return;
  const isSlow = buggify.fires('slow-apply');
  const count = isSlow ? host.random.below(backlog.length) : backlog.length;
  unlessCorrupt(host, replica, () => {
    for (const entry of backlog.splice(0, count)) {
      host.effect();
      replica.apply(entry);
    }
    if (count > 0) host.step(replica, { type: 'applied', index: replica.machine.applied });
    replica.answerReads();
  });
  if (backlog.length === 0 || host.replicas.get(replica.shard) !== replica) return;
  const { boot } = host;
  agenda.after(host.random.between(1, 100), () => {
    if (host.boot === boot) host.push({ type: 'drain', shard: replica.shard });
  });
}
