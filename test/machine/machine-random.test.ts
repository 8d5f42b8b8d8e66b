/** Random traffic: the machine against a naive one, and exactly once by counting. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../src/base/random.ts';
import { Machine } from '../../src/machine/machine.ts';
import { decodeReply, type Reply } from '../../src/machine/reply.ts';
import { decodeRow } from '../../src/machine/row.ts';
import { SECTION } from '../../src/machine/section.ts';
import {
  decodeSession,
  decodeSlotReplies,
  decodeVerdicts,
  slotKeyOf,
} from '../../src/machine/session.ts';
import { byEffort } from '../support/effort.ts';
import { Rows } from './machine-rig.ts';
import { nameOf } from './reference.ts';
import { StepReference } from './step-reference.ts';
import { type Proposed, Traffic } from './traffic.ts';

const SEEDS = byEffort({ full: 8, brief: 1 });
const ENTRIES = 26_000;
const LOOK_EVERY = 250;

class Both {
  readonly rows = new Rows();
  machine = new Machine({ source: this.rows });
  readonly reference = new StepReference();
  readonly seen = new Map<string, number>();
  /** Of commands that were done. */
  operations = 0;
  #index = 0;

  apply(proposed: Proposed): void {
    this.#index += 1;
    const outcome = this.machine.apply({ index: this.#index, payload: proposed.payload });
    ok(outcome.type === 'applied');
    this.rows.apply(outcome.writes);
    const replies = outcome.replies.map((bytes) => decodeReply(bytes));
    deepEqual(replies, this.reference.apply(this.#index, proposed));
    this.#count(proposed, replies);
  }

  /** As after a snapshot: what memory held is made of rows again. */
  rebuild(): void {
    this.machine = new Machine({ source: this.rows });
  }

  /** Whatever a client is told of a command that is done names one entry. */
  readonly #doneIn = new Map<string, number>();

  #count({ batch }: Proposed, replies: readonly (Reply | undefined)[]): void {
    for (const [at, reply] of replies.entries()) {
      const kind = reply?.type === 'refused' ? reply.reason : (reply?.type ?? 'nothing');
      this.seen.set(kind, (this.seen.get(kind) ?? 0) + 1);
      if (reply?.type !== 'done' || batch === undefined) continue;
      if (reply.version === this.#index) this.operations += batch.commands[at]?.length ?? 0;
      if (reply.version < this.#index) this.seen.set('again', (this.seen.get('again') ?? 0) + 1);
      const name = `${batch.client[0]} ${batch.sequence} ${at}`;
      equal(this.#doneIn.get(name) ?? reply.version, reply.version, `${name} is done once`);
      this.#doneIn.set(name, reply.version);
    }
  }

  look(): void {
    const { logTime, epoch, rows, sessions, holders } = this.reference.base;
    const { lockTable, decisions } = this.machine.transactions;
    for (const [name, { id }] of holders) {
      deepEqual(lockTable.holderOf(Buffer.from(name, 'latin1'))?.id, id, `${name} is held`);
    }
    const held = lockTable.within(Uint8Array.of(0), new Uint8Array());
    deepEqual(new Set(held.map(({ key }) => nameOf(key))), new Set(holders.keys()));
    equal(lockTable.size, this.reference.ready.size);
    equal(decisions.size, this.reference.decisions.size);
    equal(this.machine.metadata.logTime, logTime);
    equal(this.machine.metadata.epoch, epoch);
    const stored = this.rows.in(SECTION.values);
    deepEqual(new Map(stored.map(({ key, value }) => [nameOf(key), decodeRow(value)])), rows);
    equal(this.rows.in(SECTION.sessions).length, sessions.size);
    for (const { key, value } of this.rows.in(SECTION.sessions)) {
      const session = decodeSession(value);
      const expected = sessions.get(nameOf(key));
      deepEqual(session, { deadlineMax: expected?.deadlineMax, slots: expected?.top });
    }
    this.#lookAtSlots();
    // Whatever expires can be found.
    for (const [name, row] of rows) {
      if (row.expiresAt === 0) continue;
      const time = Buffer.alloc(8);
      time.writeBigUInt64BE(BigInt(row.expiresAt));
      ok(this.rows.get(SECTION.expiries, Buffer.concat([time, Buffer.from(name, 'latin1')])));
    }
  }

  /** Of each slot its latest request, and no row of anything else. */
  #lookAtSlots(): void {
    const { sessions } = this.reference.base;
    let count = 0;
    for (const [name, { slots }] of sessions) {
      const client = Buffer.from(name, 'latin1');
      for (const [slot, { sequence, replies }] of slots) {
        const row = this.rows.get(SECTION.replies, slotKeyOf(client, slot));
        const kept = row && decodeSlotReplies(row);
        equal(kept?.sequence, sequence);
        for (const run of kept?.runs ?? []) equal(decodeVerdicts(run)?.length, run.count);
        equal(
          kept?.runs.reduce((sum, run) => sum + run.count, 0),
          replies.size,
        );
        count += 1;
      }
    }
    equal(this.rows.in(SECTION.replies).length, count);
  }
}

for (let seed = 1; seed <= SEEDS; seed++) {
  test(`seed ${seed}: ${ENTRIES} entries do what the naive machine does`, () => {
    const traffic = new Traffic(new Random(seed));
    const both = new Both();
    const moments = new Random(seed + 100);
    both.apply(traffic.first());
    for (let entry = 0; entry < ENTRIES; entry++) {
      both.apply(traffic.next());
      if (moments.chance(0.02)) both.rebuild();
      if (entry % LOOK_EVERY === 0) both.look();
    }
    both.look();
    ok(both.operations > 12_000, `${both.operations} operations`);
    const wanted = ['done', 'check-failed', 'again', 'key-twice', 'not-a-number', 'overflow'];
    wanted.push('deadline-passed', 'deadline-too-far', 'wrong-epoch', 'acknowledged');
    wanted.push('locked', 'committed', 'aborted', 'gave-way');
    for (const kind of wanted)
      ok((both.seen.get(kind) ?? 0) > 5, `${kind}: ${both.seen.get(kind)}`);
  });
}
