/**
 * Random traffic: the changes that the machine tells against the rows that it writes, on a replica
 * that lives on and on one that is made anew; and that recording them changes nothing else.
 */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { compareBytes } from '../../src/base/bytes.ts';
import { Random } from '../../src/base/random.ts';
import { decodeDueKey } from '../../src/machine/due-key.ts';
import { type EntryBody, encodeEntry } from '../../src/machine/entry.ts';
import type { Changes, KeyChange } from '../../src/machine/key-change.ts';
import { Machine } from '../../src/machine/machine.ts';
import { decodeRow, type Row } from '../../src/machine/row.ts';
import { type RowWrite, SECTION } from '../../src/machine/section.ts';
import { casesByEffort } from '../support/effort.ts';
import { stampOf } from '../support/stamp.ts';
import { Rows } from './machine-rig.ts';
import { type Proposed, Traffic } from './traffic.ts';

const SEEDS = casesByEffort([1, 2, 3, 4], { brief: 1 });
const ENTRIES = 12_000;

/** What became of a key, as its rows show it. */
interface Seen {
  readonly key: string;
  readonly previous: number;
  /** Of the row that is there now; 0 for none. */
  readonly version: number;
  readonly value: string;
}

class Replica {
  readonly rows = new Rows();
  #machine = new Machine({ source: this.rows });

  apply(index: number, payload: Uint8Array) {
    const outcome = this.#machine.apply({ index, payload });
    ok(outcome.type === 'applied');
    const seen = outcome.writes.flatMap((write) => this.#seen(write));
    const changes = outcome.changes;
    const copy = changes === 'unrecorded' ? changes : structuredClone(changes);
    this.rows.apply(outcome.writes);
    return { changes: copy as Changes, seen, replies: structuredClone(outcome.replies) };
  }

  rebuild(): void {
    this.#machine = new Machine({ source: this.rows });
  }

  /** What a leader proposes that finds keys due. */
  sweep({ time, epoch }: Proposed): Proposed {
    const dueKeys = this.rows
      .in(SECTION.expiries)
      .map(({ key }) => key)
      .filter((key) => (decodeDueKey(key)?.expiresAt ?? time) < time);
    const body: EntryBody = { type: 'expire', dueKeys };
    const payload = encodeEntry(stampOf({ time, epoch }), body);
    return { time, epoch, body, payload, batch: undefined, step: undefined };
  }

  get isRecording(): boolean {
    const { logTime, recordUntil } = this.#machine.metadata;
    return logTime <= recordUntil;
  }

  /** A row with the same version was touched. */
  #seen({ section, key, value }: RowWrite): readonly Seen[] {
    if (section !== SECTION.values) return [];
    const previous = versionOf(rowOf(this.rows.get(section, key)));
    const row = rowOf(value);
    const version = versionOf(row);
    if (version === previous) return [];
    return [{ key: hex(key), previous, version, value: hex(row?.value) }];
  }
}

function rowOf(bytes: Uint8Array | undefined): Row | undefined {
  return bytes === undefined ? undefined : decodeRow(bytes);
}

function versionOf(row: Row | undefined): number {
  return row?.version ?? 0;
}

function hex(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? 'none' : Buffer.from(bytes).toString('hex');
}

function seenBy({ kind, key, previous, version, value }: KeyChange): Seen {
  return { key: hex(key), previous, version: kind === 'set' ? version : 0, value: hex(value) };
}

/** By kind: as the entry's kind and the rows want it. */
function checkKinds(changes: readonly KeyChange[], { body }: Proposed): void {
  for (const { kind, value } of changes) {
    equal(value !== undefined, kind === 'set');
    equal(kind === 'expired', body.type === 'expire');
  }
}

/** A group is what one command or part changed, and each is closed once. */
function checkGroups(changes: readonly KeyChange[], { body }: Proposed): void {
  for (const [at, { transaction, isLast }] of changes.entries()) {
    const next = changes[at + 1];
    const isSame = next !== undefined && isEqual(next.transaction, transaction);
    equal(isLast, !isSame, 'a group ends where the next one begins');
    if (body.type === 'batch' || body.type === 'expire') equal(typeof transaction, 'number');
    else equal(typeof transaction, 'object');
    if (body.type === 'expire') equal(isLast, true);
  }
}

function isEqual(one: KeyChange['transaction'], other: KeyChange['transaction']): boolean {
  if (typeof one === 'number' || typeof other === 'number') return one === other;
  const isOne = one.sequence === other.sequence && one.home === other.home;
  return isOne && compareBytes(one.client, other.client) === 0;
}

for (const seed of SEEDS) {
  test(`seed ${seed}: the changes of ${ENTRIES} entries are those of their rows`, () => {
    const traffic = new Traffic(new Random(seed));
    const moments = new Random(seed + 100);
    const [one, other, silent] = [new Replica(), new Replica(), new Replica()];
    let sweep: Proposed | undefined;
    const kinds = new Map<string, number>();
    const add = (kind: string) => kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    for (let index = 1; index <= ENTRIES; index++) {
      const proposed = sweep ?? (index === 1 ? traffic.first() : traffic.next());
      const { changes, seen, replies } = one.apply(index, proposed.payload);
      deepEqual(other.apply(index, proposed.payload).changes, changes, 'every replica is alike');
      if (moments.chance(0.02)) other.rebuild();
      sweep = moments.chance(0.1) ? one.sweep(proposed) : undefined;
      if (proposed.body.type === 'record-changes') continue;
      const unrecorded = silent.apply(index, proposed.payload);
      deepEqual(unrecorded.replies, replies, 'recording changes no reply');
      equal(unrecorded.changes === 'unrecorded', seen.length > 0);
      add(seen.length === 0 ? 'none' : changes === 'unrecorded' ? changes : 'recorded');
      equal(changes === 'unrecorded', seen.length > 0 && !one.isRecording);
      if (changes === 'unrecorded') continue;
      deepEqual(changes.map(seenBy), seen);
      checkKinds(changes, proposed);
      checkGroups(changes, proposed);
      for (const { kind, version } of changes) {
        add(kind);
        if (version < index) add('of a part');
      }
    }
    for (const { key, value } of one.rows.in(SECTION.values)) {
      deepEqual(silent.rows.get(SECTION.values, key), value, 'recording changes no row');
    }
    for (const kind of [
      'none',
      'unrecorded',
      'recorded',
      'set',
      'delete',
      'expired',
      'of a part',
    ]) {
      ok((kinds.get(kind) ?? 0) > 15, `${kind}: ${kinds.get(kind)}`);
    }
  });
}
