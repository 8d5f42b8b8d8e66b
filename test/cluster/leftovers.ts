/** What nodes must not hold on to once everything is at rest. */

import type { NodeCore } from '../../src/core/node-core.ts';
import { infoOf } from '../../src/core/status.ts';
import { SECTION } from '../../src/machine/section.ts';
import { DataMachine } from '../../src/shard/data-machine.ts';

/** Undefined if there is nothing. */
export function leftoversOf(core: NodeCore): string | undefined {
  const { requests, openViews } = infoOf(core);
  if (requests.waiting > 0) return `${requests.waiting} requests wait for an answer`;
  if (requests.forwarded > 0) return `${requests.forwarded} forwarded requests wait`;
  if (openViews > 0) return `${openViews} views are open`;
  const owed = core.clients.all().find(({ outstanding }) => outstanding > 0);
  if (owed !== undefined) return `${owed.outstanding} answers are owed to a client`;
  return undefined;
}

/** Sessions that are kept on a node, of all its shards. */
export function sessionsOn(core: NodeCore): number {
  let sessions = 0;
  for (const { shard, machine } of core.replicas.all) {
    if (!(machine instanceof DataMachine)) continue;
    for (const { section, rows } of core.store.hash(shard) ?? []) {
      if (section === SECTION.sessions) sessions += rows;
    }
  }
  return sessions;
}
