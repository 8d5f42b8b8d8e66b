/** Random histories: the catalog agrees with a naive model, and replicas agree with each other. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { Random } from '../../src/base/random.ts';
import { Catalog } from '../../src/catalog/catalog.ts';
import type { ClusterMap } from '../../src/catalog/cluster-map.ts';
import { encodeCommand } from '../../src/catalog/command.ts';
import { byEffort } from '../support/effort.ts';
import { Model } from './model.ts';
import { randomCommand } from './random-command.ts';
import { Rig, Rows, tokenBehind } from './rows.ts';

const HISTORIES = byEffort({ full: 300, brief: 24 });
const COMMANDS = 150;

function assertAlike(map: ClusterMap, model: Model): void {
  assert.equal(map.version, model.version);
  assert.equal(map.aimedAt, model.aimedAt);
  assert.equal(map.nextNode, model.next);
  assert.deepEqual(
    map.nodes.map(({ tokenDigest, incarnation, life, basis, membership, replaces, ...row }) => {
      const { name, peerUrl, clientUrl, weight, zone, revision } = row;
      const about = JSON.stringify({ name, peerUrl, clientUrl, weight, zone });
      const aimed = basis === undefined ? '' : `${basis.weight} ${basis.zone} ${basis.isDrained}`;
      const known = {
        token: String(tokenBehind(tokenDigest)),
        incarnation,
        life,
        about,
        peerUrl,
        weight,
      };
      return { ...known, basis: aimed, revision, membership, replaces: replaces as number };
    }),
    [...model.nodes.values()],
  );
  assert.deepEqual(
    map.shards.map(({ revision, term, isFounded, goal, preferredNode, members }) => ({
      ...{ revision, term, isFounded, goal: `${goal};${preferredNode}` },
      members: new Map(members.map(({ member, ...rest }) => [member as number, rest])),
    })),
    model.shards,
  );
}

test('along random histories the catalog agrees with the model', (t) => {
  const random = new Random(61);
  const answers = new Map<string, number>();
  for (let history = 0; history < HISTORIES; history++) {
    const rig = new Rig();
    const model = new Model();
    for (let step = 0; step < COMMANDS; step++) {
      const command = randomCommand(random, rig.catalog.map);
      const reply = rig.say(command);
      const expected = model.apply(command, rig.index);
      const answer = reply.type === 'done' ? reply.node : reply.reason;
      assert.equal(answer, expected, JSON.stringify(command));
      const name = `${command.type} ${reply.type === 'done' ? 'done' : reply.reason}`;
      answers.set(name, (answers.get(name) ?? 0) + 1);
      if (rig.catalog.map !== undefined) assertAlike(rig.catalog.map, model);
    }
  }
  t.diagnostic(
    [...answers]
      .map(([name, count]) => `${name} ${count}`)
      .sort()
      .join(', '),
  );
  for (const name of [
    'aim done',
    'place done',
    'report done',
    'announce done',
    'join done',
    'set-membership done',
  ]) {
    assert.ok((answers.get(name) ?? 0) > (HISTORIES * 5) / 3, name);
  }
  assert.ok(answers.size >= 20, 'the histories meet most refusals');
});

test('a replica that replays, one that opens and one that takes a snapshot are equal', () => {
  const random = new Random(62);
  for (let history = 0; history < HISTORIES / 3; history++) {
    const rig = new Rig();
    const entries: Uint8Array[] = [];
    const cut = random.below(COMMANDS);
    let snapshot = new Rows();
    for (let step = 0; step < COMMANDS; step++) {
      if (step === cut) snapshot = rig.rows.copy();
      const payload = encodeCommand(randomCommand(random, rig.catalog.map));
      entries.push(payload);
      rig.apply(payload);
      if (random.chance(0.1)) rig.reopen();
    }
    for (const [rows, from] of [
      [new Rows(), 0],
      [snapshot, cut],
    ] as const) {
      const replica = new Catalog({ view: rows });
      for (const [at, payload] of entries.slice(from).entries()) {
        const applied = replica.apply({ index: from + at + 1, payload });
        if (applied.type === 'applied') rows.write(applied.writes);
      }
      assert.deepEqual(replica.map, rig.catalog.map);
      assert.deepEqual(rows, rig.rows);
    }
  }
});
