/** A process starts: opens log and state store, reconciles them, and starts the sound replicas. */

import { NO_MEMBER, type NodeId, type ShardId } from '../../src/base/ids.ts';
import { NO_CONFIGURATION } from '../../src/raft/configuration.ts';
import type { SnapshotDescription } from '../../src/raft/message.ts';
import type { Log, RestoredReplica, ShardRecord } from '../../src/storage/log/log.ts';
import { type Opened, openLog } from '../../src/storage/log/log-boot.ts';
import type { Keyring } from '../../src/storage/sealing/keyring.ts';
import { StateStoreDamaged } from '../../src/storage/state/state.ts';
import { StateStore } from '../../src/storage/state/state-store.ts';
import { openedState } from '../support/twins/vault.ts';
import { SimFailure } from './failure.ts';
import type { Host } from './host.ts';
import { Storage } from './storage.ts';

const CLUSTER = 'a simulated cluster';

export function boot(host: Host): void {
  const { plan, agenda } = host.services;
  const life = host.boot;
  const isThisLife = () => host.isUp && host.boot === life;
  const keyring = host.vault?.open();
  openLog(
    {
      files: host.disk.files,
      owner: { cluster: CLUSTER, node: nodeIdOf(host) },
      isNew: !host.hasLived,
      limits: plan.log,
      random: host.random.fork(`log ${life}`),
      keyring,
      now: () => agenda.now,
      onFault: (line) => host.endByFault(line),
    },
    (opened) => {
      if (isThisLife()) meet(host, opened, keyring);
    },
  );
}

/** With a new disk it counts as another node. */
function nodeIdOf({ id, disks }: Host): NodeId {
  return (1 + id + 64 * disks) as NodeId;
}

function meet(host: Host, opened: Opened, keyring: Keyring | undefined): void {
  if (opened.type === 'refused') return host.refuse(opened.text);
  const { log } = opened;
  if (host.mustRefuse) fail(host, 'a folder of another node was accepted');
  host.hasLived = true;
  const state = openState(host, keyring);
  if (state === undefined) return;
  if (!compare(host, log)) return;
  for (const { reason } of log.quarantined) {
    if (!host.isSuspect) fail(host, `a replica in quarantine without a reason: ${reason}`);
    host.services.probes.hit('storage quarantine');
  }
  const storage = new Storage({ host, log, state });
  const records = holdTogether(host, storage);
  if (records.length === 0) return host.open(storage);
  storage.append(records, () => host.open(storage));
}

/** A lie of the disk about the very last write cannot be detected; then the node is given up. */
function compare(host: Host, log: Log): boolean {
  try {
    host.ledger.meet(log, { isSuspect: host.isSuspect });
    return true;
  } catch (error) {
    if (!host.isLiedTo || !(error instanceof SimFailure)) throw error;
    host.services.probes.hit('storage lie unseen');
    host.refuse(error.message);
    return false;
  }
}

function openState(host: Host, keyring: Keyring | undefined): StateStore | undefined {
  host.disk.state.fault = undefined;
  host.disk.state.onFault = () => host.endByFault('the state store cannot go on');
  try {
    return new StateStore({
      disk: openedState(host.disk.state, keyring),
      identity: new TextEncoder().encode(`${CLUSTER} ${nodeIdOf(host)}`),
      durableIndex: (shard) => {
        return host.replicas.get(shard)?.raft.status().durable ?? Number.POSITIVE_INFINITY;
      },
      onProgress: () => host.storage?.wake(),
      onBatch: ({ forgettable }) => {
        for (const { shard, description } of forgettable) {
          host.storage?.save(shard, description.index);
          host.push({ type: 'checkpointed', shard, index: description.index });
        }
      },
      onDamage: ({ shard }) => host.push({ type: 'corrupt', shard }),
    });
  } catch (error) {
    if (!(error instanceof StateStoreDamaged)) throw error;
    host.refuse(error.message);
    return undefined;
  }
}

/**
 * Log and state became durable at different times, so one may be behind the other. Returns what
 * has to be written to the log before the replicas may start.
 */
function holdTogether(host: Host, { log, state }: Storage): ShardRecord[] {
  const records: ShardRecord[] = [];
  for (const { shard, member } of log.quarantined) {
    records.push(giveUp(host, shard));
    if (member === NO_MEMBER) host.ledger.forgetMember(shard);
  }
  for (const shard of log.shards) {
    const replica = log.replica(shard) as RestoredReplica;
    const found = state.shards.includes(shard) ? state.description(shard) : undefined;
    if (found === undefined && replica.log.base.index === 0) {
      const [first] = replica.configurations;
      state.create(shard, first?.configuration ?? NO_CONFIGURATION);
    } else if (found === undefined || found.index < replica.log.base.index) {
      if (!host.isSuspect) fail(host, 'the state of a replica is lost without a reason', shard);
      host.services.probes.hit('storage state lost');
      const [first] = replica.configurations;
      if (found === undefined) state.create(shard, first?.configuration ?? NO_CONFIGURATION);
    } else if (!holds(replica, found)) {
      host.services.probes.hit('storage log restarted at the state');
      records.push(restart(shard, replica, found));
    }
  }
  const removed = new Set(records.filter(({ type }) => type === 'remove').map((one) => one.shard));
  for (const shard of state.shards) {
    if (!log.shards.includes(shard) || removed.has(shard)) state.drop(shard);
  }
  return records;
}

/** Whether the log has the entry at which the state ends. */
function holds({ log }: RestoredReplica, { index, term }: SnapshotDescription): boolean {
  if (index > log.lastIndex) return false;
  if (index === log.base.index) return log.base.term === term;
  return log.runs.findLast((run) => run.index <= index)?.term === term;
}

/** The process died between the switch to a snapshot and the restart of the log. */
function restart(
  shard: ShardId,
  { hardState }: RestoredReplica,
  snapshot: SnapshotDescription,
): ShardRecord {
  const { index, term } = snapshot;
  const isLater = term > hardState.term;
  const promises = isLater ? { term, vote: NO_MEMBER } : hardState;
  const mark = { number: 0, position: { index, term } };
  const commit = Math.max(hardState.commit, index);
  const write = { mark, hardState: { ...promises, commit }, snapshot, entries: [], repairs: [] };
  return { type: 'write', shard, write };
}

/** The member ends; its node gets another one. */
function giveUp(host: Host, shard: ShardId): ShardRecord {
  const image = host.ledger.durable.get(shard);
  if (image !== undefined) {
    host.services.registry.bury(image);
    host.services.registry.impair(shard, image.member);
  }
  const configuration = image?.configurationAt(image.lastIndex).at ?? { index: 0, term: 0 };
  return { type: 'remove', shard, configuration };
}

function fail(host: Host, message: string, shard?: ShardId): never {
  throw new SimFailure('storage', message, {
    node: host.id,
    shard,
    time: host.services.agenda.now,
  });
}
