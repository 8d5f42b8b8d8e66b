/** Rows under small numbers, and a machine that is made anew from them at any moment. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { Writer } from '../../src/base/message-pack.ts';
import { Random } from '../../src/base/random.ts';
import { SECTION } from '../../src/machine/section.ts';
import { Slots, type WriteBuffer } from '../../src/machine/slots.ts';
import { get, put, Rows } from './machine-rig.ts';
import { type About, TransactionRig } from './transaction-rig.ts';

function part(at: number): About {
  return { sequence: 20 + 2 * at };
}

function places(rig: TransactionRig, section: number): readonly string[] {
  return rig.shard.rows.in(section).map(({ key, value }) => {
    return key.length === 0 ? `end ${value[0]}` : `${(key[0] ?? 0) * 0x100 + (key[1] ?? 0)}`;
  });
}

test('a new row takes the lowest free number, and deleting the last one lowers the end', () => {
  const rig = new TransactionRig();
  const ready = (at: number) => rig.prepare([put(`k${at}`, 'x')], part(at));
  for (const at of [0, 1, 2, 3]) ready(at);
  deepEqual(places(rig, SECTION.prepared), ['end 4', '0', '1', '2', '3']);
  rig.resolve(true, part(1));
  rig.resolve(true, part(2));
  deepEqual(places(rig, SECTION.prepared), ['end 4', '0', '3']);
  ready(4);
  deepEqual(places(rig, SECTION.prepared), ['end 4', '0', '1', '3']);
  rig.resolve(false, part(3));
  deepEqual(places(rig, SECTION.prepared), ['end 2', '0', '1']);
  rig.resolve(false, part(0), part(4));
  deepEqual(places(rig, SECTION.prepared), []);
});

test('decisions have numbers of their own', () => {
  const rig = new TransactionRig();
  for (const at of [0, 1, 2]) rig.commit([put(`k${at}`, 'x')], part(at));
  rig.clear(part(1));
  deepEqual(places(rig, SECTION.decisions), ['end 3', '0', '2']);
  rig.abort(part(7));
  deepEqual(places(rig, SECTION.decisions), ['end 3', '0', '1', '2']);
  rig.clear(part(0), part(1), part(2), part(7));
  deepEqual(places(rig, SECTION.decisions), []);
});

test('a rebuilt machine knows all holders, also after a gap', () => {
  const rig = new TransactionRig();
  for (const at of [0, 1, 2]) rig.prepare([put(`k${at}`, 'x'), get(`r${at}`)], part(at));
  rig.resolve(true, part(1));
  rig.rebuild();
  deepEqual(
    ['k0', 'r0', 'k1', 'r1', 'k2', 'r2'].map((key) => rig.isHeld(key)),
    [true, true, false, false, true, true],
  );
  equal(rig.do(put('k2', 'y')), 'locked at 0 by 24');
  rig.prepare([put('k3', 'x')], part(3));
  deepEqual(places(rig, SECTION.prepared), ['end 3', '0', '1', '2']);
  rig.resolve(true, part(2), part(3));
  equal(rig.shard.row('k2')?.version, 4);
  equal(rig.shard.row('k3')?.version, 7);
});

test('a rebuilt machine knows all decisions', () => {
  const rig = new TransactionRig();
  rig.commit([put('a', 'x')], part(0));
  rig.abort(part(1));
  rig.rebuild();
  rig.pass(20_000);
  rig.forget();
  equal(rig.abort(part(0)), 'committed at ');
  equal(rig.commit([put('a', 'y')], part(1)), 'refused aborted at 0');
  const decisions = [...rig.shard.machine.transactions.decisions.all()];
  deepEqual(
    decisions.map(({ isCommitted, age, since }) => [isCommitted, age, since]),
    [
      [true, 5, 1_000_000],
      [false, 5, 1_000_000],
    ],
  );
  rig.clear(part(0), part(1));
  equal(rig.decisions, 0);
});

test('slots that are opened again behave like those that were never closed', () => {
  const random = new Random(8);
  const [rows, twin] = [new Rows(), new Rows()];
  const open = (source: Rows, seen: number[] = []) =>
    new Slots({ source, section: 9, onRow: (slot) => seen.push(slot) });
  let slots = open(rows);
  const lasting = open(twin);
  const taken: number[] = [];
  const writer = new Writer();
  for (let round = 0; round < 3000; round++) {
    writer.clear();
    const [one, other]: WriteBuffer[] = [0, 1].map(() => ({ writer, writes: [] }));
    if (one === undefined || other === undefined) continue;
    if (taken.length === 0 || random.chance(0.5)) {
      const place = slots.take(one, (into) => into.count(round));
      equal(
        lasting.take(other, (into) => into.count(round)),
        place,
      );
      taken.push(place);
    } else {
      const [place = 0] = taken.splice(random.below(taken.length), 1);
      slots.free(place, one);
      lasting.free(place, other);
    }
    rows.apply(one.writes);
    twin.apply(other.writes);
    if (!random.chance(0.05)) continue;
    deepEqual(rows.in(9), twin.in(9));
    const seen: number[] = [];
    slots = open(rows, seen);
    deepEqual(
      seen,
      [...taken].sort((left, right) => left - right),
    );
  }
});
