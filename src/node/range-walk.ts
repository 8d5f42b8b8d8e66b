/**
 * Walks the rows of limited ranges, so that each replica counts them once: when limits begin, and
 * when the replica or its state is new. One slice is read at a time, from a view of its own, and
 * all walks of a node together read a bounded amount in each period.
 */

import { SECTION } from '../machine/section.ts';
import type { RangeCount, Slice } from '../shard/range-count.ts';
import type { Replica } from '../shard/replica.ts';
import { StateDamage, type StateRow } from '../storage/state/state.ts';
import { STORAGE_QUOTA_LIMITS } from './limits.ts';
import type { NodeState } from './node-state.ts';

type Node = Pick<NodeState, 'now' | 'store' | 'replicas'>;

const { sliceRowsMax, sliceBytesMax, sliceRowsMin, walkRowsMax, walkBytesMax, walkMilliseconds } =
  STORAGE_QUOTA_LIMITS;

const SLICE = { rowsMax: sliceRowsMax, bytesMax: sliceBytesMax };

interface Walk {
  readonly replica: Replica;
  readonly count: RangeCount;
  readonly slice: Slice;
}

export class RangeWalk {
  readonly #node: Node;
  #isReading = false;
  #isLooping = false;
  #refilledAt = Number.NEGATIVE_INFINITY;
  #rowsLeft = 0;
  #bytesLeft = 0;
  /** Their rows are damaged: only another state, which is counted anew, has them. */
  readonly #unreadable = new WeakSet<RangeCount>();

  constructor(node: Node) {
    this.#node = node;
  }

  tick(): void {
    const { now } = this.#node;
    if (now - this.#refilledAt < walkMilliseconds) return;
    this.#refilledAt = now;
    this.#rowsLeft = walkRowsMax;
    this.#bytesLeft = walkBytesMax;
    this.#go();
  }

  /** Until the disk has to be waited for, or the budget is spent. */
  #go(): void {
    if (this.#isLooping) return;
    this.#isLooping = true;
    while (!this.#isReading && this.#rowsLeft > 0 && this.#bytesLeft > 0) {
      const walk = this.#next();
      if (walk === undefined) break;
      this.#read(walk);
    }
    this.#isLooping = false;
  }

  #next(): Walk | undefined {
    if (!this.#node.store.hasViews) return undefined;
    for (const replica of this.#node.replicas.all) {
      const walk = this.#of(replica);
      if (walk !== undefined) return walk;
    }
    return undefined;
  }

  #of(replica: Replica): Walk | undefined {
    if (replica.isCorrupt || replica.stopReason !== '') return undefined;
    for (const count of replica.counts.all) {
      if (count.isComplete || this.#unreadable.has(count)) continue;
      const slice = count.begin();
      if (slice !== undefined) return { replica, count, slice };
    }
    return undefined;
  }

  #read({ replica, count, slice }: Walk): void {
    this.#isReading = true;
    const view = this.#node.store.view(replica.shard);
    const { from, to } = slice;
    const end = to.length > 0 ? to : undefined;
    const cursor = view.cursor({ section: SECTION.values, from, to: end, isReverse: false });
    cursor.next(SLICE, (rows) => {
      cursor.close();
      view.close();
      this.#isReading = false;
      if (rows instanceof StateDamage) {
        count.giveUp(slice);
        this.#unreadable.add(count);
        replica.damaged(rows);
      } else {
        count.take(slice, rows);
        this.#charge(rows);
      }
      this.#go();
    });
  }

  #charge(rows: readonly StateRow[]): void {
    this.#rowsLeft -= Math.max(rows.length, sliceRowsMin);
    for (const { key, value } of rows) this.#bytesLeft -= key.length + value.length;
  }
}
