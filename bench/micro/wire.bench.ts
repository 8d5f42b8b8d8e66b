/** The cost of one frame on each side: heartbeats of many shards, and appends. */

import { assert } from '../../src/base/assert.ts';
import type { MemberId, ShardId } from '../../src/base/ids.ts';
import type { Message } from '../../src/raft/message.ts';
import { decodeFrame, encodeFrame } from '../../src/wire/frame.ts';
import { type BenchRow, type BenchTask, measure } from './report.ts';

const FROM = 2_251_799_813_685_248 as MemberId;
const TO = 3_377_699_720_527_872 as MemberId;
const ENTRIES = 64;
const PAYLOAD = new Uint8Array(64).fill(7);
/** Messages in one call: the same for every size of frame. */
const MESSAGES = 200;

export async function run(): Promise<BenchRow[]> {
  return measure([
    ...[1, 10, 100].flatMap((count) => tasks('heartbeat', count, heartbeat, MESSAGES)),
    ...[1, 10, 100].flatMap((count) => tasks('append of 64 entries', count, append, MESSAGES)),
  ]);
}

function tasks(
  what: string,
  count: number,
  make: (shard: number) => Message,
  operations: number,
): BenchTask[] {
  const messages = Array.from({ length: count }, (_, shard) => make(shard));
  const frame = encodeFrame(messages);
  const frames = operations / count;
  assert(Number.isInteger(frames), 'a call is a whole number of frames');
  return [
    {
      name: `encode ${what}, ${count} in a frame`,
      operations,
      work: () => encode(messages, frames),
    },
    { name: `decode ${what}, ${count} in a frame`, operations, work: () => decode(frame, frames) },
  ];
}

function encode(messages: readonly Message[], frames: number): number {
  let bytes = 0;
  for (let count = 0; count < frames; count++) bytes += encodeFrame(messages).length;
  return bytes;
}

function decode(frame: Uint8Array, frames: number): number {
  let terms = 0;
  for (let count = 0; count < frames; count++) {
    for (const message of decodeFrame(frame) ?? []) terms += message.term;
  }
  return terms;
}

function heartbeat(shard: number): Message {
  return {
    type: 'heartbeat',
    ...envelope(shard),
    commit: 100_000,
    round: 90_000,
    configuration: { index: 12, term: 2 },
    isLast: false,
    isEstablished: true,
    timeoutMilliseconds: 200,
  };
}

function append(shard: number): Message {
  const previous = { index: 100_000, term: 7 };
  return {
    type: 'append',
    ...envelope(shard),
    previous,
    entries: Array.from({ length: ENTRIES }, (_, at) => ({
      index: previous.index + 1 + at,
      term: 7,
      kind: 'command',
      payload: PAYLOAD,
    })),
    commit: 99_990,
    round: 90_000,
    configuration: { index: 12, term: 2 },
  };
}

function envelope(shard: number) {
  return { shard: shard as ShardId, from: FROM, to: TO, term: 7 };
}
