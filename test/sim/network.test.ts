/** The network does the same for the same seed, and nothing but the drawn faults. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { Random } from '../../src/base/random.ts';
import { Agenda } from './agenda.ts';
import { type LinkTrouble, Network } from './network.ts';
import { Probes } from './probes.ts';

function createNetwork(seed: number) {
  const random = new Random(seed);
  const agenda = new Agenda(random.fork('ties'));
  const arrived: { readonly at: number; readonly byte: number }[] = [];
  const network = new Network({
    agenda,
    random: random.fork('network'),
    probes: new Probes(),
    nodes: 3,
    deliver: ({ bytes }) => arrived.push({ at: agenda.now, byte: bytes[0] ?? -1 }),
    onBroken: () => {},
  });
  const send = (byte: number, from = 0, to = 1) =>
    network.send({ from, to, boot: 1, lane: 'main', bytes: Uint8Array.of(byte) });
  return { agenda, network, arrived, send };
}

function runTwice(trouble: Partial<LinkTrouble>) {
  return [1, 2].map(() => {
    const { agenda, network, arrived, send } = createNetwork(9);
    network.trouble(0, 1, trouble);
    for (let byte = 0; byte < 200; byte++) agenda.at(byte, () => send(byte));
    agenda.runUntil(200_000);
    return arrived;
  });
}

test('the same seed delivers the same frames at the same times', () => {
  const [one, other] = runTwice({
    loss: 0.3,
    duplicate: 0.3,
    lateDuplicate: 0.3,
    isReordered: true,
  });
  assert.deepEqual(one, other);
  assert.ok((one?.length ?? 0) > 100);
});

test('without faults every frame arrives once and in order', () => {
  const [arrived] = runTwice({});
  const bytes = arrived?.map(({ byte }) => byte);
  assert.deepEqual(
    bytes,
    Array.from({ length: 200 }, (_, byte) => byte),
  );
});

test('a cut link loses the frames in transit, in one direction only', () => {
  const { agenda, network, arrived, send } = createNetwork(3);
  send(1);
  network.cut(0, 1);
  send(2);
  send(3, 1, 0);
  agenda.runUntil(1000);
  assert.deepEqual(
    arrived.map(({ byte }) => byte),
    [3],
  );
});

test('a clogged link holds all frames and delivers them later', () => {
  const { agenda, network, arrived, send } = createNetwork(4);
  network.clog(0, 1);
  send(1);
  send(2);
  agenda.runUntil(1000);
  assert.equal(arrived.length, 0);
  network.unclog(0, 1);
  agenda.runUntil(2000);
  assert.deepEqual(
    arrived.map(({ byte }) => byte),
    [1, 2],
  );
});

test('a fault of one link does not change what another one draws', () => {
  const times = [{}, { loss: 0.5 }].map((trouble) => {
    const { agenda, network, arrived, send } = createNetwork(5);
    network.trouble(0, 1, trouble);
    for (let byte = 0; byte < 50; byte++) {
      agenda.at(byte, () => send(byte));
      agenda.at(byte, () => send(100 + byte, 2, 1));
    }
    agenda.runUntil(10_000);
    const others = arrived.filter(({ byte }) => byte >= 100);
    return others.sort((one, other) => one.byte - other.byte);
  });
  assert.deepEqual(times[0], times[1]);
});
