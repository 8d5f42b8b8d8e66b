/** Commands that wait for a slow log: a client with many leaves room to clients with few. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { RAFT_LIMITS } from '../../src/base/limits.ts';
import { encodeBatch } from '../../src/machine/batch.ts';
import { Flow } from '../../src/shard/fair-queue.ts';
import type { Response } from '../../src/wire/response.ts';
import { clientOf, put } from '../machine/machine-rig.ts';
import { HeldRig } from './blocked-rig.ts';

const EPOCH = 1;
const BYTES = 100_000;

class Rig {
  readonly held = new HeldRig();
  readonly answers: { readonly client: number; readonly how: string }[] = [];
  #sequence = 0;

  write(share: Flow, bytes: number): void {
    const { client } = share;
    const respond = (response: Response) => {
      const how = response.type === 'failed' ? response.failure : response.type;
      this.answers.push({ client, how });
    };
    const { deadline } = this.held;
    this.#sequence += 1;
    const commands = [[put('k', 'x'.repeat(bytes))]];
    const about = { client: clientOf(client), deadline, sequence: this.#sequence };
    const batch = encodeBatch({ ...about, commands });
    const requester = { responder: { respond, share }, id: this.#sequence };
    this.held.rig.replica.stamp(requester, EPOCH, { type: 'batch', batch });
  }

  of(client: number, how: string): number {
    return this.answers.filter((one) => one.client === client && one.how === how).length;
  }
}

function newShare(client: number): Flow {
  return new Flow({ client, mayGoOn: () => true });
}

test('while the disk is blocked one writer leaves room in the log to others', () => {
  const rig = new Rig();
  const [greedy, polite] = [newShare(1), newShare(2)];
  rig.held.rig.isLogStuck = true;
  const count = Math.ceil((2 * RAFT_LIMITS.uncommittedBytesMax) / BYTES);
  for (let at = 0; at < count; at++) {
    rig.write(greedy, BYTES);
    rig.held.rig.turn();
  }
  const refused = rig.of(1, 'overloaded');
  ok(refused > count / 2, `${refused} of ${count} were refused`);
  for (let at = 0; at < 10; at++) rig.write(polite, BYTES);
  rig.held.rig.turn();
  equal(rig.of(2, 'overloaded'), 0);
  rig.held.rig.isLogStuck = false;
  rig.held.rig.turns(10);
  equal(rig.of(2, 'written'), 10);
  equal(rig.of(1, 'written'), count - refused);
  rig.write(greedy, BYTES);
  rig.held.rig.turns(4);
  equal(rig.of(1, 'written'), count - refused + 1);
});

test('one command of each client is accepted, however large it is', () => {
  const rig = new Rig();
  rig.held.rig.isLogStuck = true;
  rig.write(newShare(1), RAFT_LIMITS.uncommittedBytesMax);
  rig.write(newShare(2), 1000);
  rig.held.rig.turn();
  deepEqual(rig.of(1, 'overloaded'), 0);
  rig.held.rig.isLogStuck = false;
  rig.held.rig.turns(10);
  equal(rig.of(1, 'written'), 1);
});
