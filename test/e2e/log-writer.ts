/**
 * A process that writes to a log until it is killed. It first checks that all given entries are
 * there, then prints what is durable: `acked <shard> <index>`.
 */

import { writeSync } from 'node:fs';
import type { MemberId, ShardId } from '../../src/base/ids.ts';
import { Random } from '../../src/base/random.ts';
import type { LogEntry } from '../../src/raft/message.ts';
import { ORIGIN } from '../../src/raft/position.ts';
import { DiskFiles } from '../../src/storage/files/disk-files.ts';
import type { Log, LogRecord } from '../../src/storage/log/log.ts';
import { openLog } from '../../src/storage/log/log-boot.ts';
import { OWNER } from '../storage/log-life.ts';

const SHARDS = 3;
const LIMITS = {
  segmentBytesMin: 16 * 1024,
  segmentBytes: 32 * 1024,
  batchBytesMax: 12 * 1024,
  cacheBytesMax: 4096,
  sparesMin: 2,
  sparesMax: 3,
  segmentsMin: 3,
  moveBytesMax: 2048,
  readBytesMax: 8192,
  lowBytesMin: 1,
  lowBytesMax: 1,
  fullBytesMin: 1,
  fullBytesMax: 1,
  reserveBytesMax: 1,
  reservePieceBytes: 1,
};

const [folder = '', seed = '1', told = '[]'] = process.argv.slice(2);
const random = new Random(Number(seed));

function say(line: string): void {
  writeSync(1, `${line}\n`);
}

function end(problem: string): never {
  say(`wrong ${problem}`);
  process.exit(2);
}

function payloadOf(shard: number, index: number): Uint8Array {
  const length = (index * 37) % 300;
  return new Uint8Array(length).map((_, at) => shard + index * 3 + at);
}

function check(log: Log): void {
  if (log.damage.length > 0) end(`damage: ${JSON.stringify(log.damage)}`);
  for (const [shard, acked] of JSON.parse(told) as [ShardId, number][]) {
    const replica = log.replica(shard);
    if (replica === undefined) return end(`shard ${shard} is gone`);
    const { base, lastIndex } = replica.log;
    if (lastIndex < acked) end(`shard ${shard} ends at ${lastIndex}, acked was ${acked}`);
    if (!replica.mayVote || replica.log.damaged.length > 0) end(`shard ${shard} is damaged`);
    for (let index = base.index + 1; index <= lastIndex; index++) {
      const read = log.reader(shard).read({ from: index, to: index, bytesMax: 1 });
      const entry = typeof read === 'string' ? undefined : read[0];
      const expected = payloadOf(shard, index);
      const isSame = entry?.kind === 'command' && Buffer.compare(entry.payload, expected) === 0;
      if (!isSame) end(`entry ${index} of shard ${shard} is not what was written`);
    }
  }
}

function creation(shard: ShardId): LogRecord {
  const member = (100 + shard) as MemberId;
  const configuration = { voters: [member], outgoing: [], learners: [] };
  return { type: 'create', shard, member, configuration: { at: ORIGIN, configuration } };
}

function append(log: Log, shard: ShardId): void {
  // Its creation may still be in progress.
  const { base, lastIndex } = log.replica(shard)?.log ?? { base: ORIGIN, lastIndex: 0 };
  const first = Math.max(lastIndex, queued.get(shard) ?? 0) + 1;
  const entries: LogEntry[] = [];
  for (let index = first; index < first + random.between(1, 6); index++) {
    entries.push({ index, term: 1, kind: 'command', payload: payloadOf(shard, index) });
  }
  const last = first + entries.length - 1;
  queued.set(shard, last);
  const write = {
    mark: { number: 1, position: { index: last, term: 1 } },
    hardState: { term: 1, vote: 1 as MemberId, commit: first - 1 },
    snapshot: undefined,
    entries,
    repairs: [],
  };
  const records: LogRecord[] = [{ type: 'write', shard, write }];
  const isLong = lastIndex - base.index > (shard === 0 ? 200 : 30);
  if (isLong) records.push({ type: 'forget', shard, index: lastIndex - 10 });
  log.append(records, () => say(`acked ${shard} ${last}`));
}

const queued = new Map<ShardId, number>();

function writeOn(log: Log): void {
  for (let count = random.between(1, 3); count > 0; count--) {
    append(log, random.below(SHARDS) as ShardId);
  }
  if (random.chance(0.1)) log.idle();
  setImmediate(() => writeOn(log));
}

openLog(
  {
    files: new DiskFiles(folder),
    owner: OWNER,
    isNew: true,
    limits: LIMITS,
    random,
    now: () => 0,
    onFault: end,
  },
  (opened) => {
    if (opened.type === 'refused') return end(opened.text);
    const { log } = opened;
    check(log);
    say('open');
    for (let shard = 0; shard < SHARDS; shard++) {
      if (log.replica(shard as ShardId) !== undefined) continue;
      log.append([creation(shard as ShardId)], () => {});
    }
    setImmediate(() => writeOn(log));
  },
);
