/** Scans of all shards: pages of any size and new leaders do not change the result. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../src/base/random.ts';
import type { CallFailure } from '../../src/client/core/call-failure.ts';
import type { KeyRange } from '../../src/client/core/range.ts';
import { type Page, Scan, type ScannedRow, type ScanTerms } from '../../src/client/core/scan.ts';
import { encodeBatch } from '../../src/machine/batch.ts';
import { arcOf } from '../../src/ring/arc.ts';
import { keyPosition } from '../../src/ring/key-position.ts';
import { byEffort } from '../support/effort.ts';
import { ClientHost } from './model/client-host.ts';
import { ModelCluster } from './model/cluster.ts';
import { World } from './model/world.ts';

const SHARDS = 5;
const SEEDS = byEffort({ full: 40, brief: 10 });
const ALL: KeyRange = { from: new Uint8Array(0), to: new Uint8Array(0) };
const TERMS: ScanTerms = {
  range: ALL,
  isReverse: false,
  isKeysOnly: false,
  level: { type: 'linearizable' },
  rowsMax: Number.MAX_SAFE_INTEGER,
};

function scene(seed: number, isRough: boolean) {
  const random = new Random(seed);
  const world = new World();
  const cluster = new ModelCluster({
    nodes: 3,
    shards: SHARDS,
    world,
    random: random.fork('cluster'),
    faults: {
      overload: isRough ? 0.05 : 0,
      wrongEpoch: 0,
      notHere: isRough ? 0.02 : 0,
      notFresh: 0,
      tooMuch: isRough ? 0.1 : 0,
      survival: 0,
      forward: 0.5,
      giveWay: 0,
      mute: 0,
      commitMax: 2,
    },
    onEffect: () => {},
  });
  const keys = new Set<string>();
  for (let at = 0; at < 400; at++) keys.add(`k${random.below(2000)}`);
  const sorted = [...keys].sort();
  for (const [at, text] of sorted.entries()) put(cluster, text, at + 1);
  const host = new ClientHost({
    world,
    random: random.fork('host'),
    cluster,
    links: { delayMax: 10, refusal: isRough ? 0.05 : 0, echo: 0 },
    client: new Uint8Array(16).fill(7),
    clockRate: 1,
    balance: 'round-robin',
  });
  if (isRough) {
    for (let at = 0; at < 5000; at += 50) {
      world.after(at, () => {
        if (random.chance(0.3)) cluster.changeLeader(random.between(1, SHARDS));
        if (random.chance(0.1)) host.breakLink();
      });
    }
  }
  return { random, world, cluster, host, sorted };
}

function put(cluster: ModelCluster, text: string, sequence: number): void {
  const key = Buffer.from(text);
  const shard = cluster.shards[arcOf(keyPosition(key), SHARDS)];
  const batch = encodeBatch({
    client: new Uint8Array(16).fill(9),
    deadline: Math.floor(shard?.time ?? 0) + 1000,
    sequence,
    commands: [[{ type: 'set', key, value: key, lifeMilliseconds: 0 }]],
  });
  shard?.write(batch, 1);
}

/** Reads until the end; a page that fails is asked for again. */
function readAll({ world, host }: { world: World; host: ClientHost }, scan: Scan): ScannedRow[] {
  const rows: ScannedRow[] = [];
  let isEnd = false;
  const next = (): void => {
    host.call({
      type: 'page',
      scan,
      timeoutMilliseconds: 700,
      settle: (result: Page | CallFailure) => {
        if (result.type === 'page') {
          rows.push(...result.rows);
          isEnd = result.isEnd;
        }
        if (!isEnd) world.after(5, next);
      },
    });
  };
  next();
  world.runUntil(world.now + 120_000);
  equal(isEnd, true, 'the scan came to its end');
  return rows;
}

function textsOf(rows: readonly ScannedRow[]): string[] {
  return rows.map(({ key }) => Buffer.from(key).toString());
}

test('a scan gives every key once and in order, whatever happens to leaders and links', () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const stage = scene(seed, true);
    const isReverse = stage.random.chance(0.5);
    const isKeysOnly = stage.random.chance(0.5);
    const rows = readAll(stage, new Scan({ ...TERMS, isReverse, isKeysOnly }));
    const expected = isReverse ? [...stage.sorted].reverse() : stage.sorted;
    deepEqual(textsOf(rows), expected, `seed ${seed}`);
    for (const { key, row } of rows) {
      const value = row === undefined ? undefined : Buffer.from(row.value).toString();
      equal(value, isKeysOnly ? undefined : Buffer.from(key).toString());
    }
    equal(stage.host.core.isBusy, false);
  }
});

test('a scan keeps to its range and to its limit', () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const stage = scene(seed, true);
    const [from = '', to = ''] = [
      stage.random.pick(stage.sorted),
      stage.random.pick(stage.sorted),
    ].sort();
    const rowsMax = stage.random.between(1, 60);
    const range = { from: Buffer.from(from), to: Buffer.from(to) };
    const isReverse = stage.random.chance(0.5);
    const expected = stage.sorted.filter((text) => text >= from && text < to);
    if (isReverse) expected.reverse();
    const rows =
      from === to ? [] : readAll(stage, new Scan({ ...TERMS, range, rowsMax, isReverse }));
    deepEqual(textsOf(rows), expected.slice(0, rowsMax), `seed ${seed}`);
  }
});

test('a count is the sum of all shards', () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { host, world, sorted } = scene(seed, true);
    let told: unknown;
    host.call({
      type: 'count',
      range: { from: Buffer.from('k1'), to: Buffer.from('k2') },
      level: { type: 'linearizable' },
      timeoutMilliseconds: 60_000,
      settle: (result) => {
        told = result.type === 'counted' ? result.count : result;
      },
    });
    world.runUntil(120_000);
    equal(told, sorted.filter((text) => text >= 'k1' && text < 'k2').length, `seed ${seed}`);
  }
});

test('at most two pages of each shard are read ahead of the caller', () => {
  const { host, world, cluster } = scene(1, false);
  let asked = 0;
  const serve = cluster.serve.bind(cluster);
  cluster.serve = (node, request, reply, isForwarded) => {
    if (request.type === 'range' && request.range.answer === 'rows' && !isForwarded) asked += 1;
    serve(node, request, reply, isForwarded);
  };
  const scan = new Scan(TERMS);
  let rows = 0;
  host.call({
    type: 'page',
    scan,
    timeoutMilliseconds: 10_000,
    settle: (result) => {
      if (result.type === 'page') rows = result.rows.length;
    },
  });
  world.runUntil(60_000);
  equal(rows > 0, true);
  equal(asked <= 4 * SHARDS, true, `${asked} pages were asked for`);
});
