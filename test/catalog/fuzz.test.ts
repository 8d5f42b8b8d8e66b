/** Hostile bytes: no decoder throws, memory does not grow, and each value has one encoding. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { Random } from '../../src/base/random.ts';
import type { ClusterMap } from '../../src/catalog/cluster-map.ts';
import {
  decodeCommand,
  decodeReply,
  encodeCommand,
  encodeReply,
} from '../../src/catalog/command.ts';
import { decodeMap, encodeMap } from '../../src/catalog/map-bytes.ts';
import { byEffort } from '../support/effort.ts';
import { heldBy } from '../support/held-memory.ts';
import { mutate } from './mutation.ts';
import { randomCommand } from './random-command.ts';
import { Rig } from './rows.ts';

const ROUNDS = byEffort({ full: 150_000, brief: 6000 });

/** Maps, commands and replies as a cluster sees them. */
function corpus(random: Random) {
  const commands: Uint8Array[] = [];
  const replies: Uint8Array[] = [];
  const maps: ClusterMap[] = [];
  for (let life = 0; life < 20; life++) {
    const rig = new Rig();
    for (let step = 0; step < 60; step++) {
      const command = randomCommand(random, rig.catalog.map);
      commands.push(encodeCommand(command));
      replies.push(encodeReply(rig.say(command)));
    }
    if (rig.catalog.map !== undefined) maps.push(rig.catalog.map);
  }
  return { commands, replies, maps };
}

function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}

/** Mutants of the corpus; each is decoded in its one encoding, or not at all. */
function fuzz(
  seed: number,
  seeds: readonly Uint8Array[],
  again: (bytes: Uint8Array) => Uint8Array | undefined,
): number {
  const random = new Random(seed);
  let understood = 0;
  const growth = heldBy(() => {
    for (let round = 0; round < ROUNDS; round++) {
      let bytes = mutate(random, random.pick(seeds));
      if (bytes.length > 0 && random.chance(0.3)) bytes = mutate(random, bytes);
      const spelled = again(bytes);
      if (spelled === undefined) continue;
      understood += 1;
      if (!isEqual(spelled, bytes)) assert.deepEqual(spelled, bytes);
    }
  });
  assert.ok(growth < 2 * 1024 * 1024, `memory stays flat: ${growth}`);
  assert.ok(understood > ROUNDS / 50, `mutants stay close: ${understood}`);
  assert.ok(understood < ROUNDS / 2, `mutants leave: ${understood}`);
  return understood;
}

test('mutated commands are refused, unknown, or encode to the same bytes', (t) => {
  const { commands } = corpus(new Random(1));
  const understood = fuzz(11, commands, (bytes) => {
    const decoded = decodeCommand(bytes);
    return decoded.type === 'known' ? encodeCommand(decoded.command) : undefined;
  });
  t.diagnostic(`${understood} of ${ROUNDS} understood`);
});

test('mutated replies are refused, or encode to the same bytes', (t) => {
  const { replies } = corpus(new Random(2));
  const understood = fuzz(12, replies, (bytes) => {
    const reply = decodeReply(bytes);
    return reply === undefined ? undefined : encodeReply(reply);
  });
  t.diagnostic(`${understood} of ${ROUNDS} understood`);
});

test('mutated maps are refused, or encode to the same bytes', (t) => {
  const { maps } = corpus(new Random(3));
  const seeds = maps.map((map) => encodeMap(map, 0));
  const understood = fuzz(13, seeds, (bytes) => {
    const map = decodeMap(bytes, undefined);
    return map === undefined ? undefined : encodeMap(map, 0);
  });
  t.diagnostic(`${understood} of ${ROUNDS} understood`);
});

test('mutated differences give a consistent map, or none', () => {
  const { maps } = corpus(new Random(4));
  const random = new Random(14);
  for (let round = 0; round < ROUNDS / 3; round++) {
    const map = random.pick(maps);
    const since = random.below(map.version);
    const stranger = random.pick(maps);
    const decoded = decodeMap(mutate(random, encodeMap(map, since)), stranger);
    if (decoded === undefined) continue;
    assert.deepEqual(decodeMap(encodeMap(decoded, 0), undefined), decoded);
  }
});

test('a replica answers any entry, and its map agrees with its rows', () => {
  const { commands } = corpus(new Random(5));
  const random = new Random(15);
  let rig = new Rig();
  for (let round = 0; round < ROUNDS / 3; round++) {
    if (round % 500 === 0) rig = new Rig();
    const before = rig.catalog.map;
    const applied = rig.apply(mutate(random, random.pick(commands)));
    if (applied.type === 'unknown-command' || applied.writes.length === 0) {
      assert.equal(rig.catalog.map, before);
    } else if (round % 10 === 0) {
      const { map } = rig;
      rig.reopen();
      assert.deepEqual(rig.map, map);
    }
  }
});
