/** How often a shard asks for the outcome of its holders, while home shards do not answer. */

import { ok } from 'node:assert/strict';
import { test } from 'node:test';
import { TRANSACTION_LIMITS } from '../../src/base/transaction-limits.ts';
import type { LockTable, Prepared } from '../../src/machine/lock-table.ts';
import { idText } from '../../src/machine/transaction-id.ts';
import { LockResolver } from '../../src/txn/lock-resolver.ts';
import { contenderOf } from './spelling.ts';

const TICK = 10;

/** Questions in a second about so many holders of unknown outcome. */
function questionsAbout(holders: number): number {
  const held = new Map<string, Prepared>();
  let now = 0;
  let questions = 0;
  const resolver = new LockResolver({
    get now() {
      return now;
    },
    resolveMilliseconds: TRANSACTION_LIMITS.resolveMilliseconds,
    lockTable: { of: (id) => held.get(idText(id)) } as LockTable,
    settle: (_holder, _isPressing, done) => {
      questions += 1;
      done(undefined);
    },
    resolve: () => {},
  });
  for (let slot = 0; slot < holders; slot++) {
    const { id, attempts, age } = contenderOf(1, 50);
    const rest = {
      slot,
      version: 1,
      since: 0,
      participants: [],
      keys: [],
      fences: [],
      bytes: 0,
      workBytes: 0,
      isStaged: false,
    };
    const holder: Prepared = { id: { ...id, sequence: slot }, attempts, age, ...rest };
    held.set(idText(holder.id), holder);
    resolver.meet(holder, false);
  }
  for (; now < 1000; now += TICK) resolver.tick();
  return questions;
}

test('the more holders there are, the more rarely it asks after each', () => {
  const few = questionsAbout(TRANSACTION_LIMITS.questionsMax);
  const often = 1000 / TRANSACTION_LIMITS.restMilliseconds - 1;
  ok(few >= often * TRANSACTION_LIMITS.questionsMax, `${few} questions`);
  const many = questionsAbout(8 * TRANSACTION_LIMITS.questionsMax);
  ok(many <= few + 8 * TRANSACTION_LIMITS.questionsMax, `${many} questions, and ${few} of few`);
  const { slotsMax } = TRANSACTION_LIMITS;
  const most = questionsAbout(slotsMax);
  // The first ones were met while there were few.
  ok(most >= slotsMax && most < 1.1 * slotsMax, `${most} questions: once a second`);
});
