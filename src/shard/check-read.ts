/**
 * Evaluates checks, all at one moment of the shard, while no other transaction locks a key of them.
 *
 * A check names an index or a version, and holds only if nothing changed since: a version names one
 * value for ever, and the replica knows which keys were written and deleted again.
 */

import { compareBytes } from '../base/bytes.ts';
import type { ShardId } from '../base/ids.ts';
import { NO_BYTES } from '../base/message-pack.ts';
import { TRANSACTION_LIMITS } from '../base/transaction-limits.ts';
import type { CheckRange, Command, Operation } from '../machine/command.ts';
import { doesHold } from '../machine/execution.ts';
import type { KeyLock, Prepared } from '../machine/lock-table.ts';
import { encodeReply, type Reply } from '../machine/reply.ts';
import { decodeRow, type Row } from '../machine/row.ts';
import { SECTION } from '../machine/section.ts';
import { type Contender, isSameId } from '../machine/transaction-id.ts';
import { StateDamage } from '../storage/state/state.ts';
import type { StateStore } from '../storage/state/state-store.ts';
import { resolveConflict } from '../txn/conflict-policy.ts';
import type { Failure } from '../wire/response.ts';
import { failRequester, type Requester } from './proposals.ts';
import { isOneKey, type PlacedRange, RangeCheck, type RangeVerdict } from './range-check.ts';
import type { ReadContext } from './read-moment.ts';

interface CheckReadOptions {
  readonly shard: ShardId;
  readonly store: StateStore;
  readonly requester: Requester;
  readonly checks: Command;
  /** The requester holds locks itself, so it waits only for holders with lower priority. */
  readonly owner: Contender | undefined;
  readonly moment: ReadContext;
  /** The requester no longer waits for the answer. */
  readonly isLate: () => boolean;
  readonly onDamage: (damage: StateDamage) => Failure;
  /** All checks hold. */
  readonly onHolds: () => void;
  readonly onHeld: (holder: Prepared, isPreempting: boolean) => void;
}

/** Why a check cannot be evaluated: a lock. */
interface Obstacle {
  readonly position: number;
  readonly holder: Prepared;
}

export class CheckRead {
  readonly #options: CheckReadOptions;

  constructor(options: CheckReadOptions) {
    this.#options = options;
  }

  /** Answers now or after a disk read, or names the holder that the read waits for. */
  serve(): void {
    const { owner, checks, onHeld } = this.#options;
    const obstacle = this.#obstacle();
    if (obstacle !== undefined) {
      const { holder } = obstacle;
      const decision = resolveConflict(owner, holder);
      if (decision === 'yield') return this.#reply({ type: 'locked', ...obstacle });
      return onHeld(holder, decision === 'preempt');
    }
    const ranges: PlacedRange[] = [];
    for (const [position, check] of checks.entries()) {
      if (check.type === 'check-range' && !isOneKey(check)) ranges.push({ range: check, position });
      const version = this.#brokenVersion(check);
      if (version !== undefined) return this.#reply({ type: 'check-failed', position, version });
    }
    this.#look(ranges);
  }

  #look(ranges: readonly PlacedRange[]): void {
    const { store, shard, moment, isLate } = this.#options;
    if (ranges.length === 0) return this.#tell('hold');
    if (store.openViews >= TRANSACTION_LIMITS.checkViewsMax) return this.#fail('overloaded');
    const done = (verdict: RangeVerdict) => this.#tell(verdict);
    new RangeCheck({ view: store.view(shard), ranges, moment, isLate, done }).proceed();
  }

  #tell(verdict: RangeVerdict): void {
    if (verdict === 'late') return this.#fail('too-late');
    if (verdict === 'hold') {
      this.#options.onHolds();
      return this.#reply({ type: 'done', version: this.#options.moment.index, outputs: [] });
    }
    if (!(verdict instanceof StateDamage)) {
      return this.#reply({ type: 'check-failed', position: verdict.position, version: 0 });
    }
    this.#fail(this.#options.onDamage(verdict));
  }

  /** The first key that another transaction locks. */
  #obstacle(): Obstacle | undefined {
    const { checks, owner, moment } = this.#options;
    const { lockTable } = moment;
    if (lockTable === undefined || lockTable.size === 0) return undefined;
    const isOther = (holder: Prepared) => owner === undefined || !isSameId(holder.id, owner.id);
    let locks: readonly KeyLock[] | undefined;
    for (const [position, check] of checks.entries()) {
      if (check.type === 'check-range' && !isOneKey(check)) {
        // Computed once for all ranges: there may be many of both.
        locks ??= lockTable.within(NO_BYTES, NO_BYTES).filter(({ holder }) => isOther(holder));
        const lock = firstWithin(locks, check);
        if (lock !== undefined) return { position, holder: lock.holder };
      } else {
        const holder = lockTable.holderOf(check.key);
        if (holder !== undefined && isOther(holder)) return { position, holder };
      }
    }
    return undefined;
  }

  /**
   * The version that is there instead, if the check does not hold; 0 for none, or for many keys.
   */
  #brokenVersion(check: Operation): number | undefined {
    switch (check.type) {
      case 'check-version':
      case 'check-value':
      case 'check-presence': {
        const row = this.#rowAt(check.key);
        return doesHold(check, row) ? undefined : (row?.version ?? 0);
      }
      case 'check-range': {
        if (!isOneKey(check)) return undefined;
        const { key, seenAt, count } = check;
        const { recentDeletes, index } = this.#options.moment;
        const time = { since: seenAt, applied: index };
        if (recentDeletes?.mayHaveKey(key, time) ?? true) return 0;
        const row = this.#rowAt(key);
        const version = row?.version ?? 0;
        return (row === undefined ? 0 : 1) === count && version <= seenAt ? undefined : version;
      }
      default:
        return undefined;
    }
  }

  #rowAt(key: Uint8Array): Row | undefined {
    const { store, shard } = this.#options;
    const bytes = store.get(shard, SECTION.values, key);
    return bytes === undefined ? undefined : decodeRow(bytes);
  }

  #reply(reply: Reply): void {
    const { requester, moment } = this.#options;
    const { responder, id } = requester;
    responder.respond({ type: 'written', id, time: moment.time, replies: [encodeReply(reply)] });
  }

  #fail(failure: Failure): void {
    const { requester, moment } = this.#options;
    failRequester(requester, failure, moment.time);
  }
}

/** The first of the locks, which are in key order, whose key is in the range. */
function firstWithin(
  locks: readonly KeyLock[],
  { key: from, to }: CheckRange,
): KeyLock | undefined {
  let [low, high] = [0, locks.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareBytes((locks[middle] as KeyLock).key, from) < 0) low = middle + 1;
    else high = middle;
  }
  const lock = locks[low];
  if (lock === undefined || to.length === 0) return lock;
  return compareBytes(lock.key, to) < 0 ? lock : undefined;
}
