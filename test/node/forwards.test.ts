/** A forwarded request is answered once, by the node that it went to. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import type { NodeId, ShardId } from '../../src/base/ids.ts';
import { NODE_LIMITS } from '../../src/base/node-limits.ts';
import { ForwardedOrigin, Forwards, type Send } from '../../src/node/forwards.ts';
import { Flow } from '../../src/shard/fair-queue.ts';
import type { NodeMessage } from '../../src/wire/node-message.ts';
import type { Request } from '../../src/wire/request.ts';
import { encodeResponses, type Response } from '../../src/wire/response.ts';

const [ONE, TWO] = [1 as NodeId, 2 as NodeId];
const SHARD = 4 as ShardId;
const EMPTY = new Uint8Array(0);

class Rig {
  readonly sent: { to: NodeId; message: NodeMessage }[] = [];
  readonly missed: number[] = [];
  readonly responses: Response[] = [];
  readonly forwards: Forwards;

  constructor(firstId = 100) {
    this.forwards = new Forwards({
      firstId,
      send: (to, message) => void this.sent.push({ to, message }),
      onMissed: (_shard, leader) => this.missed.push(leader),
    });
  }

  forward(request: Request, to = ONE): boolean {
    const responder = { respond: (response: Response) => void this.responses.push(response) };
    return this.forwards.send(to, { request, responder, now: 0 });
  }

  /** The id of the last one. */
  get id(): number {
    const message = this.sent.at(-1)?.message;
    return message?.type === 'forward' ? message.id : 0;
  }

  get failures(): readonly string[] {
    return this.responses.map((one) => (one.type === 'failed' ? one.failure : one.type));
  }
}

function newShare(client: number): Flow {
  return new Flow({ client, mayGoOn: () => true });
}

const BATCH = new Uint8Array();
const WRITE: Request = { type: 'write', id: 7, shard: SHARD, epoch: 1, batch: BATCH };
const READ: Request = {
  type: 'read',
  id: 8,
  shard: SHARD,
  epoch: 1,
  level: { type: 'linearizable' },
  patienceMilliseconds: 100,
  keys: [],
};
const WRITTEN = encodeResponses([{ type: 'written', id: 7, time: 5, replies: [] }]);

test('the answer comes back under the id of the requester, once', () => {
  const rig = new Rig();
  rig.forward({ ...WRITE, id: 40 });
  rig.forwards.answer(ONE, rig.id, WRITTEN);
  rig.forwards.answer(ONE, rig.id, WRITTEN);
  rig.forwards.lose(ONE);
  deepEqual(rig.responses, [{ type: 'written', id: 40, time: 5, replies: [] }]);
});

test('an answer to a former life is not taken for one to this', () => {
  const before = new Rig(100);
  before.forward(WRITE);
  const after = new Rig(5_000_000);
  after.forward(READ);
  after.forwards.answer(ONE, before.id, WRITTEN);
  deepEqual(after.responses, []);
});

test('only the asked node may answer', () => {
  const rig = new Rig();
  rig.forward(WRITE, TWO);
  rig.forwards.answer(ONE, rig.id, WRITTEN);
  deepEqual(rig.responses, []);
});

test('a request in flight to a lost node may have arrived', () => {
  const rig = new Rig();
  rig.forward(WRITE);
  rig.forward(READ);
  rig.forward(WRITE, TWO);
  rig.forwards.lose(ONE);
  deepEqual(rig.failures, ['lost', 'not-leader']);
  rig.forwards.expire(NODE_LIMITS.forwardMilliseconds);
  deepEqual(rig.failures, ['lost', 'not-leader', 'lost']);
});

test('a node that does not lead names the leader', () => {
  const rig = new Rig();
  rig.forward(WRITE);
  const failed = {
    type: 'failed',
    id: 7,
    failure: 'not-leader',
    time: 0,
    leader: 2,
    retryAfterMilliseconds: 0,
  } as const;
  rig.forwards.answer(ONE, rig.id, encodeResponses([failed]));
  deepEqual(rig.missed, [2]);
  deepEqual(rig.failures, ['not-leader']);
});

test('a request that did not leave has no effect, and fails at once', () => {
  const rig = new Rig();
  rig.forward(WRITE);
  rig.forwards.unsent(rig.id);
  deepEqual(rig.failures, ['not-leader']);
  deepEqual(rig.missed, [0]);
  rig.forwards.lose(ONE);
  equal(rig.responses.length, 1);
});

test('the number of forwarded requests is bounded', () => {
  const rig = new Rig();
  for (let at = 0; at < NODE_LIMITS.forwardsMax; at++) rig.forward(READ);
  equal(rig.forward(READ), false);
});

test('the far end answers under the number that came with the request', () => {
  const told: NodeMessage[] = [];
  const hurries: boolean[] = [];
  const send: Send = (_to, message, { hasHurry } = { hasHurry: true }) => {
    told.push(message);
    hurries.push(hasHurry);
  };
  const share = newShare(3);
  const about = { share, send, onBytes: () => {}, principal: undefined };
  const responder = new ForwardedOrigin({ id: 77, from: TWO, request: READ, ...about });
  responder.respond({ type: 'written', id: 7, time: 5, replies: [] });
  deepEqual(told, [{ type: 'forwarded', id: 77, response: WRITTEN }]);
  for (const step of ['resolve', 'prepare'] as const) {
    const request = { type: 'step', id: 7, shard: SHARD, epoch: 1, step, bytes: EMPTY } as const;
    const asked = new ForwardedOrigin({ id: 78, from: TWO, request, ...about });
    asked.respond({ type: 'written', id: 7, time: 5, replies: [] });
  }
  deepEqual(
    hurries,
    [true, false, true],
    'no request waits for the acknowledgement of a resolution',
  );
});

test('one requester may have as many in flight as are left to all others', () => {
  const rig = new Rig();
  const respond = () => {};
  const forward = (share: Flow) =>
    rig.forwards.send(ONE, { request: READ, responder: { respond, share }, now: 0 });
  const greedy = newShare(1);
  while (forward(greedy)) equal(rig.forwards.size <= NODE_LIMITS.forwardsMax / 2, true);
  equal(forward(newShare(2)), true);
  rig.forwards.answer(ONE, 100, WRITTEN);
  rig.forwards.answer(ONE, 101, WRITTEN);
  equal(forward(greedy), true, 'what is answered is free again');
});

test('the bytes in flight are bounded too, and each requester may have one request', () => {
  const rig = new Rig();
  const respond = () => {};
  const batch = new Uint8Array(5_000_000);
  const forward = (share: Flow) =>
    rig.forwards.send(ONE, { request: { ...WRITE, batch }, responder: { respond, share }, now: 0 });
  const greedy = newShare(1);
  while (forward(greedy)) {
    equal(rig.forwards.size * batch.length <= NODE_LIMITS.forwardsBytesMax, true);
  }
  equal(forward(newShare(2)), true);
  rig.forwards.lose(ONE);
  equal(forward(greedy), true);
});

test('a request of a client counts as one at the far end, too', () => {
  const rig = new Rig();
  const respond = () => {};
  const share = newShare(3);
  for (const responder of [{ respond, isClient: true, share }, { respond }]) {
    rig.forwards.send(ONE, { request: READ, responder, now: 0 });
  }
  const told = rig.sent.map(({ message }) => message.type === 'forward' && message.client);
  deepEqual(told, [3, 0]);
  const about = { id: 1, from: TWO, request: READ, principal: undefined };
  const terms = { ...about, send: () => {}, onBytes: () => {} };
  equal(new ForwardedOrigin({ ...terms, share }).isClient, true);
  equal(new ForwardedOrigin({ ...terms, share: newShare(0) }).isClient, false);
});
