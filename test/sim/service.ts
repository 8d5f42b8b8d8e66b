/** How a node serves clients: reads, reads under a lease, and writes proposed together. */

import type { Host } from './host.ts';
import type { LeaseRead } from './input.ts';
import { unlessCorrupt } from './orders.ts';
import type { Replica } from './replica.ts';
import type { Request } from './request.ts';

export function serve(host: Host, request: Request): void {
  const replica = host.replicas.get(request.shard);
  if (replica === undefined) {
    request.answer({ type: 'failed', leader: undefined });
    return;
  }
  if (replica.isStateLost) return replica.refuse(request);
  if (request.operation.kind !== 'read') {
    replica.queue.push(request);
    return;
  }
  if (!request.isLease) return read(host, replica, request);
  const { machine } = replica;
  const found = unlessCorrupt(host, replica, () => {
    return { values: machine.valuesOf(request.operation.key), applied: machine.applied };
  });
  if (found === undefined) return replica.refuse(request);
  if (!host.services.buggify.fires('lease-ask-later')) return askLease(host, request, found);
  const { boot } = host;
  host.services.agenda.after(host.random.between(1, 400), () => {
    if (host.boot === boot) host.push({ type: 'lease', request, read: found });
  });
}

export function askLease(host: Host, request: Request, { values, applied }: LeaseRead): void {
  const replica = host.replicas.get(request.shard);
  if (replica === undefined) return request.answer({ type: 'failed', leader: undefined });
  if (replica.isStateLost) return replica.refuse(request);
  const now = host.clock.read(host.services.agenda.now);
  const outcome = host.step(replica, { type: 'lease-read', now });
  if (outcome.type === 'taken' && outcome.position !== undefined) {
    const { term } = replica.raft.status();
    host.services.invariants.leased(replica.actor, { index: outcome.position.index, term });
  }
  const isCurrent =
    outcome.type === 'taken' && outcome.position !== undefined && outcome.position.index <= applied;
  if (!isCurrent) return read(host, replica, request);
  request.answer({ type: 'ok', reply: { isDone: true, values }, index: applied });
}

function read(host: Host, replica: Replica, request: Request): void {
  host.lastRead += 1;
  const id = host.lastRead;
  replica.awaitRead(id, request);
  const outcome = host.step(replica, { type: 'read', id });
  if (outcome.type === 'refused') replica.grant({ type: 'refused', id, reason: outcome.reason });
}

export function propose(host: Host, replica: Replica): void {
  if (replica.queue.length === 0) return;
  const { buggify } = host.services;
  const requests = replica.queue;
  replica.queue = [];
  if (replica.isStateLost) {
    for (const request of requests) replica.refuse(request);
    return;
  }
  if ((host.storage?.log.fullness ?? 'ok') !== 'ok') {
    host.services.probes.hit('storage read-only refused a write');
    for (const request of requests) replica.refuse(request);
    return;
  }
  if (buggify.fires('extra-proposal')) {
    host.step(replica, { type: 'propose', payloads: [new Uint8Array(14).fill(4, 0, 1)] });
  }
  const batches = buggify.fires('propose-one-by-one')
    ? requests.map((request) => [request])
    : [requests];
  for (const batch of batches) {
    const payloads = batch.map((request) => request.payload);
    const outcome = host.step(replica, { type: 'propose', payloads });
    if (outcome.type === 'taken' && outcome.position !== undefined) {
      replica.propose(outcome.position.index, batch);
    } else for (const request of batch) replica.refuse(request);
  }
}
