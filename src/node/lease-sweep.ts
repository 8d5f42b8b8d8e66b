/**
 * The end of leases, by the leader of their shard. Leases that are due end first, many in one
 * entry, so that their tickets go at once; then the keys of ended leases, one lease after the
 * other, as they are found in the index of attachments. Tombstones that are not needed any more go
 * at last. Every entry is judged anew when it is applied: a keepalive that stands before it in the
 * log saves its lease.
 */

import { compareBytes } from '../base/bytes.ts';
import { COORDINATION_LIMITS } from '../base/coordination-limits.ts';
import { NODE_LIMITS } from '../base/node-limits.ts';
import type { LeaseEnd } from '../machine/entry.ts';
import type { StoredLease } from '../machine/lease.ts';
import { DataMachine } from '../shard/data-machine.ts';
import type { Replica } from '../shard/replica.ts';
import { StateDamage } from '../storage/state/state.ts';
import type { Response } from '../wire/response.ts';
import { AttachmentScan } from './attachment-scan.ts';
import type { NodeState } from './node-state.ts';

const { keptLeasesMax } = COORDINATION_LIMITS;

/** How far the sweep of one replica has come. */
interface Round {
  /** An entry, or the disk, is waited for. */
  isBusy: boolean;
  /**
   * Ended leases whose keys are looked for, one after the other, in order. They are found and
   * sorted once for all of them: thousands may end at once, and a step takes some only.
   */
  ended: readonly Uint8Array[];
  /** Where to go on in the first of them; undefined at its beginning. */
  from: Uint8Array | undefined;
}

export class LeaseSweep {
  readonly #node: NodeState;
  readonly #rounds = new WeakMap<Replica, Round>();
  /** An entry of theirs was applied, so more may be found at once. */
  #successful = new Set<Replica>();
  #sweptAt = Number.NEGATIVE_INFINITY;
  /** All replicas are to be looked at. */
  #isDue = false;
  /** Leases that were ended because their time was over. */
  expired = 0;

  constructor(node: NodeState) {
    this.#node = node;
  }

  tick(): void {
    const { now } = this.#node;
    if (this.#isDue || now - this.#sweptAt < NODE_LIMITS.leaseSweepMilliseconds) return;
    this.#sweptAt = now;
    this.#isDue = true;
  }

  /**
   * After the requests of the turn were decoded: keepalives that arrived while the loop was held
   * are known by then. Where more wait than one turn serves, leases are ended all the same, later.
   */
  endTurn(): void {
    if (!this.#isDue && this.#successful.size === 0) return;
    const { now, replicas, fair } = this.#node;
    const isLate = now - this.#sweptAt >= NODE_LIMITS.leaseSweepDelayMilliseconds;
    if (fair.hasWork && !isLate) return;
    const some = this.#isDue ? replicas.all : this.#successful;
    this.#successful = new Set();
    this.#isDue = false;
    for (const replica of some) this.#sweep(replica);
  }

  #sweep(replica: Replica): void {
    const { machine } = replica;
    if (!replica.isCurrent || replica.isCorrupt || !(machine instanceof DataMachine)) return;
    const { leases, tombstones } = machine.coordination;
    if (leases.size === 0 && tombstones.size === 0) return;
    const round = this.#roundOf(replica);
    if (round.isBusy) return;
    const due = dueOf(replica, machine);
    if (due.length > 0) return this.#endAll(replica, machine, due);
    if (round.ended.length === 0) round.ended = endedOf(machine);
    if (round.ended.length > 0) return this.#detach(replica, machine);
    const old = oldTombstones(replica, machine);
    if (old.length > 0) this.#propose(replica, old.map(forgetting), () => {});
  }

  #roundOf(replica: Replica): Round {
    const known = this.#rounds.get(replica);
    if (known !== undefined) return known;
    const round: Round = { isBusy: false, ended: [], from: undefined };
    this.#rounds.set(replica, round);
    return round;
  }

  /** Their keys are looked for afterwards, when none can be attached any more. */
  #endAll(replica: Replica, machine: DataMachine, due: readonly StoredLease[]): void {
    const seenAt = replica.applied;
    const ends = due.map(({ id }) => ({ lease: id, seenAt, isLast: false, keys: [] }));
    const { leases } = machine.coordination;
    this.#propose(replica, ends, () => {
      this.expired += due.filter(({ id }) => !leases.isAlive(id)).length;
    });
  }

  /** Looks for keys of ended leases, as many as go into one entry. */
  #detach(replica: Replica, machine: DataMachine): void {
    const { store } = this.#node;
    if (!store.hasViews) return;
    const round = this.#roundOf(replica);
    const scan = new AttachmentScan({
      view: store.view(replica.shard),
      seenAt: replica.applied,
      leases: round.ended.slice(0, NODE_LIMITS.detachedLeasesMax),
      from: round.from,
      isHeld: (key) => machine.lockTable.holderOf(key) !== undefined,
    });
    round.isBusy = true;
    scan.run((scanned) => {
      round.isBusy = false;
      if (scanned instanceof StateDamage) return void replica.damaged(scanned);
      // Another leader may remove some of them meanwhile.
      round.ended = replica.isLeader ? round.ended.slice(scanned.done) : [];
      round.from = scanned.from;
      if (!replica.isLeader) return;
      if (scanned.ends.length > 0) this.#propose(replica, scanned.ends, () => {});
    });
  }

  /** If it fails, the next sweep finds the same leases. */
  #propose(replica: Replica, ends: readonly LeaseEnd[], onApplied: () => void): void {
    const { machine } = replica;
    if (!(machine instanceof DataMachine)) return;
    const round = this.#roundOf(replica);
    round.isBusy = true;
    const respond = ({ type }: Response) => {
      round.isBusy = false;
      if (type !== 'written') return;
      onApplied();
      this.#successful.add(replica);
    };
    const requester = { responder: { respond }, id: 0 };
    replica.stamp(requester, machine.epoch, { type: 'end-leases', ends });
  }
}

/** In the order of their ids: those that an entry could end now, and that no keepalive is for. */
function dueOf(replica: Replica, machine: DataMachine): readonly StoredLease[] {
  const time = machine.leaseTimeAt(replica.logTime);
  const due: StoredLease[] = [];
  for (const lease of machine.coordination.leases.all()) {
    if (lease.endedAt > 0 || lease.expiresAt > time || replica.isKept(lease.id)) continue;
    due.push(lease);
    if (due.length === keptLeasesMax) break;
  }
  return inOrder(due);
}

/** Some that need not be kept, in the order of their ids; none as long as they are few and new. */
function oldTombstones(replica: Replica, machine: DataMachine): readonly Uint8Array[] {
  const { tombstones } = machine.coordination;
  const due = tombstones.dueAt(replica.logTime, keptLeasesMax);
  const earlier = replica.logTime - NODE_LIMITS.tombstoneDelayMilliseconds;
  const isWorthAnEntry = due.length === keptLeasesMax || tombstones.dueAt(earlier, 1).length > 0;
  return isWorthAnEntry ? [...due].sort(compareBytes) : [];
}

/** The entry looks at the log time. */
function forgetting(lease: Uint8Array): LeaseEnd {
  return { lease, seenAt: 0, isLast: false, keys: [] };
}

function endedOf({ coordination }: DataMachine): readonly Uint8Array[] {
  const ended = [...coordination.leases.all()].filter(({ endedAt }) => endedAt > 0);
  return inOrder(ended).map(({ id }) => id);
}

function inOrder(leases: readonly StoredLease[]): readonly StoredLease[] {
  return [...leases].sort((one, other) => compareBytes(one.id, other.id));
}
