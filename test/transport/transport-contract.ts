/** The contract of the transport: the suite that both kinds of sockets pass. */

import assert from 'node:assert/strict';
import {
  ClientConnection,
  type ClientConnectionEvent,
} from '../../src/transport/client-connection.ts';
import type { Door } from '../../src/transport/sockets.ts';
import type { CloseFrame } from '../../src/wire/close-reason.ts';
import { encodeHello, type Hello } from '../../src/wire/hello.ts';
import {
  CLIENT_LIMITS,
  CLUSTER,
  count,
  NAME,
  type NetworkUnderTest,
  numbered,
  numberOf,
  openStation,
  QUICK,
  refusals,
  type Station,
  until,
} from './network-under-test.ts';
import { testOn, testPeers } from './peer-contract.ts';
import { testSecrets } from './secret-contract.ts';
import { dial } from './stranger.ts';

type Open = () => NetworkUnderTest;

export function testTransport(name: string, open: Open): void {
  testPeers(name, open);
  testHello(name, open);
  testSecrets(name, open);
  testRefusals(name, open);
  testClients(name, open);
  testClosedClients(name, open);
  testPausedClients(name, open);
  testBadClients(name, open);
}

function testHello(name: string, open: Open): void {
  testOn(open, `${name}: who does not say hello in time is closed`, async (network, all) => {
    const one = await openStation(network, { node: 1 });
    all.push(one);
    for (const door of ['/peer', '/client'] as const) {
      const { closeReasons } = await dial(network, one, { door });
      await until(network, 'it is closed', () => closeReasons.length === 1);
      assert.match(closeReasons[0]?.text ?? '', /no-hello/);
    }
    assert.equal(refusals(one).filter((text) => text.startsWith('us no-hello')).length, 2);
  });

  testOn(open, `${name}: a dialled side that does not answer is given up`, async (network, all) => {
    const one = await openStation(network, { node: 1 });
    all.push(one);
    const { sockets, url } = await network.place();
    const visits: CloseFrame[] = [];
    sockets.accept(() => ({
      onOpen: () => {},
      onFrame: () => {},
      onClosed: (closeReason) => visits.push(closeReason),
    }));
    const peers = [{ node: 2 as Station['node'], url, name: NAME, lives: [] }];
    one.recorder.call(() => one.board.setPeers(peers));
    await until(network, 'it tried both lanes twice', () => visits.length >= 4);
    for (const { text } of visits) assert.match(text, /no-hello/);
    assert.ok(refusals(one).every((text) => text.startsWith('us no-hello')));
  });
}

function testRefusals(name: string, open: Open): void {
  testOn(
    open,
    `${name}: what is not a hello of the right kind is refused`,
    async (network, all) => {
      const one = await openStation(network, { node: 1 });
      all.push(one);
      const greeting = { versionMin: 1, versionMax: 1, features: [] };
      const client: Hello = { type: 'client', ...greeting, cluster: '' };
      const later: Hello = { ...client, versionMin: 2, versionMax: 3 };
      const cases: readonly (readonly [Door, Uint8Array, RegExp])[] = [
        ['/peer', Uint8Array.of(1, 2, 3), /not-a-hello/],
        ['/client', new Uint8Array(900), /not-a-hello/],
        [
          '/peer',
          encodeHello(client),
          /not-a-hello: expected the hello of a peer, got that of a client/,
        ],
        ['/client', encodeHello(later), /other-version: got protocol 2 to 3; this node has 1 to 1/],
        ['/client', encodeHello({ ...client, cluster: 'elsewhere' }), /foreign-cluster/],
      ];
      for (const [door, first, reason] of cases) {
        const { closeReasons, frames } = await dial(network, one, { door, first });
        await until(network, `${reason}`, () => closeReasons.length === 1);
        assert.match(closeReasons[0]?.text ?? '', reason);
        assert.equal(frames.length, 0);
      }
      assert.deepEqual(new Set(one.recorder.events.map(({ type }) => type)), new Set(['refused']));
    },
  );
}

interface Client {
  readonly line: ClientConnection;
  readonly events: ClientConnectionEvent[];
}

async function connect(network: NetworkUnderTest, url: string, cluster = ''): Promise<Client> {
  const { sockets } = await network.place();
  const events: ClientConnectionEvent[] = [];
  const line = new ClientConnection({
    sockets,
    schedule: network.schedule,
    url,
    cluster,
    features: [1],
    onEvent: (event) => events.push(event),
    limits: QUICK,
  });
  return { line, events };
}

function typesOf(events: readonly { readonly type: string }[]): readonly string[] {
  return events.map(({ type }) => type);
}

function testClients(name: string, open: Open): void {
  testOn(open, `${name}: a client and a node exchange hellos and frames`, async (network, all) => {
    const one = await openStation(network, { node: 1 });
    all.push(one);
    const { line, events } = await connect(network, one.place.url, CLUSTER);
    assert.equal(line.send(numbered(0)), false, 'not before it is up');
    await until(network, 'it is up', () => events.length === 1);
    const [up] = events;
    assert.ok(up?.type === 'up');
    assert.deepEqual([up.hello.node, up.hello.cluster], [1, CLUSTER]);
    assert.deepEqual(up.hello.limits, CLIENT_LIMITS);
    const [there] = one.recorder.of('client-up');
    assert.deepEqual(there?.hello.features, [1]);
    assert.ok((there?.address ?? '') !== '', 'its address is known');
    const connection = there?.connection ?? 0;
    for (const number of count(100)) {
      assert.ok(line.send(numbered(number)));
      assert.ok(one.recorder.call(() => one.board.sendToClient(connection, numbered(number, 900))));
    }
    await until(
      network,
      'all is there',
      () => events.length > 100 && one.recorder.events.length > 100,
    );
    const frames = events.flatMap((event) =>
      event.type === 'frame' ? [numberOf(event.bytes)] : [],
    );
    assert.deepEqual(frames, count(100));
    const requests = one.recorder.of('client-frame').map(({ bytes }) => numberOf(bytes));
    assert.deepEqual(requests, count(100));
    await network.pass(QUICK.clientSilenceMilliseconds * 2);
    assert.equal(line.buffered, 0);
    line.close();
    line.close();
    await until(network, 'the node hears of it', () => one.recorder.of('client-down').length === 1);
    assert.match(
      one.recorder.of('client-down')[0]?.reason ?? '',
      /closing: the client closed the connection/,
    );
    assert.equal(events.at(-1)?.type, 'frame', 'the closing side gets no event');
    assert.equal(
      one.recorder.call(() => one.board.sendToClient(connection, numbered(1))),
      false,
    );
  });
}

function testClosedClients(name: string, open: Open): void {
  testOn(open, `${name}: a client is dismissed with a reason`, async (network, all) => {
    const one = await openStation(network, { node: 1 });
    all.push(one);
    const { line, events } = await connect(network, one.place.url);
    await until(network, 'it is up', () => one.recorder.of('client-up').length === 1);
    line.send(numbered(1));
    const reason = `your token is no longer valid${'!'.repeat(200)}\n`;
    one.recorder.call(() => one.board.closeClient(1, reason));
    await until(network, 'it gets the reason', () => events.at(-1)?.type === 'down');
    assert.deepEqual(typesOf(events), ['up', 'down']);
    assert.match(JSON.stringify(events), /dismissed: your token is no longer valid!!/);
    await network.pass(100);
    assert.deepEqual(typesOf(one.recorder.events), ['client-up']);
    assert.equal(line.send(numbered(1)), false);
  });

  testOn(open, `${name}: a client beyond a limit is told so`, async (network, all) => {
    const one = await openStation(network, { node: 1 });
    all.push(one);
    const { events } = await connect(network, one.place.url);
    await until(network, 'it is up', () => one.recorder.of('client-up').length === 1);
    one.recorder.call(() => one.board.closeClient(1, 'two connections are enough', 'limited'));
    await until(network, 'it gets the reason', () => events.at(-1)?.type === 'down');
    assert.deepEqual(typesOf(events), ['up', 'down']);
    assert.match(JSON.stringify(events), /limited: two connections are enough/);
  });
}

function testPausedClients(name: string, open: Open): void {
  const sentence = 'what is not read waits with the client, which is not given up for it';
  testOn(open, `${name}: ${sentence}`, async (network, all) => {
    const one = await openStation(network, { node: 1 });
    all.push(one);
    const { line, events } = await connect(network, one.place.url);
    const isMet = () => one.recorder.of('client-up').length === 1;
    // The client is up a little later, and sends nothing before.
    await until(network, 'both are up', () => isMet() && events.length === 1);
    one.recorder.call(() => one.board.listenToClient(1, false));
    for (const number of [1, 2, 3]) assert.ok(line.send(numbered(number)));
    await network.pass(3 * QUICK.clientSilenceMilliseconds);
    assert.deepEqual(typesOf(one.recorder.events), ['client-up']);
    one.recorder.call(() => one.board.sendToClient(1, numbered(7)));
    await until(network, 'it is answered', () => events.length === 2);
    one.recorder.call(() => one.board.listenToClient(1, true));
    await until(network, 'all are read', () => one.recorder.of('client-frame').length === 3);
    const frames = one.recorder.of('client-frame').map(({ bytes }) => bytes);
    assert.deepEqual(frames.map(numberOf), [1, 2, 3]);
    assert.deepEqual(typesOf(events), ['up', 'frame']);
  });
}

function testBadClients(name: string, open: Open): void {
  testOn(open, `${name}: a client that does not read is given up`, async (network, all) => {
    const one = await openStation(network, { node: 1 });
    all.push(one);
    await connect(network, one.place.url);
    await until(network, 'it is up', () => one.recorder.of('client-up').length === 1);
    network.stall();
    let sent = 0;
    while (one.recorder.call(() => one.board.sendToClient(1, numbered(sent, 100_000)))) sent += 1;
    assert.ok(sent * 100_000 > QUICK.clientBytesMax / 2 && sent < 1000, `${sent} frames`);
    assert.equal(one.board.bufferedToClient(1), 0);
    await until(network, 'the core hears of it', () => one.recorder.of('client-down').length === 1);
    assert.match(one.recorder.of('client-down')[0]?.reason ?? '', /slow: \d+ bytes are unread/);
  });

  testOn(open, `${name}: who is not heard is given up on both sides`, async (network, all) => {
    const one = await openStation(network, { node: 1 });
    all.push(one);
    const { events } = await connect(network, one.place.url);
    await until(network, 'it is up', () => events.length === 1);
    network.stall();
    await until(network, 'both gave up', () => events.length + one.recorder.events.length === 4);
    assert.match(JSON.stringify(events.at(-1)), /silent/);
    assert.match(JSON.stringify(one.recorder.events.at(-1)), /silent/);
  });

  testOn(open, `${name}: a client hears why it does not come to an up`, async (network, all) => {
    const one = await openStation(network, { node: 1 });
    all.push(one);
    const foreign = await connect(network, one.place.url, 'elsewhere');
    await until(network, 'it is down', () => foreign.events.length === 1);
    assert.match(
      JSON.stringify(foreign.events),
      /foreign-cluster: the hello names cluster elsewhere/,
    );
    const { url } = one.place;
    await one.place.crash();
    const unreachable = await connect(network, url);
    await until(network, 'it is down', () => unreachable.events.length === 1);
    assert.deepEqual(typesOf(unreachable.events), ['down']);
    const quick = await connect(network, url);
    quick.line.close();
    await network.pass(500);
    assert.deepEqual(quick.events, []);
  });
}
