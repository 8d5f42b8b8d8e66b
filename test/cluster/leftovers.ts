/** State that nodes must not keep once everything is idle. */

import { SECTION } from '../../src/machine/section.ts';
import { idText } from '../../src/machine/transaction-id.ts';
import type { NodeCore } from '../../src/node/node-core.ts';
import { infoOf } from '../../src/node/status.ts';
import { DataMachine } from '../../src/shard/data-machine.ts';
import type { Replica } from '../../src/shard/replica.ts';

/** Undefined if there is none. */
export function leftoversOf(core: NodeCore): string | undefined {
  const { requests, openViews, watch, coordination } = infoOf(core);
  if (requests.waiting > 0) return `${requests.waiting} requests wait for an answer`;
  if (requests.forwarded > 0) return `${requests.forwarded} forwarded requests wait`;
  if (openViews > 0) return `${openViews} views are open`;
  if (watch.ranges > 0) return `${watch.ranges} ranges are watched`;
  if (coordination.awaiting > 0) return `${coordination.awaiting} requests wait for tickets`;
  const owed = core.state.clients.all().find(({ outstanding }) => outstanding > 0);
  if (owed !== undefined) return `${owed.outstanding} answers are owed to a client`;
  return unendedOn(core, () => true) ?? leasedOn(core);
}

/** What hangs on leases: their clients have released them, or are dead. */
function leasedOn(core: NodeCore): string | undefined {
  for (const { shard, machine } of core.state.replicas.all) {
    if (!(machine instanceof DataMachine)) continue;
    for (const { section, rows } of core.state.store.hash(shard) ?? []) {
      const name = LEASED.get(section);
      if (name !== undefined && rows > 0) return `shard ${shard} has ${rows} rows of ${name}`;
    }
  }
  return undefined;
}

const LEASED: ReadonlyMap<number, string> = new Map([
  [SECTION.leases, 'leases'],
  [SECTION.tickets, 'tickets'],
  [SECTION.attachments, 'attachments'],
]);

/** What must be over wherever a majority is left, though other nodes are gone for ever. */
export function unendedWhereLeading(core: NodeCore): string | undefined {
  return unendedOn(core, ({ isLeader }) => isLeader);
}

/** A running coordinator, a prepared part, or a kept decision. */
function unendedOn(core: NodeCore, isLooked: (replica: Replica) => boolean): string | undefined {
  const { conducted } = core.transactions;
  if (conducted > 0) return `${conducted} transactions are conducted`;
  for (const replica of core.state.replicas.all) {
    const { shard, machine } = replica;
    if (!(machine instanceof DataMachine) || !isLooked(replica)) continue;
    for (const { id } of machine.lockTable.all()) return `${idText(id)} is prepared in ${shard}`;
    for (const { id } of machine.decisions.all()) return `${idText(id)} is decided in ${shard}`;
  }
  return undefined;
}

/** Sessions that a node keeps, of all its shards. */
export function sessionsOn(core: NodeCore): number {
  let sessions = 0;
  for (const { shard, machine } of core.state.replicas.all) {
    if (!(machine instanceof DataMachine)) continue;
    for (const { section, rows } of core.state.store.hash(shard) ?? []) {
      if (section === SECTION.sessions) sessions += rows;
    }
  }
  return sessions;
}
