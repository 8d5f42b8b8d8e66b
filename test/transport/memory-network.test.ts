/** Random faults in memory: the promises hold, all lanes come back, and a seed repeats itself. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { Random } from '../../src/base/random.ts';
import { byEffort } from '../support/effort.ts';
import { type MemoryUnderTest, openMemory } from './memory-under-test.ts';
import {
  heard,
  introduce,
  isUp,
  numbered,
  openStation,
  QUICK,
  refusals,
  type Station,
  send,
} from './network-under-test.ts';

const SEEDS = byEffort({ full: 150, brief: 15 });
const STEPS = 120;

type Pair = readonly [Station, Station];

function pairsOf(stations: readonly Station[]): Pair[] {
  return stations.flatMap((one) =>
    stations.filter((two) => two.node > one.node).map((two): Pair => [one, two]),
  );
}

/** One fault, or the end of one. */
async function disturb(
  network: MemoryUnderTest,
  random: Random,
  stations: Station[],
): Promise<void> {
  const { memory } = network;
  const [one, two] = random.shuffle(stations);
  if (one === undefined || two === undefined) return;
  const direction = { from: one.place.url, to: two.place.url };
  const luck: readonly (() => Promise<void> | void)[] = [
    () => memory.cut(direction),
    () => memory.restore(direction),
    () => memory.restore(direction),
    () => memory.stall(direction),
    () => memory.resume(direction),
    () => memory.resume(direction),
    () => memory.reset(direction),
    () => memory.disturb(direction, { tearChance: random.fraction() / 50 }),
    () => memory.disturb(direction, { delayMax: 1 + random.below(100) }),
    () => restart(network, stations, one),
  ];
  await random.pick(luck)();
}

async function restart(network: MemoryUnderTest, stations: Station[], one: Station): Promise<void> {
  await one.place.crash();
  one.board.close();
  const incarnation = one.incarnation + 1;
  const again = await openStation(network, { node: one.node, incarnation, url: one.place.url });
  stations[stations.indexOf(one)] = again;
  introduce(...stations);
}

function heal({ memory }: MemoryUnderTest, stations: readonly Station[]): void {
  for (const { place: from } of stations) {
    for (const { place: to } of stations) {
      const direction = { from: from.url, to: to.url };
      memory.restore(direction);
      memory.resume(direction);
      memory.disturb(direction, { tearChance: 0, delayMax: 1 });
    }
  }
}

async function live(seed: number): Promise<readonly string[]> {
  const network = openMemory(seed);
  const random = new Random(seed).fork('luck');
  const stations: Station[] = [];
  for (const node of [1, 2, 3]) stations.push(await openStation(network, { node }));
  introduce(...stations);
  let number = 0;
  for (let step = 0; step < STEPS; step++) {
    for (const [one, two] of pairsOf(stations)) {
      for (const lane of ['main', 'bulk'] as const) {
        number += 1;
        send(one, two, lane, numbered(number, 100));
        send(two, one, lane, numbered(number, 100));
      }
    }
    if (random.chance(0.2)) await disturb(network, random, stations);
    await network.pass(random.between(1, 60));
  }
  heal(network, stations);
  await network.pass(QUICK.peerSilenceMilliseconds * 2 + QUICK.helloMilliseconds * 2);
  for (const [one, two] of pairsOf(stations)) {
    assert.ok(isUp(one, two), `seed ${seed}: ${one.node} and ${two.node} are not connected`);
  }
  const settled = stations.map(({ recorder }) => recorder.events.length);
  await network.pass(QUICK.peerSilenceMilliseconds * 2);
  const later = stations.map(({ recorder }) => recorder.events.length);
  assert.deepEqual(later, settled, `seed ${seed}: it does not settle`);
  for (const station of stations) assertOrder(station, seed);
  const story = stations.flatMap(({ recorder }) => recorder.events.map((event) => told(event)));
  for (const { board } of stations) board.close();
  return story;
}

/** Numbers grow over all stations, so those from one of them do. */
function assertOrder(station: Station, seed: number): void {
  for (const lane of ['main', 'bulk'] as const) {
    for (const from of [1, 2, 3]) {
      const numbers = heard(station, lane, from);
      for (const [at, found] of numbers.entries()) {
        const before = numbers[at - 1] ?? 0;
        assert.ok(found > before, `seed ${seed}: ${found} after ${before} from ${from}`);
      }
    }
  }
}

function told(event: object): string {
  return JSON.stringify(event);
}

test(`${SEEDS} periods of faults end with every lane up, in order, and quiet`, async () => {
  let frames = 0;
  let downs = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const story = await live(seed);
    frames += story.filter((line) => line.startsWith('{"type":"peer-frame"')).length;
    downs += story.filter((line) => line.startsWith('{"type":"peer-down"')).length;
  }
  assert.ok(frames > SEEDS * 200, `${frames} frames arrived`);
  assert.ok(downs > SEEDS * 4, `${downs} times a lane went down`);
});

test('the same seed gives the same run', async () => {
  assert.deepEqual(await live(7), await live(7));
  assert.notDeepEqual(await live(7), await live(8));
});

test('if hellos cross, the smaller node decides, and nothing goes down', async () => {
  const network = openMemory();
  const limits = { ...QUICK, courtesyMilliseconds: 1 };
  const one = await openStation(network, { node: 1, limits });
  const two = await openStation(network, { node: 2, limits });
  const urls = [one.place.url, two.place.url] as const;
  const slow = { delayMin: 50, delayMax: 50 };
  network.memory.disturb({ from: urls[0], to: urls[1] }, slow);
  network.memory.disturb({ from: urls[1], to: urls[0] }, slow);
  introduce(one, two);
  // The smaller one dials at once and says hello after 100 ms, the larger one a sweep later; the
  // first hello is there after 150 ms, its answer after 200, both are sure of each other after 300.
  await network.pass(310);
  assert.ok(isUp(one, two), 'in three round trips');
  await network.pass(1000);
  for (const { recorder } of [one, two]) {
    assert.equal(recorder.of('peer-up').length, 2);
    assert.equal(recorder.of('peer-down').length, 0);
  }
  assert.equal(refusals(one).length, 2, 'the other sockets came in and went');
  const gaveWay = refusals(two).every((text) => text.startsWith('them superseded'));
  assert.ok(gaveWay, 'the side that gives way reports nothing else');
});

test('all sockets of a narrow path share its capacity', async () => {
  const network = openMemory();
  const [one, two] = [
    await openStation(network, { node: 1 }),
    await openStation(network, { node: 2 }),
  ];
  introduce(one, two);
  await network.pass(500);
  const direction = { from: one.place.url, to: two.place.url };
  network.memory.disturb(direction, { bytesPerMillisecond: 100 });
  send(one, two, 'main', numbered(1, 20_000));
  send(one, two, 'bulk', numbered(2, 20_000));
  await network.pass(190);
  assert.deepEqual([heard(two, 'main'), heard(two, 'bulk')], [[], []]);
  await network.pass(15);
  assert.deepEqual([heard(two, 'main'), heard(two, 'bulk')], [[1], []]);
  await network.pass(210);
  assert.deepEqual(heard(two, 'bulk'), [2]);
});
