/** Every step of a walk has a reason, and the reasons are true. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { Random } from '../../src/base/random.ts';
import { arcOf } from '../../src/ring/arc.ts';
import { explain } from '../../src/ring/explanation.ts';
import { keyPosition } from '../../src/ring/key-position.ts';
import { place } from '../../src/ring/placement.ts';
import { history } from './history.ts';
import { nodeOf, nodesUpTo, ringOf } from './nodes.ts';

test('the nodes that hold an arc are explained in the order in which they are listed', () => {
  const reasons = new Map<string, number>();
  for (let seed = 0; seed < 20; seed++) {
    const random = new Random(seed);
    for (const { after } of history({
      random,
      nodesMin: 3,
      nodesMax: 12,
      arcsOptions: [16],
      steps: 10,
    })) {
      const { ring, placement } = after;
      for (const [arc, holders] of placement.arcs.entries()) {
        const { steps, start, end } = explain({ ring, placement, arc });
        assert.equal(arcOf(start, after.arcs), arc);
        assert.equal(arcOf(end - 1, after.arcs), arc);
        const holding = steps.filter(({ verdict }) => verdict === 'holds' || verdict === 'kept');
        assert.deepEqual(
          holding.map(({ node }) => node),
          holders,
        );
        const heldZones = new Set(holding.map(({ zone }) => zone));
        for (const { verdict, zone, load, quota } of steps) {
          reasons.set(verdict, (reasons.get(verdict) ?? 0) + 1);
          if (verdict === 'zone taken') assert.ok(heldZones.has(zone));
          if (verdict === 'full') assert.ok(load >= quota);
          if (verdict === 'passed over') assert.ok(load < quota);
        }
      }
    }
  }
  const all = ['full', 'holds', 'kept', 'passed over', 'zone taken'];
  assert.deepEqual([...reasons.keys()].sort(), all);
});

test('a node that has its quota already is reported as full', () => {
  // Of five equal nodes the first three have a quota of one replica, the others of none.
  const ring = ringOf(nodesUpTo(5));
  const placement = place({ ring, arcs: 1, replicas: 3 });
  for (const { node, verdict } of explain({ ring, placement, arc: 0 }).steps) {
    assert.equal(verdict, node <= 3 ? 'holds' : 'full');
  }
});

test('the owner of a key is explained from the key', () => {
  const ring = ringOf([1, 2, 3, 4].map((node) => nodeOf({ node, zone: node < 3 ? 'a' : 'b' })));
  const placement = place({ ring, arcs: 16, replicas: 2 });
  const position = keyPosition(new TextEncoder().encode('user:1'));
  const { steps, start, end } = explain({ ring, placement, arc: arcOf(position, 16) });
  assert.ok(start <= position && position < end);
  assert.ok(steps.length >= 2);
});
