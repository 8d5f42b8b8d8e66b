/** Scans of attachments on a slow disk: in what order rows are read, and how long that takes. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { present } from '../../src/base/assert.ts';
import { NODE_LIMITS } from '../../src/base/node-limits.ts';
import type { LeaseEnd } from '../../src/machine/entry.ts';
import { AttachmentScan } from '../../src/node/attachment-scan.ts';
import {
  type StateCursor,
  StateDamage,
  type StateRange,
  type StateRow,
  type StateView,
} from '../../src/storage/state/state.ts';
import { textOf } from '../machine/machine-rig.ts';

const LEASE_BYTES = 16;

function leaseOf(number: number): Uint8Array {
  return new Uint8Array(LEASE_BYTES).fill(number);
}

function attachment(lease: number, key: string): Uint8Array {
  return Uint8Array.from([...leaseOf(lease), ...Buffer.from(key)]);
}

/**
 * A view whose disk answers in rounds: all reads that are open then. As with the real one, the end
 * is known with the last rows.
 */
class SlowView {
  readonly #keys: readonly Uint8Array[];
  #waiting: (() => void)[] = [];
  readonly open = new Set<StateCursor>();
  isClosed = false;
  rounds = 0;

  constructor(keys: readonly Uint8Array[]) {
    this.#keys = keys;
  }

  cursor({ from, to }: StateRange): StateCursor {
    const isIn = (key: Uint8Array) =>
      Buffer.compare(key, from ?? key) >= 0 && (to === undefined || Buffer.compare(key, to) < 0);
    const rows: StateRow[] = this.#keys.filter(isIn).map((key) => ({ key, value: key }));
    let isEnded = false;
    const cursor: StateCursor = {
      next: ({ rowsMax }, done) => {
        if (isEnded) return done([]);
        this.#waiting.push(() => {
          if (!this.open.has(cursor)) return;
          isEnded = rows.length < rowsMax;
          done(rows.splice(0, rowsMax));
        });
      },
      close: () => this.open.delete(cursor),
    };
    this.open.add(cursor);
    return cursor;
  }

  close(): void {
    this.isClosed = true;
  }

  turn(): void {
    const due = this.#waiting;
    this.#waiting = [];
    this.rounds += 1;
    for (const answer of due) answer();
  }
}

interface Scanned {
  readonly ends: readonly LeaseEnd[];
  readonly done: number;
  readonly from: Uint8Array | undefined;
}

function scan(view: SlowView, leases: readonly Uint8Array[], from?: Uint8Array): Scanned {
  let scanned: Scanned | undefined;
  const asView = view as unknown as StateView;
  const options = { view: asView, seenAt: 7, leases, from, isHeld: () => false };
  new AttachmentScan(options).run((found) => {
    ok(!(found instanceof StateDamage));
    scanned = found;
  });
  while (scanned === undefined && view.rounds < 1000) view.turn();
  equal(view.open.size, 0, 'no cursor is left open');
  ok(view.isClosed);
  return present(scanned, 'the scan ends');
}

test('a slow disk is waited for once for many leases, and not once for each', () => {
  const numbers = Array.from({ length: NODE_LIMITS.detachedAtOnceMax }, (_, at) => at + 1);
  const view = new SlowView(numbers.map((number) => attachment(number, `key-${number}`)));
  const { ends, done } = scan(view, numbers.map(leaseOf));
  equal(done, numbers.length);
  deepEqual(
    ends.map(({ lease, isLast, keys }) => [lease[0], isLast, keys.map(textOf)]),
    numbers.map((number) => [number, true, [`key-${number}`]]),
  );
  equal(view.rounds, 1);
});

test('leases are looked at in order, however many keys the first one has', () => {
  const many = Array.from({ length: 200 }, (_, at) => attachment(1, String(at).padStart(3, '0')));
  const { ends } = scan(new SlowView([...many, attachment(3, 'x')]), [1, 2, 3].map(leaseOf));
  deepEqual(
    ends.map(({ lease, isLast, keys }) => [lease[0], isLast, keys.length]),
    [
      [1, true, 200],
      [2, true, 0],
      [3, true, 1],
    ],
  );
});

test('a scan that goes on in the middle of a lease does not call it whole', () => {
  const keys = ['a', 'b', 'c'].map((key) => attachment(1, key));
  const view = new SlowView([...keys, attachment(2, 'd')]);
  const { ends } = scan(view, [1, 2].map(leaseOf), present(keys[1], 'a key'));
  deepEqual(
    ends.map(({ lease, isLast, keys }) => [lease[0], isLast, keys.length]),
    [
      [1, false, 2],
      [2, true, 1],
    ],
  );
});
