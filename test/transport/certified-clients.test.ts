/** What a node learns of a client by its certificate: the user of this cluster, and until when. */

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import test from 'node:test';
import type { TlsTexts } from '../../src/certificates/reading.ts';
import { ClientConnection } from '../../src/transport/client-connection.ts';
import { TIMERS } from '../../src/transport/timers.ts';
import { WebDialler } from '../../src/transport/web-dialler.ts';
import { TestAuthority } from '../support/certificates.ts';
import { openStation, until } from './network-under-test.ts';
import { openWeb } from './web-under-test.ts';

const LONG = { timeout: 60_000 };
const AUTHORITY = new TestAuthority();
const OTHER = new TestAuthority();
const ID = 'prod.0011223344556677';
const URI = 'ringkv://prod/user/ann';

/** The node's own view of a client with this certificate; undefined if it is not let in. */
async function seenOf(texts: TlsTexts) {
  const network = openWeb(AUTHORITY.node('n1', { cluster: 'prod' }));
  const one = await openStation(network, { node: 1, cluster: ID });
  const tls = { ca: AUTHORITY.pair.cert, cert: texts.cert, key: texts.key };
  const sockets = new WebDialler({ tls: () => tls });
  let isOver = false;
  const line = new ClientConnection({
    ...{ sockets, schedule: TIMERS, url: one.place.url, cluster: '', features: [] },
    onEvent: ({ type }) => {
      isOver ||= type === 'down';
    },
  });
  try {
    await until(network, 'it is up or refused', () => {
      return isOver || one.recorder.of('client-up').length === 1;
    });
    return one.recorder.of('client-up')[0];
  } finally {
    line.close();
    sockets.close();
    one.board.close();
    await network.end();
  }
}

test('the user of this cluster, the end of the certificate, and the address', LONG, async () => {
  const texts = AUTHORITY.client('any', { uris: [URI] });
  const seen = await seenOf(texts);
  const expiresAt = Date.parse(new X509Certificate(texts.cert).validTo);
  assert.deepEqual(seen?.certified, { user: 'ann', expiresAt });
  assert.match(seen?.address ?? '', /^127\.0\.0\.1:\d+$/);
  assert.equal(seen?.nodeName, '');
});

test('no other certificate makes a user', LONG, async () => {
  const cases: readonly (readonly [what: string, texts: TlsTexts])[] = [
    ['no name', AUTHORITY.client('ann')],
    ['a user of another cluster', AUTHORITY.client('a', { uris: ['ringkv://test/user/ann'] })],
    ['a node', AUTHORITY.node('ann', { cluster: 'prod' })],
    ['a node and a user', AUTHORITY.client('a', { uris: [URI, 'ringkv://prod/node/n2'] })],
    ['two users', AUTHORITY.client('a', { uris: [URI, 'ringkv://prod/user/bob'] })],
  ];
  for (const [what, texts] of cases) {
    const seen = await seenOf(texts);
    assert.ok(seen !== undefined, what);
    assert.equal(seen.certified, undefined, what);
  }
  assert.equal(await seenOf(OTHER.client('a', { uris: [URI] })), undefined, 'another authority');
});
