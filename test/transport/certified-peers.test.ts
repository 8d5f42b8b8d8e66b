/** Peers with certificates: which of them connect, as hello, certificate and map tell. */

import assert from 'node:assert/strict';
import test from 'node:test';
import type { TlsTexts } from '../../src/certificates/reading.ts';
import { TestAuthority } from '../support/certificates.ts';
import { isUp, openStation, refusals, type Station, until } from './network-under-test.ts';
import { openWeb } from './web-under-test.ts';

const LONG = { timeout: 60_000 };
const AUTHORITY = new TestAuthority();

interface Wanted {
  readonly texts: readonly [TlsTexts, TlsTexts];
  /** The names in the map of both. */
  readonly names?: readonly [string, string];
  readonly secret?: Uint8Array;
  readonly cluster?: string;
}

async function withPair(
  { texts, names = ['n1', 'n2'], ...rest }: Wanted,
  body: (one: Station, two: Station) => Promise<void>,
): Promise<void> {
  const networks = texts.map((own) => openWeb(own));
  const [first, second] = networks;
  assert.ok(first !== undefined && second !== undefined);
  const one = await openStation(first, { node: 1, ...rest });
  const two = await openStation(second, { node: 2, ...rest });
  for (const [station, other, name] of [
    [one, two, names[1]],
    [two, one, names[0]],
  ] as const) {
    const peer = { node: other.node, url: other.place.url, name, lives: [] };
    station.recorder.call(() => station.board.setPeers([peer], 9 as Station['node']));
  }
  try {
    await body(one, two);
  } finally {
    one.board.close();
    two.board.close();
    for (const network of networks) await network.end();
  }
}

const connected = async (one: Station, two: Station) => {
  await until(openNothing, 'both lanes are up', () => isUp(one, two));
};

/** Only for its time. */
const openNothing = openWeb();

test('nodes with their own certificates are peers, with and without a secret', LONG, async () => {
  const texts = [AUTHORITY.node('n1'), AUTHORITY.node('n2')] as const;
  await withPair({ texts }, connected);
  await withPair({ texts, secret: new Uint8Array(0) }, connected);
  await withPair({ texts, cluster: 'test.0011223344556677' }, connected);
});

const CASES: readonly (readonly [sentence: string, wanted: Wanted, told: RegExp])[] = [
  [
    'the certificate of another node of the cluster does not speak for a node',
    { texts: [AUTHORITY.node('n1'), AUTHORITY.node('n3')] },
    /wrong-certificate: the certificate is of n3, but node 2 is n2 in the map/,
  ],
  [
    'the certificate of a node of another cluster is refused, though the authority is the same',
    { texts: [AUTHORITY.node('n1'), AUTHORITY.node('n2', { cluster: 'staging' })] },
    /wrong-certificate: the certificate is for cluster staging/,
  ],
  [
    'a certificate does not speak for a node that has no name in the map',
    { texts: [AUTHORITY.node('n1'), AUTHORITY.node('n2')], names: ['n1', ''] },
    /wrong-certificate: the certificate is of n2, but node 2 has no name in the map/,
  ],
  [
    'a node whose cluster id only begins like the name of the certificate is another cluster',
    {
      texts: [AUTHORITY.node('n1', { cluster: 'te' }), AUTHORITY.node('n2', { cluster: 'te' })],
      cluster: 'test.0011223344556677',
    },
    /wrong-certificate: the certificate is for cluster te/,
  ],
];

for (const [sentence, wanted, told] of CASES) {
  test(sentence, LONG, async () => {
    await withPair(wanted, async (one, two) => {
      const isTold = (station: Station) => refusals(station).some((text) => told.test(text));
      await until(openNothing, 'one of them tells why', () => isTold(one) || isTold(two));
      await until(openNothing, 'the other one too', () => isTold(one) && isTold(two));
      // Some more attempts, from both sides.
      await openNothing.pass(500);
      for (const station of [one, two]) assert.deepEqual(station.recorder.of('peer-up'), []);
    });
  });
}

test('a node whose server shows the certificate of another node is not greeted', LONG, async () => {
  const texts = [AUTHORITY.node('n1'), AUTHORITY.node('n3')] as const;
  // Only node 1 finds the other one, so its own check of the listening side decides.
  await withPair({ texts, secret: new Uint8Array(0) }, async (one, two) => {
    const nowhere = { node: one.node, url: 'ws://127.0.0.1:1', name: 'n1', lives: [] };
    two.recorder.call(() => two.board.setPeers([nowhere]));
    const ours = /^us wrong-certificate: the certificate is of n3, but node 2 is n2/;
    await until(openNothing, 'it tells', () => refusals(one).some((text) => ours.test(text)));
    assert.deepEqual(one.recorder.of('removed'), []);
  });
});
