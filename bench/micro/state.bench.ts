/** The cost of the state store: applying, checkpoints, reads and opening, next to raw LevelDB. */

import { closeSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ClassicLevel } from 'classic-level';
import type { ShardId } from '../../src/base/ids.ts';
import { MACHINE_LIMITS } from '../../src/base/limits.ts';
import { Random } from '../../src/base/random.ts';
import { encodeBatch } from '../../src/machine/batch.ts';
import { encodeEntry } from '../../src/machine/entry.ts';
import { Machine } from '../../src/machine/machine.ts';
import { NO_CONFIGURATION } from '../../src/raft/configuration.ts';
import { openLevelState } from '../../src/storage/state/level-state.ts';
import type { StateWrite } from '../../src/storage/state/state.ts';
import { StateStore } from '../../src/storage/state/state-store.ts';
import { calibrate } from './calibration.ts';
import type { BenchRow, Yardstick } from './report.ts';

const SHARD = 1 as ShardId;
/** Operations of one checkpoint, and its repetitions. */
const OPERATIONS = 30_000;
const ROUNDS = 9;
const KEYS = 120_000;
const LARGE_STORE_KEYS = 1_000_000;
const READS = 20_000;
const DELAY_MILLISECONDS = 3000;
const WRITES_A_TURN = 40;
const CLIENTS = 64;
const ENTRY_KEYS = 5000;
const ENTRY_TIME = 1_000_000;
const BARE_BATCH = 'raw LevelDB: chained batch, synced, an operation';
const BARE_READ = 'raw LevelDB: getSync from its cache';
/** Delays, and what belongs to LevelDB or the disk. */
const NONE = { type: 'none' } as const;

export async function run(): Promise<BenchRow[]> {
  return [
    ...(await applyAndCheckpoint()),
    ...(await entryRows()),
    ...(await delayRows()),
    ...(await readRows()),
    ...(await openRow()),
  ];
}

/** One store in a folder of its own. */
class Rig {
  readonly folder = mkdtempSync(join(tmpdir(), 'ringkv-bench-'));
  store: StateStore | undefined;
  #checkpoints = 0;

  async open(): Promise<StateStore> {
    const disk = await openLevelState({ folder: this.folder, onFault: fail, onDamage: fail });
    const store = new StateStore({
      disk,
      identity: new Uint8Array(1),
      durableIndex: () => Number.POSITIVE_INFINITY,
      onProgress: () => {},
      onBatch: () => {
        this.#checkpoints += 1;
      },
      onDamage: fail,
    });
    if (store.shards.length === 0) store.create(SHARD, NO_CONFIGURATION);
    this.store = store;
    return store;
  }

  /** One slice in a turn, as a node does it; returns the total time of the slices. */
  async checkpoint(store: StateStore): Promise<number> {
    const before = this.#checkpoints;
    store.checkpoint();
    let busy = 0;
    while (this.#checkpoints === before) {
      const start = performance.now();
      store.work(0);
      busy += performance.now() - start;
      await nextTurn();
    }
    return busy;
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.store?.close(resolve));
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}

function fail(cause: unknown): never {
  throw cause;
}

function keyOf(number: number): Uint8Array {
  return new TextEncoder().encode(`user:${String(number).padStart(11, '0')}`);
}

function writesOf(random: Random, numbers: (at: number) => number): StateWrite[] {
  return Array.from({ length: OPERATIONS }, (_, at) => {
    const value = new Uint8Array(256).fill(random.below(256));
    return { section: 0, key: keyOf(numbers(at)), value };
  });
}

/** One entry each, as long as there is room. */
function applyAll(store: StateStore, writes: readonly StateWrite[]): void {
  let { index } = store.description(SHARD);
  for (const write of writes) {
    if (!store.hasRoom) return;
    index += 1;
    const position = { index, term: 1 };
    store.apply(SHARD, { position, configuration: undefined, writes: [write] });
  }
}

async function applyAndCheckpoint(): Promise<BenchRow[]> {
  const random = new Random(1);
  const rig = new Rig();
  const store = await rig.open();
  const raw = await openRaw();
  const samples = {
    apply: [] as number[],
    fresh: [] as number[],
    over: [] as number[],
    busy: [] as number[],
    raw: [] as number[],
  };
  for (let round = 0; round < ROUNDS; round++) {
    const isFresh = round % 2 === 0;
    const shuffled = random.shuffle(Array.from({ length: OPERATIONS }, (_, at) => at));
    const first = round * OPERATIONS;
    const writes = writesOf(random, (at) => {
      return isFresh ? first + (shuffled[at] ?? 0) : random.below(first);
    });
    samples.apply.push(time(() => applyAll(store, writes)));
    const start = performance.now();
    samples.busy.push(await rig.checkpoint(store));
    samples[isFresh ? 'fresh' : 'over'].push(performance.now() - start);
    samples.raw.push(await rawBatch(raw.level, writes));
  }
  await raw.close();
  await rig.close();
  rig.remove();
  return [
    row('state: a write applied into the memtable', samples.apply, OPERATIONS),
    row('state: checkpoint of new keys, an operation', samples.fresh, OPERATIONS, {
      type: 'row',
      name: BARE_BATCH,
    }),
    row('state: checkpoint of old keys, an operation', samples.over, OPERATIONS, {
      type: 'row',
      name: BARE_BATCH,
    }),
    row('state: of a checkpoint on the loop, an operation', samples.busy, OPERATIONS),
    row(BARE_BATCH, samples.raw, OPERATIONS, NONE),
  ];
}

/** What a node does with an entry: the machine decides, the store takes its writes. */
async function entryRows(): Promise<BenchRow[]> {
  const random = new Random(5);
  const rig = new Rig();
  const store = await rig.open();
  const machine = new Machine({ source: { get: (...at) => store.get(SHARD, ...at) } });
  const take = (payload: Uint8Array) => {
    const index = store.description(SHARD).index + 1;
    const outcome = machine.apply({ index, payload });
    if (outcome.type !== 'applied') throw new Error('every entry is applied');
    const entry = { position: { index, term: 1 }, configuration: undefined };
    store.apply(SHARD, { ...entry, writes: outcome.writes });
  };
  const arc = { from: 0, to: 2 ** 32 };
  take(
    encodeEntry(
      { time: ENTRY_TIME, epoch: 0, valueBytesMax: MACHINE_LIMITS.valueBytesMax },
      { type: 'adopt', epoch: 1, arc },
    ),
  );
  const samples = { entry: [] as number[], row: [] as number[] };
  for (let round = 0; round < ROUNDS; round++) {
    const payloads = Array.from({ length: OPERATIONS }, (_, at) =>
      putPayload(random.below(ENTRY_KEYS), at, round),
    );
    samples.entry.push(time(() => payloads.forEach(take)));
    const row = { section: 3, key: new Uint8Array(0), value: new Uint8Array(20) };
    const rows = new Array<StateWrite>(OPERATIONS).fill(row);
    samples.row.push(time(() => applyAll(store, rows)));
    await rig.checkpoint(store);
  }
  await rig.close();
  rig.remove();
  return [
    row('state: an entry of a put, machine and memtable', samples.entry, OPERATIONS),
    row('state: a row that is written again and again', samples.row, OPERATIONS),
  ];
}

/** One of so many clients, which has the answer to its last write. */
function putPayload(number: number, at: number, round: number): Uint8Array {
  const sequence = round * Math.ceil(OPERATIONS / CLIENTS) + Math.floor(at / CLIENTS);
  const value = new Uint8Array(256).fill(at);
  const batch = encodeBatch({
    client: new Uint8Array(16).fill(1 + (at % CLIENTS)),
    deadline: ENTRY_TIME + 10_000,
    sequence,
    commands: [[{ type: 'set', key: keyOf(number), value, lifeMilliseconds: 0 }]],
  });
  return encodeEntry(
    { time: ENTRY_TIME, epoch: 1, valueBytesMax: MACHINE_LIMITS.valueBytesMax },
    { type: 'batch', batch },
  );
}

/** An idle loop, and one that applies in every turn while checkpoint follows checkpoint. */
async function delayRows(): Promise<BenchRow[]> {
  const random = new Random(4);
  const rig = new Rig();
  const store = await rig.open();
  const delays: number[] = [];
  const holds: number[] = [];
  for (const isBusy of [false, true]) {
    const writes = writesOf(random, () => random.below(KEYS));
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const end = performance.now() + DELAY_MILLISECONDS;
    const turns: number[] = [];
    const waits = new CoreWaits();
    for (let at = 0; performance.now() < end; at = (at + WRITES_A_TURN) % OPERATIONS) {
      const start = performance.now();
      if (isBusy) applyAll(store, writes.slice(at, at + WRITES_A_TURN));
      store.work(performance.now());
      await nextTurn();
      turns.push(performance.now() - start - waits.take());
    }
    waits.close();
    delay.disable();
    delays.push(delay.percentile(99.9) / 1e6);
    turns.sort((one, other) => other - one);
    holds.push(turns[DELAY_MILLISECONDS / 1000] ?? 0);
  }
  await rig.close();
  rig.remove();
  return [
    row('loop: p99.9 of its delay, idle', delays.slice(0, 1), 1, NONE),
    row('loop: p99.9 of its delay, checkpoints without a pause', delays.slice(1), 1, NONE),
    row('loop: held by itself in the worst ms of 1000, idle', holds.slice(0, 1), 1, NONE),
    row('loop: held by itself in the worst ms of 1000, checkpoints', holds.slice(1), 1, NONE),
  ];
}

/**
 * How long this thread was ready and had no core: the effect of other processes on the loop, and of
 * LevelDB's threads if there are fewer cores than threads. Only Linux reports it.
 */
class CoreWaits {
  readonly #file = process.platform === 'linux' ? openSync('/proc/self/schedstat', 'r') : undefined;
  readonly #bytes = Buffer.alloc(64);
  #before = this.#read();

  /** Milliseconds since the last call. */
  take(): number {
    const before = this.#before;
    this.#before = this.#read();
    return this.#before - before;
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
  }

  #read(): number {
    if (this.#file === undefined) return 0;
    const length = readSync(this.#file, this.#bytes, 0, this.#bytes.length, 0);
    return Number(this.#bytes.toString('latin1', 0, length).split(' ')[1]) / 1e6;
  }
}

async function openRaw() {
  const folder = mkdtempSync(join(tmpdir(), 'ringkv-bench-'));
  const level = new ClassicLevel<Uint8Array, Uint8Array>(folder, {
    keyEncoding: 'view',
    valueEncoding: 'view',
    writeBufferSize: 32 << 20,
    cacheSize: 64 << 20,
    maxFileSize: 8 << 20,
    compression: false,
  });
  await level.open();
  const close = async () => {
    await level.close();
    rmSync(folder, { recursive: true });
  };
  return { level, close };
}

async function rawBatch(
  level: ClassicLevel<Uint8Array, Uint8Array>,
  writes: readonly StateWrite[],
): Promise<number> {
  const start = performance.now();
  const batch = level.batch();
  for (const { key, value } of writes) if (value !== undefined) batch.put(key, value);
  await batch.write({ sync: true });
  return performance.now() - start;
}

async function readRows(): Promise<BenchRow[]> {
  const random = new Random(2);
  const rig = new Rig();
  const store = await rig.open();
  for (let first = 0; first < KEYS; first += OPERATIONS) {
    applyAll(
      store,
      writesOf(random, (at) => first + at),
    );
    await rig.checkpoint(store);
  }
  const cold = Array.from({ length: READS }, () => keyOf(random.below(KEYS)));
  const raw = await openRaw();
  await rawBatch(
    raw.level,
    writesOf(random, (at) => at),
  );
  const rawKeys = Array.from({ length: READS }, () => keyOf(random.below(OPERATIONS)));
  const samples = { cold: [] as number[], raw: [] as number[], hot: [] as number[] };
  for (let round = 0; round < ROUNDS; round++) {
    samples.cold.push(time(() => readAll(cold, (key) => store.get(SHARD, 0, key))));
    samples.raw.push(time(() => readAll(rawKeys, (key) => raw.level.getSync(key))));
  }
  const writes = writesOf(random, () => random.below(KEYS));
  applyAll(store, writes);
  const hot = random.shuffle(writes.map(({ key }) => key)).slice(0, READS);
  for (let round = 0; round < ROUNDS; round++) {
    samples.hot.push(time(() => readAll(hot, (key) => store.get(SHARD, 0, key))));
  }
  await raw.close();
  await rig.close();
  rig.remove();
  return [
    row('state: read that hits the memtable', samples.hot, READS),
    row('state: read from the cache of LevelDB', samples.cold, READS, {
      type: 'row',
      name: BARE_READ,
    }),
    row(BARE_READ, samples.raw, READS, NONE),
  ];
}

function readAll(
  keys: readonly Uint8Array[],
  read: (key: Uint8Array) => Uint8Array | undefined,
): void {
  let bytes = 0;
  for (const key of keys) bytes += read(key)?.length ?? 0;
  if (bytes !== keys.length * 256) throw new Error('every key has a value');
}

async function openRow(): Promise<BenchRow[]> {
  const rig = new Rig();
  const store = await rig.open();
  const random = new Random(3);
  const value = new Uint8Array(100);
  for (let first = 0; first < LARGE_STORE_KEYS; first += OPERATIONS) {
    const writes = writesOf(random, (at) => (first + at) % LARGE_STORE_KEYS);
    applyAll(
      store,
      writes.map((write) => ({ ...write, value })),
    );
    await rig.checkpoint(store);
  }
  await rig.close();
  const samples: number[] = [];
  for (let round = 0; round < 5; round++) {
    const start = performance.now();
    await rig.open();
    samples.push(performance.now() - start);
    await rig.close();
  }
  rig.remove();
  return [row('state: opening a store of a million keys', samples, 1)];
}

function time(work: () => void): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

/** The median of samples in milliseconds, each of so many operations. */
function row(
  name: string,
  samples: readonly number[],
  operations: number,
  yardstick: Yardstick = { type: 'calibration', nanoseconds: calibrate() },
): BenchRow {
  const middle = median(samples);
  const nanosecondsPerOperation = (middle * 1e6) / operations;
  const deviation = median(samples.map((sample) => Math.abs(sample - middle)));
  return {
    name,
    nanosecondsPerOperation,
    operationsPerSecond: 1e9 / nanosecondsPerOperation,
    spread: deviation / middle,
    yardstick,
  };
}

function median(samples: readonly number[]): number {
  const sorted = [...samples].sort((one, other) => one - other);
  return sorted[sorted.length >> 1] ?? 0;
}
