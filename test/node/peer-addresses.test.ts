/** The peers that a transport gets, with addresses that were discovered. */

import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import type { NodeId } from '../../src/base/ids.ts';
import { Addresses } from '../../src/node/peer-discovery.ts';
import type { Peer, Transport } from '../../src/transport/transport.ts';

const [ONE, TWO, NEXT] = [1 as NodeId, 2 as NodeId, 3 as NodeId];

test('a discovered address counts until the map has a new one, and removed nodes are known', () => {
  const told: (readonly [readonly string[], NodeId | undefined])[] = [];
  const inner = {
    setPeers: (peers: readonly Peer[], nextNode?: NodeId) => {
      told.push([peers.map(({ url }) => url), nextNode]);
    },
  } as Transport;
  const addresses = new Addresses();
  const transport = addresses.around(inner);
  const peersAt = (...urls: [string, string]): readonly Peer[] => [
    { node: ONE, url: urls[0], lives: [] },
    { node: TWO, url: urls[1], lives: [] },
  ];
  transport.setPeers(peersAt('a', 'b'), NEXT);
  addresses.learn(TWO, 'found');
  transport.setPeers(peersAt('a', 'moved'), NEXT);
  deepEqual(told, [
    [['a', 'b'], NEXT],
    [['a', 'found'], NEXT],
    [['a', 'moved'], NEXT],
  ]);
});
