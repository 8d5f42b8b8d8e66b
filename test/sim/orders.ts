/** How a node obeys the operator: replicas are created, changed, moved and destroyed. */

import type { ShardId } from '../../src/base/ids.ts';
import { NO_CONFIGURATION } from '../../src/raft/configuration.ts';
import { ORIGIN } from '../../src/raft/position.ts';
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
      // A silent leader does not know that its followers are there.
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
      return replica.checkpoint();
    case 'scrub':
      host.step(replica, { type: 'damaged', index: order.index });
      return;
  }
}

function create(host: Host, shard: ShardId, isFirst: boolean): void {
  if (host.replicas.has(shard)) return;
  const member = host.services.registry.create(host.id);
  const configuration = isFirst
    ? { voters: [member], outgoing: [], learners: [] }
    : NO_CONFIGURATION;
  const placed = { at: ORIGIN, configuration };
  if (isFirst) host.services.invariants.found(shard, configuration);
  host.disk.submit([{ kind: 'create', shard, member, configuration: placed }]);
  const image = host.disk.written.get(shard);
  if (image !== undefined) host.open(shard, image);
}

/** The tombstone stays; everything else of the replica goes. */
export function destroy(host: Host, replica: Replica): void {
  const { shard, member, durable } = replica;
  const configuration = replica.image.configurationAt(replica.image.lastIndex).at;
  if (durable !== undefined) host.services.registry.bury(durable);
  host.services.probes.hit('host replica destroyed');
  host.replicas.delete(shard);
  host.disk.submit([{ kind: 'destroy', shard, member, configuration }]);
}
