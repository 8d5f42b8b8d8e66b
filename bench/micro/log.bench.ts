/** The cost of the log on this machine's disk, next to that of the disk itself. */

import { closeSync, constants, fdatasync, mkdtempSync, openSync, rmSync, write } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MemberId, NodeId, ShardId } from '../../src/base/ids.ts';
import { Random } from '../../src/base/random.ts';
import type { LogEntry } from '../../src/raft/message.ts';
import { ORIGIN } from '../../src/raft/position.ts';
import { DiskFiles } from '../../src/storage/files/disk-files.ts';
import { LOG_LIMITS } from '../../src/storage/limits.ts';
import type { Log, LogRecord } from '../../src/storage/log/log.ts';
import { openLog } from '../../src/storage/log/log-boot.ts';
import { calibrate } from './calibration.ts';
import type { BenchRow, Yardstick } from './report.ts';

const SHARD = 1 as ShardId;
const PAYLOAD = new Uint8Array(300).fill(7);
const PAGE_BYTES = 4096;
/** The disk's own speed. */
const NONE = { type: 'none' } as const;
const ROUNDS = { 1: 600, 64: 300, 1000: 150 } as const;

export async function run(): Promise<BenchRow[]> {
  const folder = mkdtempSync(join(tmpdir(), 'ringkv-bench-'));
  try {
    const rows: BenchRow[] = [];
    const log = await open(folder);
    await append(log, [creation()]);
    const raw = new RawDisk(folder);
    for (const batch of [1, 64, 1000] as const) rows.push(...(await measureBatch(log, raw, batch)));
    raw.close();
    await close(log);
    rows.push(await measureRecovery(folder));
    return rows;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function open(folder: string): Promise<Log> {
  const options = {
    files: new DiskFiles(join(folder, 'log')),
    owner: { cluster: 'bench', node: 1 as NodeId },
    isNew: true,
    limits: LOG_LIMITS,
    random: new Random(1),
    now: () => performance.now(),
    onFault: (line: string) => {
      throw new Error(line);
    },
  };
  return new Promise((resolve, reject) => {
    openLog(options, (opened) => {
      if (opened.type === 'opened') resolve(opened.log);
      else reject(new Error(opened.text));
    });
  });
}

async function append(log: Log, records: readonly LogRecord[]): Promise<void> {
  return new Promise((resolve) => log.append(records, resolve));
}

async function close(log: Log): Promise<void> {
  return new Promise((resolve) => log.close(resolve));
}

function creation(): LogRecord {
  const member = 1 as MemberId;
  const configuration = { voters: [member], outgoing: [], learners: [] };
  return { type: 'create', shard: SHARD, member, configuration: { at: ORIGIN, configuration } };
}

let lastIndex = 0;

function writing(count: number): LogRecord {
  const entries: LogEntry[] = [];
  for (let nth = 0; nth < count; nth++) {
    lastIndex += 1;
    entries.push({ index: lastIndex, term: 1, kind: 'command', payload: PAYLOAD });
  }
  const write = {
    mark: { number: 1, position: { index: lastIndex, term: 1 } },
    hardState: { term: 1, vote: 1 as MemberId, commit: lastIndex - count },
    snapshot: undefined,
    entries,
    repairs: [],
  };
  return { type: 'write', shard: SHARD, write };
}

/** Two preallocated files, written in place: one synced by a second call, one by its flag. */
class RawDisk {
  readonly #twoHops: number;
  readonly #oneHop: number;
  #offset = 0;

  constructor(folder: string) {
    const [two, one] = [join(folder, 'two-hops'), join(folder, 'one-hop')];
    this.#twoHops = openSync(two, 'w+');
    closeSync(openSync(one, 'w+'));
    this.#oneHop = openSync(one, constants.O_RDWR | (constants.O_DSYNC ?? 0));
  }

  async fill(): Promise<void> {
    const zeros = new Uint8Array(LOG_LIMITS.segmentBytes);
    for (const file of [this.#twoHops, this.#oneHop]) {
      await new Promise((resolve) => write(file, zeros, 0, zeros.length, 0, resolve));
    }
  }

  async writeTwice(bytes: Uint8Array): Promise<void> {
    const offset = this.#place(bytes.length);
    return new Promise((resolve) => {
      write(this.#twoHops, bytes, 0, bytes.length, offset, () => {
        fdatasync(this.#twoHops, () => resolve());
      });
    });
  }

  async writeOnce(bytes: Uint8Array): Promise<void> {
    const offset = this.#place(bytes.length);
    return new Promise((resolve) => {
      write(this.#oneHop, bytes, 0, bytes.length, offset, () => resolve());
    });
  }

  #place(length: number): number {
    if (this.#offset + 2 * length > LOG_LIMITS.segmentBytes) this.#offset = 0;
    const offset = this.#offset;
    this.#offset += length;
    return offset;
  }

  close(): void {
    closeSync(this.#twoHops);
    closeSync(this.#oneHop);
  }
}

/** Log and raw disk in turns, so that both meet the same conditions. */
async function measureBatch(log: Log, raw: RawDisk, batch: keyof typeof ROUNDS) {
  await raw.fill();
  const samples: [number[], number[], number[]] = [[], [], []];
  const before = log.metrics();
  let pages = 0;
  for (let round = 0; round < ROUNDS[batch]; round++) {
    const record = writing(batch);
    const written = log.metrics().bytesWritten;
    samples[0].push(await timed(() => append(log, [record])));
    const bytes = new Uint8Array(log.metrics().bytesWritten - written);
    pages += Math.ceil(bytes.length / PAGE_BYTES);
    samples[1].push(await timed(() => raw.writeTwice(bytes)));
    samples[2].push(await timed(() => raw.writeOnce(bytes)));
    if (round % 50 === 0) await append(log, [{ type: 'forget', shard: SHARD, index: lastIndex }]);
  }
  const user = ROUNDS[batch] * batch * PAYLOAD.length;
  const bytes = log.metrics().bytesWritten - before.bytesWritten;
  const [inLog, onDisk] = [bytes / user, (pages * PAGE_BYTES) / user];
  const figures = `${inLog.toFixed(2)}, in whole pages about ${onDisk.toFixed(2)}`;
  console.log(`log, ${batch} a batch: bytes to disk for one of the user's: ${figures}`);
  const tail = `${batch} of 300 bytes`;
  const bare = { type: 'row', name: `raw write with O_DSYNC, ${tail}` } as const;
  return [
    row(`log, durable, ${tail}`, samples[0], { operations: batch, yardstick: bare }),
    row(`raw write + fdatasync, ${tail}`, samples[1], { operations: batch, yardstick: NONE }),
    row(bare.name, samples[2], { operations: batch, yardstick: NONE }),
  ];
}

async function timed(work: () => Promise<void>): Promise<number> {
  const begun = performance.now();
  await work();
  return (performance.now() - begun) * 1e6;
}

interface RowOptions {
  readonly operations: number;
  readonly yardstick: Yardstick;
}

function row(
  name: string,
  samples: readonly number[],
  { operations, yardstick }: RowOptions,
): BenchRow {
  const median = middle(samples);
  const nanosecondsPerOperation = median / operations;
  return {
    name,
    nanosecondsPerOperation,
    operationsPerSecond: 1e9 / nanosecondsPerOperation,
    spread: middle(samples.map((sample) => Math.abs(sample - median))) / median,
    yardstick,
  };
}

function middle(samples: readonly number[]): number {
  return [...samples].sort((one, other) => one - other)[samples.length >> 1] ?? Number.NaN;
}

/** Opening a log whose entries are all needed: reading, checking, indexing, beginning a life. */
async function measureRecovery(folder: string): Promise<BenchRow> {
  let log = await open(folder);
  const entries = 300_000;
  for (let count = 0; count < entries; count += 1000) await append(log, [writing(1000)]);
  await close(log);
  const samples: number[] = [];
  for (let round = 0; round < 3; round++) {
    samples.push(
      await timed(async () => {
        log = await open(folder);
      }),
    );
    await close(log);
  }
  const yardstick = { type: 'calibration', nanoseconds: calibrate() } as const;
  return row('log recovery, an entry of 300 bytes', samples, { operations: entries, yardstick });
}
