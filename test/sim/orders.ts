/** Carries out the operator's orders: replicas are created, changed, moved and destroyed. */

import { NO_MEMBER, type ShardId } from '../../src/base/ids.ts';
import { NO_CONFIGURATION } from '../../src/raft/configuration.ts';
import { ORIGIN } from '../../src/raft/position.ts';
import { StateDamage } from '../../src/storage/state/state.ts';
import { SimFailure } from './failure.ts';
import type { Host } from './host.ts';
import type { Replica } from './replica.ts';
import type { Order } from './request.ts';

export function obey(host: Host, order: Order): void {
  if (order.type === 'create') return create(host, order.shard, order.isFirst);
  const replica = host.replicas.get(order.shard);
  if (replica === undefined) return;
  switch (order.type) {
    case 'destroy':
      return destroy(host, replica);
    case 'change':
      // A quiesced leader does not know that its followers are there.
      host.step(replica, { type: 'wake' });
      host.step(replica, { type: 'change', target: order.target });
      return;
    case 'transfer':
      host.step(replica, { type: 'transfer', to: order.to });
      return;
    case 'campaign':
      host.step(replica, { type: 'campaign' });
      return;
    case 'checkpoint':
      host.storage?.checkpoint();
      return;
    case 'scrub':
      return scrub(host, replica, order.index);
  }
}

function create(host: Host, shard: ShardId, isFirst: boolean): void {
  const { storage, services } = host;
  if (storage === undefined || host.replicas.has(shard)) return;
  if (!storage.isFree(shard) || storage.log.quarantined.some((one) => one.shard === shard)) {
    services.probes.hit('storage creation waits');
    return;
  }
  const member = services.registry.create(host.id);
  const configuration = isFirst
    ? { voters: [member], outgoing: [], learners: [] }
    : NO_CONFIGURATION;
  const placed = { at: ORIGIN, configuration };
  if (isFirst) services.invariants.found(shard, configuration);
  host.append([{ type: 'create', shard, member, configuration: placed }]);
  storage.state.create(shard, configuration);
  host.join(shard, {
    member,
    hardState: { term: 0, vote: NO_MEMBER, commit: 0 },
    log: { base: ORIGIN, runs: [], lastIndex: 0, damaged: [] },
    configurations: [placed],
    mayVote: true,
  });
}

/** The tombstone stays; all else of the replica is deleted, its state once the log allows it. */
export function destroy(host: Host, replica: Replica): void {
  const { shard } = replica;
  const durable = host.ledger.durable.get(shard);
  const configuration = replica.image.configurationAt(replica.image.lastIndex).at;
  if (durable?.member === replica.member) host.services.registry.bury(durable.copy());
  host.services.probes.hit('host replica destroyed');
  // The others may be quiesced and rely on a leader that is gone, though its node is there.
  host.lives += 1;
  host.replicas.delete(shard);
  host.corruptionChanged.delete(shard);
  host.forgetLazy(shard);
  host.append([{ type: 'remove', shard, configuration }], () => host.storage?.drop(shard));
}

/** A replica whose rows are damaged gets a snapshot in their place. */
export function unlessCorrupt<T>(host: Host, replica: Replica, run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof StateDamage)) throw error;
    markCorrupt(host, replica);
    return undefined;
  }
}

export function markCorrupt(host: Host, replica: Replica): void {
  const { services } = host;
  if (host.replicas.get(replica.shard) !== replica || replica.isStateLost) return;
  services.probes.hit('storage row damaged');
  const { shard } = replica;
  if (!host.corruptionChanged.has(shard)) {
    const place = { node: host.id, shard, time: services.agenda.now };
    throw new SimFailure('storage', 'a row is damaged without a fault', place);
  }
  loseState(host, replica);
}

/** It keeps its place, its vote and its log. */
export function loseState(host: Host, replica: Replica): void {
  host.storage?.state.condemn(replica.shard);
  replica.loseState();
  host.step(replica, { type: 'state-lost' });
}

/** A leader that can apply nothing hands over to a voter that can. */
export function yieldWithoutState(host: Host, replica: Replica): void {
  const { role, configuration, followers, isQuiet } = replica.raft.status();
  if (!replica.isStateLost || role !== 'leader') return;
  const { voters } = configuration.configuration;
  const heir = followers
    .filter(({ member, isActive }) => (isActive || isQuiet) && voters.includes(member))
    .sort((one, other) => other.match - one.match)[0];
  if (heir !== undefined) host.step(replica, { type: 'transfer', to: heir.member });
}

/** An entry is compared with what was written. */
function scrub(host: Host, replica: Replica, index: number): void {
  const { storage } = host;
  const known = storage?.log.replica(replica.shard)?.log;
  if (storage === undefined || known === undefined) return;
  if (index <= known.base.index || index > known.lastIndex) return;
  const range = { from: index, to: index, bytesMax: 1 };
  if (storage.log.reader(replica.shard).read(range) !== 'damaged') return;
  host.services.probes.hit('storage scrub found damage');
  host.step(replica, { type: 'damaged', index });
}
