/** What every transport does between nodes, on any sockets. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { lifeOf, wordOf } from '../../src/base/life.ts';
import { type Lane, VERSION_MAX } from '../../src/wire/hello.ts';
import {
  count,
  heard,
  introduce,
  isUp,
  NAME,
  type NetworkUnderTest,
  numbered,
  openPair,
  openStation,
  QUICK,
  refusals,
  type Station,
  send,
  until,
} from './network-under-test.ts';

type Open = () => NetworkUnderTest;

/** One test, on a network of its own that ends with it. */
export function testOn(
  open: Open,
  sentence: string,
  body: (network: NetworkUnderTest, stations: Station[]) => Promise<void>,
): void {
  test(sentence, async () => {
    const network = open();
    const stations: Station[] = [];
    try {
      await body(network, stations);
    } finally {
      for (const { board } of stations) board.close();
      await network.end();
    }
  });
}

export function testPeers(name: string, open: Open): void {
  testLanes(name, open);
  testChanges(name, open);
  testEnd(name, open);
  testTrouble(name, open);
  testSilence(name, open);
  testStreams(name, open);
  testIdentity(name, open);
  testLives(name, open);
  testTwins(name, open);
}

function testLanes(name: string, open: Open): void {
  testOn(
    open,
    `${name}: two nodes have one socket per lane, and it stays`,
    async (network, all) => {
      const [one, two] = await openPair(network);
      all.push(one, two);
      await network.pass(QUICK.peerSilenceMilliseconds * 2);
      for (const { recorder } of [one, two]) {
        // Of two that dial at once, one attempt is given up.
        const events = recorder.events.map(({ type }) => type).filter((type) => type !== 'refused');
        assert.deepEqual(events, ['peer-up', 'peer-up']);
        const hello = recorder.of('peer-up')[0]?.hello;
        assert.equal(hello?.versionMax, VERSION_MAX);
      }
    },
  );

  testOn(open, `${name}: if both dial at once, they agree on a socket`, async (network, all) => {
    const limits = { ...QUICK, courtesyMilliseconds: 1 };
    for (const node of [1, 2, 3]) all.push(await openStation(network, { node, limits }));
    introduce(...all);
    const pairs = all.flatMap((one) =>
      all.filter((two) => two.node > one.node).map((two) => [one, two] as const),
    );
    await until(network, 'all lanes are up', () => pairs.every(([one, two]) => isUp(one, two)));
    await network.pass(300);
    const ups = () => all.map(({ recorder }) => recorder.of('peer-up').length);
    const settled = ups();
    await network.pass(QUICK.peerSilenceMilliseconds * 2);
    assert.deepEqual(ups(), settled, 'nothing goes up any more');
    assert.ok(pairs.every(([one, two]) => isUp(one, two)));
  });

  testOn(open, `${name}: a thousand frames of a turn arrive in order`, async (network, all) => {
    const [one, two] = await openPair(network);
    all.push(one, two);
    for (const number of count(1000)) {
      assert.ok(send(one, two, 'main', numbered(number)));
      assert.ok(send(two, one, 'main', numbered(number, 300)));
      assert.ok(send(one, two, 'bulk', numbered(number, 4)));
    }
    const isThere = () =>
      [heard(two, 'main'), heard(one, 'main')].every(({ length }) => length === 1000);
    await until(network, 'all are there', isThere);
    assert.deepEqual(heard(two, 'main'), count(1000));
    assert.deepEqual(heard(one, 'main'), count(1000));
    await until(network, 'the other lane too', () => heard(two, 'bulk').length === 1000);
  });

  testOn(open, `${name}: frames are whole, whatever their size`, async (network, all) => {
    const [one, two] = await openPair(network);
    all.push(one, two);
    const sizes = [4, 125, 126, 127, 65_535, 65_536, 1_000_003, 5_000_000];
    for (const [number, size] of sizes.entries()) {
      assert.ok(send(one, two, 'main', numbered(number, size)));
      assert.ok(send(two, one, 'main', numbered(number, size)));
    }
    for (const { recorder } of [one, two]) {
      const frames = () => recorder.of('peer-frame').map(({ bytes }) => bytes);
      await until(network, 'all are there', () => frames().length === sizes.length);
      for (const [number, size] of sizes.entries()) {
        const frame = frames()[number] ?? new Uint8Array(0);
        assert.ok(Buffer.compare(frame, numbered(number, size)) === 0, `frame of ${size} bytes`);
        assert.equal(Object.getPrototypeOf(frame), Uint8Array.prototype);
      }
    }
  });
}

function testChanges(name: string, open: Open): void {
  testOn(
    open,
    `${name}: a peer that leaves the list is disconnected without an event`,
    async (network, all) => {
      const [one, two] = await openPair(network);
      all.push(one, two);
      send(two, one, 'main', numbered(1));
      one.recorder.call(() => one.board.setPeers([]));
      one.recorder.forgetPeer(2);
      const before = one.recorder.events.length;
      assert.equal(send(one, two, 'main', numbered(2)), false);
      await until(network, 'the other side gets the reason', () =>
        refusals(two).some((text) => text.includes('them stranger')),
      );
      const [down] = two.recorder.of('peer-down');
      assert.match(down?.reason ?? '', /stranger: node 2 is no longer in the map/);
      const later = one.recorder.events.slice(before);
      assert.ok(
        later.every(({ type }) => type === 'refused'),
        'nothing more arrives from it',
      );
      introduce(one, two);
      await until(network, 'it is back', () => isUp(one, two));
    },
  );

  testOn(
    open,
    `${name}: a node that was removed is told so when it calls`,
    async (network, all) => {
      const [one, two] = await openPair(network);
      all.push(one, two);
      one.recorder.call(() => one.board.setPeers([], 3 as Station['node']));
      one.recorder.forgetPeer(2);
      await until(network, 'it knows', () => two.recorder.of('removed').length > 0);
      assert.deepEqual(two.recorder.of('removed')[0], { type: 'removed', by: 1 });
      assert.equal(one.recorder.of('removed').length, 0);
    },
  );

  testOn(open, `${name}: a node that has moved is found at its new url`, async (network, all) => {
    const [one, two] = await openPair(network);
    all.push(one);
    await two.place.crash();
    two.board.close();
    await until(network, 'both lanes are down', () => one.recorder.of('peer-down').length >= 2);
    const moved = await openStation(network, { node: 2, incarnation: 2 });
    all.push(moved);
    introduce(one, moved);
    await until(network, 'it is up', () => isUp(one, moved));
  });

  testOn(
    open,
    `${name}: a node that has moved gets in before the map has it`,
    async (network, all) => {
      const [one, two] = await openPair(network);
      all.push(one);
      await two.place.crash();
      two.board.close();
      const moved = await openStation(network, { node: 2, incarnation: 2 });
      all.push(moved);
      const peers = [{ node: one.node, url: one.place.url, name: NAME, lives: [] }];
      moved.recorder.call(() => moved.board.setPeers(peers));
      await until(network, 'it is up', () => isUp(one, moved));
    },
  );
}

function testEnd(name: string, open: Open): void {
  testOn(open, `${name}: close ends everything, and twice is once`, async (network, all) => {
    const [one, two] = await openPair(network);
    all.push(one, two);
    send(two, one, 'main', numbered(1));
    one.recorder.call(() => one.board.close());
    one.recorder.call(() => one.board.close());
    const before = one.recorder.events.length;
    assert.equal(send(one, two, 'main', numbered(1)), false);
    assert.equal(one.board.bufferedToPeer({ node: two.node, lane: 'main' }), 0);
    introduce(one, two);
    await until(
      network,
      'the other side gets the reason',
      () => two.recorder.of('peer-down').length >= 2,
    );
    for (const { reason } of two.recorder.of('peer-down')) assert.match(reason, /closing/);
    await network.pass(300);
    assert.equal(one.recorder.events.length, before);
  });
}

/** Runs `cause` again and again under load, then checks what arrived. */
async function flap(network: NetworkUnderTest, all: Station[], cause: () => void): Promise<void> {
  const [one, two] = await openPair(network);
  all.push(one, two);
  let number = 0;
  for (let round = 0; round < 15; round++) {
    for (let burst = 0; burst < 20; burst++) {
      for (let frame = 0; frame < 10; frame++) {
        number += 1;
        send(one, two, 'main', numbered(number, 5000));
        send(two, one, 'main', numbered(number, 50));
      }
      await network.pass(1);
    }
    cause();
    await until(network, 'it is back', () => isUp(one, two));
    await network.pass(20);
    await until(network, 'it is back', () => isUp(one, two));
  }
  for (const { recorder } of [one, two]) assert.ok(recorder.of('peer-up').length > 15);
  for (const station of [one, two]) {
    const numbers = heard(station, 'main');
    assert.ok(numbers.length > 500, `${numbers.length} arrived`);
    for (const [at, found] of numbers.entries()) {
      assert.ok(at === 0 || found > (numbers[at - 1] ?? 0), 'in order, and none twice');
    }
  }
}

function testTrouble(name: string, open: Open): void {
  testOn(open, `${name}: no frame is torn, doubled or late when sockets break`, (network, all) =>
    flap(network, all, () => network.reset()),
  );

  testOn(open, `${name}: a peer may restart under load`, async (network, all) => {
    const [one, first] = await openPair(network);
    all.push(one);
    let two = first;
    for (let incarnation = 2; incarnation < 6; incarnation++) {
      for (const number of count(200)) {
        send(two, one, 'main', numbered(two.incarnation * 1000 + number, 2000));
        send(one, two, 'main', numbered(number, 2000));
      }
      await network.pass(1);
      await two.place.crash();
      two.board.close();
      two = await openStation(network, { node: 2, incarnation, url: two.place.url });
      introduce(one, two);
      await until(network, 'the new one is up', () => isUp(one, two));
    }
    all.push(two);
    let current = 0;
    for (const event of one.recorder.events) {
      if (event.type === 'peer-up' && event.lane === 'main')
        current = event.hello.lineage.incarnation;
      if (event.type !== 'peer-frame') continue;
      const number = new DataView(event.bytes.buffer, event.bytes.byteOffset).getUint32(0);
      assert.equal(Math.floor(number / 1000), current, 'from the process that was announced');
    }
    assert.equal(current, 5);
  });
}

function testSilence(name: string, open: Open): void {
  testOn(open, `${name}: a peer that never reads fills a bounded buffer`, async (network, all) => {
    const [one, two] = await openPair(network);
    all.push(one, two);
    network.stall();
    const bounds: readonly (readonly [Lane, number])[] = [
      ['main', QUICK.mainBytesMax],
      ['bulk', QUICK.bulkBytesMax],
    ];
    for (const [lane, bytesMax] of bounds) {
      const to = { node: two.node, lane };
      let sent = 0;
      while (send(one, two, lane, numbered(sent, 100_000))) sent += 1;
      assert.ok(one.board.bufferedToPeer(to) <= bytesMax + 100_000);
      assert.ok(sent * 100_000 > bytesMax / 2, `${sent} frames`);
      assert.ok(sent * 100_000 < bytesMax + 10_000_000, `${sent} frames`);
      await network.pass(1);
      network.resume();
      await until(network, 'all arrives', () => heard(two, lane).length === sent);
      assert.deepEqual(heard(two, lane), count(sent));
      // The system may report a write only after the other end has read it.
      await until(network, 'all is written', () => one.board.bufferedToPeer(to) === 0);
      network.stall();
    }
  });

  testOn(open, `${name}: a silent peer is given up, and taken back`, async (network, all) => {
    const [one, two] = await openPair(network);
    all.push(one, two);
    network.stall();
    send(two, one, 'main', numbered(7));
    await network.pass(QUICK.peerSilenceMilliseconds / 2);
    assert.ok(isUp(one, two), 'not at once');
    const areDown = () => [one, two].every(({ recorder }) => recorder.of('peer-down').length >= 2);
    await until(network, 'both give up', areDown);
    assert.match(one.recorder.of('peer-down')[0]?.reason ?? '', /silent/);
    assert.equal(send(one, two, 'main', numbered(1)), false);
    network.resume();
    await until(network, 'they are back', () => isUp(one, two));
    assert.deepEqual(heard(one, 'main'), [], 'no frame of a socket that was given up');
  });
}

function testStreams(name: string, open: Open): void {
  testOn(open, `${name}: streams wait here and not in the system`, async (network, all) => {
    const [one, two] = await openPair(network);
    all.push(one, two);
    network.stall();
    const to = { node: two.node, lane: 'main' } as const;
    const bytes = 300_000;
    for (const number of count(40)) {
      const frame = numbered(number, bytes);
      assert.ok(one.board.sendToPeer({ ...to, stream: number % 2 }, frame));
    }
    await network.pass(50);
    const { windowBytesStart, pieceBytesMax } = QUICK;
    const waiting = one.board.bufferedToPeer(to);
    assert.ok(waiting >= 40 * bytes - windowBytesStart - pieceBytesMax, `${waiting} wait`);
    assert.equal(one.board.roomToPeer(to).soon, 0, 'more should not be made');
    assert.ok(send(one, two, 'main', numbered(1000)), 'a heartbeat leaves');
    network.resume();
    await until(network, 'all arrives', () => heard(two, 'main').length === 41);
    const numbers = heard(two, 'main');
    assert.equal(numbers[0], 1000, 'it overtakes');
    for (const stream of [0, 1]) {
      const ofStream = numbers.filter((number) => number < 40 && number % 2 === stream);
      assert.deepEqual(
        ofStream,
        count(20).map((at) => 2 * at + stream),
      );
    }
    for (const event of two.recorder.of('peer-frame').slice(1)) {
      assert.equal(event.bytes.length, bytes);
    }
    assert.equal(one.recorder.of('peer-drained').length > 0, true, 'there is room again');
    assert.ok(one.board.roomToPeer(to).soon > 0);
  });
}

function testIdentity(name: string, open: Open): void {
  testOn(
    open,
    `${name}: a node of another cluster is refused, and both know why`,
    async (network, all) => {
      const one = await openStation(network, { node: 1 });
      const two = await openStation(network, { node: 2, cluster: 'other' });
      all.push(one, two);
      introduce(one, two);
      await refusedOnBothSides(network, [one, two], /foreign-cluster/);
    },
  );

  testOn(
    open,
    `${name}: an address that leads to another node is refused`,
    async (network, all) => {
      const one = await openStation(network, { node: 1 });
      const three = await openStation(network, { node: 3 });
      all.push(one, three);
      const peers = [{ node: 2 as Station['node'], url: three.place.url, name: NAME, lives: [] }];
      one.recorder.call(() => one.board.setPeers(peers));
      introduce(three, one);
      one.recorder.call(() => one.board.setPeers(peers));
      await refusedOnBothSides(network, [one, three], /wrong-node/);
    },
  );
}

function testLives(name: string, open: Open): void {
  testOn(open, `${name}: an older copy of a node's data is refused`, async (network, all) => {
    const one = await openStation(network, { node: 1, incarnation: 4 });
    const two = await openStation(network, { node: 2, incarnation: 7 });
    all.push(one);
    introduce(one, two);
    await until(network, 'they are up', () => isUp(one, two));
    await two.place.crash();
    two.board.close();
    const older = await openStation(network, { node: 2, incarnation: 6, url: two.place.url });
    all.push(older);
    older.recorder.call(() =>
      older.board.setPeers([{ node: one.node, url: one.place.url, name: NAME, lives: [] }]),
    );
    await refusedOnBothSides(network, [one, older], /older-copy/);
    const [told] = older.recorder.of('life-refused');
    assert.deepEqual([told?.node, told?.reason], [one.node, 'older-copy']);
    assert.equal(
      one.recorder.of('peer-up').filter(({ hello }) => hello.lineage.incarnation < 7).length,
      0,
    );
  });

  testOn(
    open,
    `${name}: the map may know of a later start than the socket`,
    async (network, all) => {
      const [one, two] = await openPair(network);
      all.push(one, two);
      const peers = [
        { node: two.node, url: two.place.url, name: NAME, lives: [{ incarnation: 2, word: 7 }] },
      ];
      one.recorder.call(() => one.board.setPeers(peers));
      await until(network, 'the older one is cut', () => one.recorder.of('peer-down').length >= 2);
      await refusedOnBothSides(network, [one, two], /older-copy/);
    },
  );
}

function testTwins(name: string, open: Open): void {
  testOn(
    open,
    `${name}: who runs is not replaced by a copy of its folder`,
    async (network, all) => {
      const [one, two] = await openPair(network);
      all.push(one, two);
      // A copy of the folder of node 2 that has booted once more, elsewhere.
      const twin = await openStation(network, { node: 2, words: [...two.lineage.words, 777] });
      all.push(twin);
      const peers = [{ node: one.node, url: one.place.url, name: NAME, lives: [] }];
      twin.recorder.call(() => twin.board.setPeers(peers));
      await until(network, 'it is refused', () => twin.recorder.of('life-refused').length > 2);
      const reasons = twin.recorder.of('life-refused').map(({ reason }) => reason);
      assert.deepEqual([...new Set(reasons)], ['still-running']);
      assert.equal(twin.recorder.of('peer-up').length, 0);
      assert.ok(isUp(one, two), 'the connections to the original stay');
      assert.equal(one.recorder.of('peer-down').length, 0);
      // As soon as the original is gone the other one is accepted: it may be its next start.
      await two.place.crash();
      two.board.close();
      await until(network, 'it is accepted', () => twin.recorder.isUp(one.node, 'main'));
    },
  );

  testOn(
    open,
    `${name}: the life that is known best takes its lines back`,
    async (network, all) => {
      const one = await openStation(network, { node: 1 });
      const two = await openStation(network, { node: 2 });
      const twin = await openStation(network, { node: 2, words: [...two.lineage.words, 777] });
      all.push(one, two, twin);
      introduce(one, twin);
      const known = [
        { node: two.node, url: twin.place.url, name: NAME, lives: [lifeOf(two.lineage)] },
      ];
      one.recorder.call(() => one.board.setPeers(known));
      await until(network, 'the copy is up', () => isUp(one, twin));
      const peers = [{ node: one.node, url: one.place.url, name: NAME, lives: [] }];
      two.recorder.call(() => two.board.setPeers(peers));
      const isBack = () => ['main', 'bulk'].every((lane) => two.recorder.isUp(one.node, lane));
      await until(network, 'the original is up', isBack);
      await until(network, 'the copy gets the reason', () => {
        return twin.recorder.of('life-refused').some(({ reason }) => reason === 'still-running');
      });
      const lines = one.recorder.of('peer-up').slice(-2);
      assert.ok(lines.every(({ hello }) => wordOf(hello.lineage) === wordOf(two.lineage)));
    },
  );
}

async function refusedOnBothSides(
  network: NetworkUnderTest,
  stations: readonly Station[],
  reason: RegExp,
): Promise<void> {
  for (const station of stations) {
    await until(network, `${reason} in the log of ${station.node}`, () => {
      const told = station.recorder.of('peer-down').map((event) => event.reason);
      return [...refusals(station), ...told].some((text) => reason.test(text));
    });
  }
  const [one, two] = stations;
  assert.ok(one !== undefined && two !== undefined && !isUp(one, two));
}
