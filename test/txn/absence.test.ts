/** An absent key has no version that could show that it was written and deleted again. */

import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../src/base/random.ts';
import type { Command, Operation } from '../../src/machine/command.ts';
import type { Reply } from '../../src/machine/reply.ts';
import { isLocking } from '../../src/machine/transaction.ts';
import { keyPosition } from '../../src/ring/key-position.ts';
import { bytesOf, EPOCH, put, START } from '../machine/machine-rig.ts';
import { byEffort } from '../support/effort.ts';
import { Cluster } from './cluster.ts';
import { clientOf } from './spelling.ts';

const SEEDS = byEffort({ full: 50, brief: 6 });
const LOOKS = 20;
const PATIENCE = 60_000;
const STEPS_MAX = 200_000;
const MOVER = 1;
const OBSERVER = 2;
const TOKENS = [bytesOf('0-token'), bytesOf('1-token')] as const;

/** A token is in one of two shards and moves to the other, again and again. */
class World {
  readonly cluster: Cluster;
  moves = 0;
  seenNowhere = 0;
  looks = 0;
  readonly #sequences = new Map<number, number>();

  constructor(seed: number) {
    this.cluster = new Cluster(new Random(seed), { loss: 0, repetition: 0, end: 0, storm: 0 });
    this.#transact(MOVER, [[0, [put('0-token', 'here')]]], () => {
      this.#move(0);
      this.#look();
    });
  }

  get isDone(): boolean {
    return this.looks === LOOKS;
  }

  #move(from: 0 | 1): void {
    if (this.isDone) return;
    const to = from === 0 ? 1 : 0;
    const parts = [
      [from, [{ type: 'delete', key: TOKENS[from] }]],
      [to, [put(`${to}-token`, 'here')]],
    ] as const;
    this.#transact(MOVER, parts, ({ type }) => {
      if (type === 'committed') this.moves += 1;
      this.#move(type === 'committed' ? to : from);
    });
  }

  /** It writes something if the token is nowhere; but the token is always somewhere. */
  #look(): void {
    const absent = (at: 0 | 1): Operation => {
      return { type: 'check-version', key: TOKENS[at], version: 0 };
    };
    const parts = [
      [2, [put('2-found', 'nothing')]],
      [0, [absent(0)]],
      [1, [absent(1)]],
    ] as const;
    this.#transact(OBSERVER, parts, ({ type }) => {
      if (type === 'committed') this.seenNowhere += 1;
      this.looks += 1;
      if (!this.isDone) this.#look();
    });
  }

  #transact(
    client: number,
    wishes: readonly (readonly [shard: number, operations: Command])[],
    done: (reply: Reply) => void,
  ): void {
    const { cluster } = this;
    const sequence = this.#sequences.get(client) ?? 0;
    this.#sequences.set(client, sequence + 2);
    const deadline = START + cluster.now + PATIENCE;
    const terms = { epoch: EPOCH, deadline };
    const parts = wishes.map(([shard, operations]) => ({ ...terms, shard, operations }));
    for (const { shard, operations } of parts) {
      const first = operations.find(isLocking);
      if (first !== undefined) cluster.learn(keyPosition(first.key), shard);
    }
    const transaction = {
      client: clientOf(client),
      sequence,
      attempts: 0,
      age: cluster.now,
      parts,
    };
    const home = cluster.shard(parts[0]?.shard ?? 0);
    home.conduct(transaction, (reply) => {
      if (reply !== undefined) cluster.later(() => done(reply));
    });
  }
}

test('a key that is somewhere at every moment is never found to be absent everywhere', () => {
  let moves = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const world = new World(seed);
    for (let steps = 0; !world.isDone; steps++) {
      ok(steps < STEPS_MAX, `seed ${seed} ends`);
      world.cluster.step();
    }
    equal(world.seenNowhere, 0, `seed ${seed}`);
    moves += world.moves;
  }
  ok(moves > SEEDS, `it moved ${moves} times only`);
});
