/** Leaders gather on one node while it has time to spare, and spread when it has none. */

import { deepEqual, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { CATALOG_LIMITS, RAFT_LIMITS } from '../../src/base/limits.ts';
import { NODE_LIMITS } from '../../src/base/node-limits.ts';
import { type LoadOf, processorTimeBy } from '../cluster/processor.ts';
import { Stage } from '../cluster/stage.ts';

const SHARDS = 9;
const PATIENCE_MILLISECONDS =
  3 * NODE_LIMITS.loadWindowMilliseconds +
  2 * CATALOG_LIMITS.handoverTicksMin * RAFT_LIMITS.tickMilliseconds;

/** A cluster whose nodes use as much of a core as the test says. */
class Course {
  readonly shares = new Map<string, number>();
  readonly stage: Stage;

  constructor(stage?: Stage) {
    const loadOf: LoadOf = ({ url, clock }) => ({
      processorTime: processorTimeBy(clock, () => this.shares.get(url) ?? 0),
    });
    this.stage = stage ?? new Stage(5, { nodes: 3, shards: SHARDS, loadOf });
  }

  /** Of the data shards, how many each node leads. */
  get led(): number[] {
    return [1, 2, 3].map((node) => {
      const { core, isUp } = this.stage.computer(node);
      const replicas = isUp ? [...(core?.state.replicas.all ?? [])] : [];
      return replicas.filter(({ shard, isLeader }) => shard > 0 && isLeader).length;
    });
  }

  use(node: number, share: number): void {
    this.shares.set(this.stage.computer(node).url, share);
  }

  until(what: string, led: readonly number[]): void {
    this.stage.until(what, () => this.led.join() === led.join(), PATIENCE_MILLISECONDS);
  }
}

test('leaders gather on the first node, and spread when it has no time to spare', () => {
  const course = new Course();
  course.until('all are led by the first node', [9, 0, 0]);
  for (const node of [1, 2, 3]) course.use(node, 0.6);
  course.stage.run(PATIENCE_MILLISECONDS);
  deepEqual(course.led, [9, 0, 0], 'a node that works keeps them');
  course.use(1, 0.9);
  course.until('they are spread', [3, 3, 3]);
  course.use(1, 0.6);
  course.stage.run(PATIENCE_MILLISECONDS);
  deepEqual(course.led, [3, 3, 3], 'nodes that work give none away');
  for (const node of [1, 2, 3]) course.use(node, 0.1);
  course.until('they gather again', [9, 0, 0]);
});

test('leaders that the operator wants spread stay so on idle nodes', () => {
  const stage = new Stage(5, { nodes: 3, shards: SHARDS });
  const course = new Course(stage);
  course.until('they are spread', [3, 3, 3]);
  stage.run(PATIENCE_MILLISECONDS);
  deepEqual(course.led, [3, 3, 3]);
});

test('without the first node they gather on the next, and return with it', () => {
  const course = new Course();
  const { stage } = course;
  course.until('all are led by the first node', [9, 0, 0]);
  stage.computer(1).crash({ isPower: true });
  course.until('all are led by the second', [0, 9, 0]);
  stage.computer(1).start();
  course.until('all are led by the first again', [9, 0, 0]);
});

test('a first node that is always overloaded is tried ever more rarely', () => {
  const course = new Course();
  const { stage } = course;
  course.until('all are led by the first node', [9, 0, 0]);
  let handovers = 0;
  let before = 9;
  const look = (milliseconds: number) => {
    handovers = 0;
    for (let passed = 0; passed < milliseconds; passed += 1000) {
      // Busy as soon as it leads more than its share.
      const first = course.led[0] ?? 0;
      course.use(1, first > 3 ? 1 : 0.2);
      stage.run(1000);
      handovers += Math.max((course.led[0] ?? 0) - before, 0);
      before = course.led[0] ?? 0;
    }
    return handovers;
  };
  const early = look(120_000);
  look(120_000);
  const late = look(120_000);
  ok(early > 0, 'it is tried');
  ok(late < early, `${early} returns early, ${late} late`);
});
