/** The recorder tells when a transport breaks the order of its events. */

import assert from 'node:assert/strict';
import test from 'node:test';
import type { NodeId } from '../../src/base/ids.ts';
import type { Peer, TransportEvent } from '../../src/transport/transport.ts';
import { Recorder } from './recorder.ts';

const peer: Peer = { node: 2 as NodeId, url: 'ws://127.0.0.1:1', incarnation: 1 };
const { node } = peer;
const hello = {
  type: 'peer',
  versionMin: 1,
  versionMax: 1,
  features: [],
  cluster: 'test',
  from: node,
  to: 1 as NodeId,
  incarnation: 1,
  generation: 1,
  lane: 'main',
} as const;
const up: TransportEvent = { type: 'peer-up', node, lane: 'main', hello };
const down: TransportEvent = { type: 'peer-down', node, lane: 'main', reason: 'a test' };
const frame: TransportEvent = { type: 'peer-frame', node, lane: 'main', bytes: new Uint8Array(1) };

test('a lane goes up, brings frames and goes down, in this order only', () => {
  const recorder = new Recorder();
  for (const event of [up, frame, frame, down, up]) recorder.onEvent(event);
  assert.equal(recorder.of('peer-frame').length, 2);
  assert.throws(() => recorder.onEvent(up));
  for (const event of [frame, down]) assert.throws(() => new Recorder().onEvent(event));
});
