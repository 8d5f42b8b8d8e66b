/** How many requests may be in flight on one connection, and for which shards. */

import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { NodeId, ShardId } from '../../src/base/ids.ts';
import { Random } from '../../src/base/random.ts';
import { Connections } from '../../src/client/core/connections.ts';
import { Outage } from '../../src/client/core/outage.ts';
import { ShardRequest } from '../../src/client/core/shard-request.ts';
import { CLIENT_LIMITS } from '../../src/client/limits.ts';

const URL = 'kv://one';
const BYTES = 10;

test('shards that do not answer leave room on a connection for those that do', () => {
  const connections = new Connections({
    port: { dial() {}, hangUp() {}, send() {} },
    random: new Random(1),
    nameOf: (url) => url,
    cluster: () => '',
    outage: new Outage({ failsAfter: undefined }),
  });
  connections.dial(URL, 0);
  const [connection] = connections.dials;
  ok(connection);
  const limits = { keyBytesMax: 1, valueBytesMax: 1 };
  connections.greet(connection, { cluster: 'c', node: 1 as NodeId, limits });
  const requestTo = (shard: number) =>
    new ShardRequest({
      kind: 'range',
      shard: shard as ShardId,
      bytes: BYTES,
      waiters: [],
      encode: () => undefined,
      take: () => ({ type: 'over' }),
    });
  const ids: number[] = [];
  const send = (shard: number): boolean => {
    const request = requestTo(shard);
    if (!connections.hasRoom(connection, request.body)) return false;
    ids.push(connection.nextId);
    connections.post(connection, { type: 'info', id: connection.nextId++ }, request);
    return true;
  };
  for (const stuck of [1, 2, 3]) {
    let sent = 0;
    while (send(stuck)) sent += 1;
    ok(sent > CLIENT_LIMITS.sentRequestsMax / 2 ** (stuck + 1), `${sent} to shard ${stuck}`);
  }
  ok(send(4), 'the healthy shard is asked');
  for (const id of ids)
    connections.receive(connection, { type: 'written', id, time: 1, replies: [] });
  equal(connection.sentTo.size, 0);
  ok(send(1), 'answers make room');
});
