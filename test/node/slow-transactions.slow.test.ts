/** With slow disks, processors and links no transaction is aborted by a short timeout. */

import { deepEqual, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { starve } from '../cluster/slowness.ts';
import { Stage } from '../cluster/stage.ts';
import { putOf, transact } from '../cluster/transacting.ts';

const AT_ONCE = 24;

interface Course {
  readonly committed: number;
  readonly failed: number;
  /** Failed runs, though no two transactions use the same key. */
  readonly again: number;
}

/** Transactions over two keys each, most of them in two shards; so many at a time. */
function transfer(stage: Stage, milliseconds: number): Course {
  const { customer } = stage;
  customer.timeoutMilliseconds = 60_000;
  const until = stage.agenda.now + milliseconds;
  const before = stage.probes.counts.get('transaction again') ?? 0;
  let [committed, failed, open] = [0, 0, 0];
  let number = 0;
  const next = () => {
    if (stage.agenda.now >= until) return;
    number += 1;
    open += 1;
    const [one, other] = [`one ${number}`, `other ${number}`];
    transact(
      customer,
      (run) => run.read([one, other], () => run.commit([putOf(one, 'x'), putOf(other, 'x')])),
      (outcome) => {
        if (outcome === 'ok') committed += 1;
        else failed += 1;
        open -= 1;
        next();
      },
    );
  };
  for (let at = 0; at < AT_ONCE; at++) next();
  stage.run(milliseconds);
  stage.until('all have ended', () => open === 0);
  const again = (stage.probes.counts.get('transaction again') ?? 0) - before;
  return { committed, failed, again };
}

const MILLISECONDS = 30_000;
/** Leaders have moved to the nodes that are preferred. */
const SETTLED_MILLISECONDS = 20_000;

function settled(): Stage {
  const stage = new Stage(3, { nodes: 3, shards: 8 });
  stage.run(SETTLED_MILLISECONDS);
  return stage;
}

function slowDisks({ computers }: Stage, minimum: number): void {
  for (const computer of computers) computer.speed = { minimum, mean: minimum / 10 };
}

/** No conflict and no failure, so each transaction committed in its first run. */
function expectNoAbort({ committed, failed, again }: Course, committedMin: number): void {
  deepEqual({ failed, again }, { failed: 0, again: 0 });
  ok(committed >= committedMin, `${committed} committed`);
}

for (const { minimum, committedMin } of [
  { minimum: 100, committedMin: 1500 },
  { minimum: 500, committedMin: 350 },
  { minimum: 1300, committedMin: 100 },
]) {
  test(`with disks of ${minimum} ms a sync every transaction commits in its first run`, () => {
    const stage = settled();
    slowDisks(stage, minimum);
    expectNoAbort(transfer(stage, MILLISECONDS), committedMin);
  });
}

test('when steps become slower, few runs are lost until the timeouts follow', () => {
  const stage = settled();
  slowDisks(stage, 1800);
  const { committed, failed, again } = transfer(stage, 2 * MILLISECONDS);
  ok(failed === 0 && committed > 150, `${committed} committed, ${failed} failed`);
  ok(again < AT_ONCE, `${again} runs came to nothing`);
});

test('with a tenth of a processor for each node every transaction commits in its first run', () => {
  const stage = settled();
  const { agenda } = stage;
  for (const computer of stage.computers) starve(computer, { agenda, share: 0.1 });
  expectNoAbort(transfer(stage, 5000), 500);
});

test('so it does with disks of 500 ms and a round trip of 300 ms', () => {
  const stage = settled();
  const urls = stage.computers.map(({ url }) => url);
  for (const from of urls) {
    for (const to of urls) stage.network.disturb({ from, to }, { delayMin: 150, delayMax: 170 });
  }
  slowDisks(stage, 500);
  // Election timeouts follow, too.
  stage.run(5000);
  expectNoAbort(transfer(stage, MILLISECONDS), 200);
});
