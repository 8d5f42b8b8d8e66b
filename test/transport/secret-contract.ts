/** The peer endpoint: without a proof of the secret, a socket has no effect. */

import assert from 'node:assert/strict';
import type { NodeId } from '../../src/base/ids.ts';
import { closeReasonOf } from '../../src/wire/close-reason.ts';
import { encodeHello } from '../../src/wire/hello.ts';
import {
  encodeAdmission,
  encodeProof,
  type Hellos,
  NO_SECRET,
  proofBy,
} from '../../src/wire/proof.ts';
import {
  CLUSTER,
  introduce,
  NAME,
  type NetworkUnderTest,
  openStation,
  QUICK,
  refusals,
  SECRET,
  type Station,
  until,
} from './network-under-test.ts';
import { testOn } from './peer-contract.ts';
import { dial, type Stranger } from './stranger.ts';

type Open = () => NetworkUnderTest;

const OTHER = new Uint8Array(16).fill(9);

interface Spoken {
  readonly from?: number;
  readonly generation?: number;
  readonly isGuarded?: boolean;
}

/** The hello of node 2 to node 1, or of a process that claims to be node 2. */
function helloOf({ from = 2, generation = 1, isGuarded = true }: Spoken = {}): Uint8Array {
  return encodeHello({
    type: 'peer',
    versionMin: 1,
    versionMax: 1,
    features: [],
    cluster: CLUSTER,
    from: from as NodeId,
    to: 1 as NodeId,
    lineage: { incarnation: 1, words: [101] },
    generation,
    lane: 'main',
    isGuarded,
    nonce: new Uint8Array(16).fill(generation),
  });
}

/** Dials as node 2, waits for the answer, and sends a proof with some secret. */
async function speak(
  network: NetworkUnderTest,
  one: Station,
  { secret, hello = helloOf() }: { readonly secret: Uint8Array; readonly hello?: Uint8Array },
) {
  const stranger = await dial(network, one, { door: '/peer', first: hello });
  await until(network, 'it is answered', () => stranger.frames.length === 2);
  const hellos: Hellos = { dialler: hello, listener: stranger.frames[0] as Uint8Array };
  stranger.socket.send(encodeProof(proofBy('dialler', secret, hellos)));
  return { ...stranger, hellos };
}

function isUp(one: Station): boolean {
  return one.recorder.events.some(({ type }) => type === 'peer-up');
}

export function testSecrets(name: string, open: Open): void {
  testImpostors(name, open);
  testMisfits(name, open);
  testCrowds(name, open);
  testCloseReasons(name, open);
}

function testImpostors(name: string, open: Open): void {
  testOn(open, `${name}: a hello that was overtaken is refused`, async (network, all) => {
    const one = await openStation(network, { node: 1 });
    const { url } = await network.place();
    all.push(one);
    one.board.setPeers([{ node: 2 as NodeId, url, name: NAME, lives: [] }]);
    const second = await speak(network, one, {
      secret: SECRET,
      hello: helloOf({ generation: 2 }),
    });
    await until(network, 'it is up', () => isUp(one));
    for (const generation of [1, 2]) {
      const hello = helloOf({ generation });
      const { closeReasons } = await speak(network, one, { secret: SECRET, hello });
      await until(network, 'it is refused', () => closeReasons.length === 1);
      assert.match(closeReasons[0]?.text ?? '', /superseded: a later hello has come/);
    }
    await speak(network, one, { secret: SECRET, hello: helloOf({ generation: 3 }) });
    await until(network, 'the former is closed', () => second.closeReasons.length === 1);
    const events = one.recorder.events.filter(({ type }) => type !== 'refused');
    const types = events.map(({ type }) => type);
    assert.deepEqual(types, ['peer-up', 'peer-down', 'peer-up']);
  });

  testOn(open, `${name}: without the secret no hello locks a peer out`, async (network, all) => {
    const one = await openStation(network, { node: 1 });
    const two = await openStation(network, { node: 2 });
    all.push(one, two);
    introduce(one, two);
    await until(network, 'they are up', () => isUp(one) && isUp(two));
    // Everything in a hello of node 2 is public; only its proof is not.
    const hello = helloOf({ generation: 2 ** 50 });
    for (const secret of [OTHER, NO_SECRET]) {
      const { closeReasons } = await speak(network, one, { secret, hello });
      await until(network, 'it is refused', () => closeReasons.length === 1);
      assert.match(closeReasons[0]?.text ?? '', /wrong-secret: node 1 has another cluster secret/);
    }
    const mute = await dial(network, one, { door: '/peer', first: hello });
    await until(network, 'it is closed', () => mute.closeReasons.length === 1);
    assert.match(mute.closeReasons[0]?.text ?? '', /no-hello/);
    assert.ok(!one.recorder.events.some(({ type }) => type === 'peer-down'), 'the line is up');
    one.recorder.call(() =>
      one.board.sendToPeer({ node: two.node, lane: 'main' }, Uint8Array.of(5)),
    );
    await until(network, 'it carries', () => {
      return two.recorder.events.some(({ type }) => type === 'peer-frame');
    });
  });

  testOn(open, `${name}: a proof is of no use on another socket`, async (network, all) => {
    const one = await openStation(network, { node: 1 });
    const { url } = await network.place();
    all.push(one);
    one.board.setPeers([{ node: 2 as NodeId, url, name: NAME, lives: [] }]);
    const first = await speak(network, one, { secret: SECRET });
    await until(network, 'it is up', () => isUp(one));
    const hello = first.hellos.dialler;
    const again = await dial(network, one, { door: '/peer', first: hello });
    await until(network, 'it is answered', () => again.frames.length === 2);
    // The proof of the first socket, and the listener's own proof sent back to it.
    again.socket.send(encodeProof(proofBy('dialler', SECRET, first.hellos)));
    await until(network, 'it is refused', () => again.closeReasons.length === 1);
    assert.match(again.closeReasons[0]?.text ?? '', /wrong-secret/);
    const mirror = await dial(network, one, { door: '/peer', first: helloOf({ generation: 9 }) });
    await until(network, 'it is answered', () => mirror.frames.length === 2);
    mirror.socket.send((mirror.frames[1] as Uint8Array).slice());
    await until(network, 'it is refused', () => mirror.closeReasons.length === 1);
    assert.match(mirror.closeReasons[0]?.text ?? '', /wrong-secret/);
  });
}

function testCrowds(name: string, open: Open): void {
  testOn(open, `${name}: of many at the door the newest is heard`, async (network, all) => {
    const limits = { ...QUICK, helloMilliseconds: 60_000, visitorsMax: 3 };
    const one = await openStation(network, { node: 1, limits });
    const { url } = await network.place();
    all.push(one);
    one.board.setPeers([{ node: 2 as NodeId, url, name: NAME, lives: [] }]);
    const crowd: Stranger[] = [];
    for (let at = 0; at < 5; at++) {
      crowd.push(await dial(network, one, { door: '/peer' }));
      await network.pass(50);
    }
    await until(network, 'the oldest go', () => crowd[1]?.closeReasons.length === 1);
    assert.match(
      crowd[0]?.closeReasons[0]?.text ?? '',
      /crowded: too many sockets have sent no hello/,
    );
    await speak(network, one, { secret: SECRET });
    await until(network, 'a peer is up', () => isUp(one));
  });
}

function testMisfits(name: string, open: Open): void {
  const cases = [
    { what: 'another secret', secret: OTHER, text: /has another cluster secret/ },
    {
      what: 'no secret',
      secret: NO_SECRET,
      text: /node 1 has a cluster secret and node 2 has none/,
    },
  ];
  for (const { what, secret, text } of cases) {
    testOn(open, `${name}: nodes of which one has ${what} tell both`, async (network, all) => {
      const one = await openStation(network, { node: 1 });
      const two = await openStation(network, { node: 2, secret });
      all.push(one, two);
      introduce(one, two);
      for (const station of [one, two]) {
        await until(network, 'it is told', () => refusals(station).some((line) => text.test(line)));
      }
      assert.ok(!isUp(one) && !isUp(two));
    });
  }

  testOn(
    open,
    `${name}: nodes of a cluster without a secret speak as ever`,
    async (network, all) => {
      const one = await openStation(network, { node: 1, secret: NO_SECRET });
      const two = await openStation(network, { node: 2, secret: NO_SECRET });
      all.push(one, two);
      introduce(one, two);
      await until(network, 'they are up', () => isUp(one) && isUp(two));
    },
  );
}

function testCloseReasons(name: string, open: Open): void {
  testOn(
    open,
    `${name}: what a listener says is not believed before its proof`,
    async (network, all) => {
      const one = await openStation(network, { node: 1 });
      const place = await network.place();
      all.push(one);
      let heard = 0;
      for (const reason of ['removed', 'older-copy'] as const) {
        // A process at the address of a peer claims that this node was removed.
        place.sockets.accept((socket) => ({
          onOpen: () => {},
          onFrame: () => {
            heard += 1;
            socket.close(closeReasonOf(reason, 'a lie'));
          },
          onClosed: () => {},
        }));
        const before = heard;
        one.board.setPeers([{ node: 2 as NodeId, url: place.url, name: NAME, lives: [] }]);
        await until(network, 'it is heard', () => heard > before);
        await network.pass(300);
      }
      const types = new Set(one.recorder.events.map(({ type }) => type));
      assert.deepEqual([...types], ['refused']);
    },
  );

  testOn(open, `${name}: a listener without the secret is no peer`, async (network, all) => {
    const one = await openStation(network, { node: 1 });
    const place = await network.place();
    all.push(one);
    place.sockets.accept((socket) => ({
      onOpen: () => {},
      onFrame: (hello) => {
        const answer = helloOf();
        const hellos = { dialler: hello, listener: answer.slice() };
        socket.send(answer);
        socket.send(encodeProof(proofBy('listener', OTHER, hellos)));
        socket.send(encodeAdmission());
      },
      onClosed: () => {},
    }));
    one.board.setPeers([{ node: 2 as NodeId, url: place.url, name: NAME, lives: [] }]);
    const told = /us wrong-secret: node 1 has another cluster secret/;
    await until(network, 'it is told', () => refusals(one).some((line) => told.test(line)));
    assert.ok(!isUp(one));
  });

  testOn(open, `${name}: what is not of the protocol costs the socket`, async (network, all) => {
    const one = await openStation(network, { node: 1 });
    const two = await openStation(network, { node: 2 });
    all.push(one, two);
    introduce(one, two);
    await until(network, 'they are up', () => isUp(one) && isUp(two));
    one.recorder.call(() => one.board.dropPeer({ node: two.node, lane: 'main' }, 'a bad frame'));
    const downs = (station: Station) => {
      return station.recorder.events.flatMap((event) => {
        return event.type === 'peer-down' && event.lane === 'main' ? [event.reason] : [];
      });
    };
    await until(network, 'both hear of it', () => downs(one).length + downs(two).length === 2);
    assert.deepEqual([...downs(one), ...downs(two)], Array(2).fill('malformed: a bad frame'));
    const ups = () => one.recorder.events.filter(({ type }) => type === 'peer-up').length;
    await until(network, 'it is dialled again', () => ups() >= 3);
  });
}
