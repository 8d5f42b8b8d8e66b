/** Messages to a peer in one turn leave together, within the limits, or are reported as lost. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { TOKEN_ID_BYTES } from '../../src/access/token.ts';
import type { NodeId } from '../../src/base/ids.ts';
import { REQUEST_LIMITS, WIRE_LIMITS } from '../../src/base/limits.ts';
import { PeerOutbox } from '../../src/node/peer-outbox.ts';
import { decodeNodeMessages, type NodeMessage } from '../../src/wire/node-message.ts';

const [ONE, TWO] = [1 as NodeId, 2 as NodeId];

class Rig {
  readonly frames: { readonly to: NodeId; readonly bytes: Uint8Array }[] = [];
  readonly unsent: NodeMessage[] = [];
  turns = 0;
  isUp = true;
  readonly mail = new PeerOutbox({
    send: ({ node: to }, bytes) => {
      if (this.isUp) this.frames.push({ to, bytes });
      return this.isUp;
    },
    onWork: () => {
      this.turns += 1;
    },
  });

  flush(): void {
    this.unsent.push(...this.mail.flush());
  }

  get said(): readonly (readonly NodeMessage[] | undefined)[] {
    return this.frames.map(({ bytes }) => decodeNodeMessages(bytes));
  }
}

function beat(mapVersion: number): NodeMessage {
  return { type: 'beat', mapVersion, isReadOnly: false };
}

function forward(id: number, bytes = 0): NodeMessage {
  return { type: 'forward', id, client: 3, request: new Uint8Array(bytes) };
}

test('one frame has all messages of a turn to a peer, in order', () => {
  const rig = new Rig();
  rig.mail.tell(ONE, beat(1));
  rig.mail.tell(TWO, beat(2));
  rig.mail.tell(ONE, beat(3));
  deepEqual(rig.frames, []);
  rig.flush();
  deepEqual(
    rig.frames.map(({ to }) => to),
    [ONE, TWO],
  );
  deepEqual(rig.said, [[beat(1), beat(3)], [beat(2)]]);
  rig.flush();
  equal(rig.frames.length, 2, 'it is said once');
});

test('requests that are forwarded for a user wait for capacity, and heartbeats do not', () => {
  const streams: (number | undefined)[] = [];
  const mail = new PeerOutbox({
    send: ({ stream }) => {
      streams.push(stream);
      return true;
    },
    onWork: () => {},
  });
  const bytes = new Uint8Array(5);
  const about = { id: 1, client: 3, request: bytes };
  const token = new Uint8Array(TOKEN_ID_BYTES);
  const as = { type: 'forward-as', ...about, token, accessVersion: 1 } as const;
  const whom = { type: 'forward-for', ...about, user: 'ann', accessVersion: 1 } as const;
  for (const message of [forward(1), as, whom]) {
    mail.tell(ONE, beat(1));
    mail.tell(ONE, message);
    mail.flush();
  }
  deepEqual(
    streams.map((stream) => stream !== undefined),
    [false, true, false, true, false, true],
  );
});

test('a turn is requested once for each peer', () => {
  const rig = new Rig();
  rig.mail.tell(ONE, beat(1));
  rig.mail.tell(ONE, beat(2));
  equal(rig.turns, 1);
  rig.flush();
  rig.mail.tell(ONE, beat(3));
  equal(rig.turns, 2);
});

test('a message without hurry waits for others, or for a bounded time', () => {
  const rig = new Rig();
  const idly = { hasHurry: false };
  rig.mail.tell(ONE, beat(1), idly);
  rig.mail.tell(TWO, beat(2), idly);
  rig.flush();
  deepEqual([rig.frames, rig.turns], [[], 0]);
  rig.mail.tell(ONE, beat(3));
  rig.mail.tell(ONE, beat(4), idly);
  rig.flush();
  deepEqual(rig.said, [[beat(1), beat(3), beat(4)]], 'of the same node, in order');
  rig.mail.accompany(ONE);
  rig.mail.accompany(TWO);
  rig.flush();
  deepEqual(rig.said.slice(1), [[beat(2)]], 'of shards of the same node');
  rig.mail.tell(ONE, beat(5), idly);
  equal(rig.turns, 1);
  rig.mail.hurryAll();
  rig.mail.hurryAll();
  equal(rig.turns, 2);
  rig.flush();
  deepEqual(rig.said.slice(2), [[beat(5)]]);
});

test('messages that exceed a frame leave in several', () => {
  const rig = new Rig();
  const bytes = WIRE_LIMITS.payloadBytesMax;
  for (let id = 1; id <= 5; id++) rig.mail.tell(ONE, forward(id, bytes));
  rig.flush();
  deepEqual(
    rig.said.map((messages) => messages?.length),
    [2, 2, 1],
  );
  for (const frame of rig.frames) ok(frame.bytes.length <= WIRE_LIMITS.frameBytesMax);
});

test('the number of messages in a frame is bounded', () => {
  const rig = new Rig();
  for (let at = 0; at <= REQUEST_LIMITS.requestsMax; at++) rig.mail.tell(ONE, beat(at));
  rig.flush();
  deepEqual(
    rig.said.map((messages) => messages?.length),
    [REQUEST_LIMITS.requestsMax, 1],
  );
});

test('messages that do not leave are reported one by one, and dropped', () => {
  const rig = new Rig();
  rig.isUp = false;
  rig.mail.tell(ONE, forward(1));
  rig.mail.tell(ONE, forward(2));
  rig.flush();
  deepEqual(rig.unsent, [forward(1), forward(2)]);
  rig.isUp = true;
  rig.flush();
  deepEqual(rig.frames, []);
});

test('a message that is added at the end of a turn leaves with the next', () => {
  const rig = new Rig();
  let sent = 0;
  const mail = new PeerOutbox({
    send: () => {
      sent += 1;
      if (sent === 1) mail.tell(ONE, beat(2));
      return false;
    },
    onWork: () => {
      rig.turns += 1;
    },
  });
  mail.tell(ONE, beat(1));
  deepEqual(mail.flush(), [beat(1)]);
  equal(rig.turns, 2);
  deepEqual(mail.flush(), [beat(2)]);
});
