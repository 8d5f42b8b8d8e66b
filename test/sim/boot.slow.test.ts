/** A node that refuses its disk, or accepts one that it must refuse, is reported unless excused. */

import assert from 'node:assert/strict';
import test from 'node:test';
import type { ShardId } from '../../src/base/ids.ts';
import { Random } from '../../src/base/random.ts';
import { bootAll } from './convergence.ts';
import type { Host } from './host.ts';
import { drawPlan } from './plan.ts';
import { rotEntry, rotRow } from './rot.ts';
import { createWorld, type World } from './world.ts';

const SHARD = 1 as ShardId;

/** A running cluster, and a node of it that has a replica. */
function createCluster(): { world: World; host: Host } {
  const world = createWorld(drawPlan('lite', 4, { nodes: 3, shards: 1 }));
  bootAll(world);
  world.clients.start();
  run(world, 5000);
  const host = world.hosts.find((one) => one.memberOf(SHARD) !== undefined);
  assert.ok(host !== undefined);
  return { world, host };
}

function run({ services: { agenda } }: World, milliseconds: number): void {
  agenda.runUntil(agenda.now + milliseconds);
}

function restart(world: World, host: Host): void {
  host.start();
  run(world, 3000);
}

function segmentOf(host: Host): string {
  return [...host.disk.files.image().keys()].filter((name) => name.endsWith('.log')).at(-1) ?? '';
}

test('a node comes back with all that it had', () => {
  const { world, host } = createCluster();
  const before = host.ledger.durable.get(SHARD)?.lastIndex ?? 0;
  host.crash();
  assert.equal(host.storage, undefined);
  restart(world, host);
  assert.ok(host.storage !== undefined);
  assert.ok(before > 0 && (host.ledger.durable.get(SHARD)?.lastIndex ?? 0) >= before);
});

test('a refusal without a reason is a failure, and with one it costs the node its disk', () => {
  const { world, host } = createCluster();
  host.crash();
  host.disk.files.resize(segmentOf(host), 0);
  const image = host.disk.files.image();
  assert.throws(() => restart(world, host), { oracle: 'storage', message: /acknowledged entries/ });
  host.end();
  host.disk.files.restore(image);
  host.isSuspect = true;
  restart(world, host);
  assert.equal(host.disks, 1);
});

test('a folder that is accepted but must be refused is a failure, a refused one is not', () => {
  const { world, host } = createCluster();
  host.crash();
  host.mustRefuse = true;
  assert.throws(() => restart(world, host), /a folder of another node was accepted/);
  host.end();
  host.disk.files.restore(new Map());
  host.isSuspect = true;
  restart(world, host);
  assert.equal(host.disks, 1, 'it was refused');
});

test('a row damaged without a fault is a failure, and one that was corrupted is restored', () => {
  for (const isKnown of [true, false]) {
    const { world, host } = createCluster();
    const member = host.memberOf(SHARD);
    host.storage?.checkpoint();
    run(world, 1000);
    host.crash();
    const random = new Random(1);
    for (let left = 50; left > 0; left--) rotRow(host.disk.state, SHARD, random);
    if (isKnown) host.corruptionChanged.add(SHARD);
    const live = () => restart(world, host);
    if (isKnown) {
      live();
      run(world, 2000);
      assert.equal(host.memberOf(SHARD), member, 'no other member replaces it');
      assert.equal(host.replicas.get(SHARD)?.isStateLost, false);
      assert.equal(world.services.probes.counts.get('host state restored'), 1);
    } else assert.throws(live, /damaged without a fault/);
  }
});

test('only the chosen entry is corrupted', () => {
  const { world, host } = createCluster();
  const image = host.ledger.durable.get(SHARD);
  const index = (image?.lastIndex ?? 0) - 5;
  assert.ok(rotEntry(host, SHARD, index, new Random(2)));
  host.crash();
  restart(world, host);
  // Repaired by now, or still waiting for it. The ledger would have reported any other entry.
  assert.ok(host.storage !== undefined);
  assert.ok(host.storage.log.damage.some((damage) => damage.index === index));
});
