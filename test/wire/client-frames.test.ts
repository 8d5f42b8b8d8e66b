/** What clients and nodes say comes back as it was, and damaged frames are refused. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { LOGIN_LIMITS } from '../../src/access/limits.ts';
import { STORAGE_LIMIT_NAMES } from '../../src/access/storage-limits.ts';
import { TOKEN_BYTES, TOKEN_ID_BYTES } from '../../src/access/token.ts';
import { COORDINATION_LIMITS } from '../../src/base/coordination-limits.ts';
import { type MemberId, NUMBER_MAX, type ShardId } from '../../src/base/ids.ts';
import { Random } from '../../src/base/random.ts';
import { bytesMaxOf } from '../../src/base/schema.ts';
import { TRANSACTION_LIMITS } from '../../src/base/transaction-limits.ts';
import { WATCH_LIMITS } from '../../src/base/watch-limits.ts';
import { encodeFrame } from '../../src/wire/frame.ts';
import {
  decodeNodeMessages,
  encodeNodeMessages,
  isOfNodes,
  type NodeMessage,
} from '../../src/wire/node-message.ts';
import {
  decodeRequests,
  encodeRequests,
  type ReadLevel,
  type Request,
  type StreamStart,
} from '../../src/wire/request.ts';
import {
  bytesMaxOfResponse,
  decodeResponses,
  effectOf,
  encodeResponses,
  FAILURES,
  type Response,
} from '../../src/wire/response.ts';
import { byEffort } from '../support/effort.ts';
import { mutate } from '../support/mutate.ts';
import {
  MESSAGE_TYPES,
  randomBytes,
  randomContender,
  randomCount,
  randomMessage,
  randomParticipants,
} from './random-message.ts';

const ROUNDS = byEffort({ full: 350_000, brief: 15_000 });

function someBytes(random: Random): Uint8Array {
  return randomBytes(random, random.pick([0, 1, 17, 255, 256, 300]));
}

function list(random: Random): Uint8Array[] {
  return Array.from({ length: random.below(20) }, () => someBytes(random));
}

function randomLevel(random: Random): ReadLevel {
  const type = random.pick(['linearizable', 'lease', 'stale'] as const);
  return type === 'stale' ? { type, ageMilliseconds: randomCount(random) } : { type };
}

const REQUEST_TYPES = [
  ...(['map', 'write', 'read', 'range', 'command', 'info'] as const),
  ...(['transact', 'step', 'validate', 'settle', 'pending'] as const),
  ...(['watch', 'credit', 'cancel', 'reach', 'barrier'] as const),
  ...(['keep', 'await-ticket', 'coordination'] as const),
  ...(['access', 'login'] as const),
];

function randomRequest(random: Random): Request {
  const id = randomCount(random);
  const shard = randomCount(random) as ShardId;
  const epoch = randomCount(random);
  const level = randomLevel(random);
  const asked = { id, shard, epoch, level, patienceMilliseconds: randomCount(random) };
  const terms = random.chance(0.5) ? asked : { ...asked, reserver: randomContender(random) };
  const type = random.pick(REQUEST_TYPES);
  switch (type) {
    case 'watch':
    case 'credit':
    case 'cancel':
    case 'reach':
    case 'barrier':
      return randomWatching(random, type);
    case 'keep':
    case 'await-ticket':
    case 'coordination':
      return randomCoordination(random, type);
    case 'access':
      return { type, id, what: random.pick(['self', 'table'] as const) };
    case 'login': {
      const scope = Array.from({ length: random.below(4) }, () => randomName(random));
      const lifeMilliseconds = Math.min(randomCount(random), LOGIN_LIMITS.lifeMillisecondsMax);
      const password = randomBytes(random, random.pick([0, 1, 255, 1024]));
      return { type, id, user: randomName(random), password, lifeMilliseconds, scope };
    }
    case 'map':
      return { type, id, knownVersion: randomCount(random) };
    case 'write':
      return { type, id, shard, epoch, batch: someBytes(random) };
    case 'read':
      return { type, ...terms, keys: list(random) };
    case 'range': {
      const answer = random.pick(['rows', 'keys', 'count'] as const);
      const rowsMax = randomCount(random);
      const [from, to] = [someBytes(random), someBytes(random)];
      const range = { from, to, isReverse: random.chance(0.5), answer, rowsMax };
      return { type, ...terms, range };
    }
    case 'command':
      return { type, id, command: someBytes(random) };
    case 'info':
    case 'pending':
      return { type, id };
    case 'transact':
      return { type, id, shard, epoch, transaction: someBytes(random) };
    case 'step': {
      const step = random.pick(['prepare', 'resolve'] as const);
      return { type, id, shard, epoch, step, bytes: someBytes(random) };
    }
    case 'validate': {
      const owner = random.chance(0.5) ? randomContender(random) : undefined;
      return { type, ...terms, owner, checks: someBytes(random) };
    }
    case 'settle': {
      const contender = randomContender(random);
      const participants = randomParticipants(random);
      const isPreempting = random.chance(0.5);
      return { type, id, shard, contender, participants, isPreempting };
    }
  }
}

function randomName(random: Random): string {
  return random.pick(['', 'a', 'ann@example.org', 'ä', 'x'.repeat(64)]);
}

function randomStart(random: Random): StreamStart | undefined {
  if (random.chance(0.4)) return undefined;
  const position = { index: randomCount(random), term: randomCount(random) };
  return { position, cursor: random.chance(0.5) ? someBytes(random) : undefined };
}

function randomWatching(
  random: Random,
  type: 'watch' | 'credit' | 'cancel' | 'reach' | 'barrier',
): Request {
  const id = randomCount(random);
  const shard = randomCount(random) as ShardId;
  const address = { id, shard, epoch: randomCount(random) };
  const bounds = { from: someBytes(random), to: someBytes(random) };
  const credit = random.pick([1, 0x7f, 0x80, 0x1_0000, WATCH_LIMITS.creditBytesMax]);
  switch (type) {
    case 'watch': {
      const [start, atLeast] = [randomStart(random), randomCount(random)];
      const keysOnly = random.chance(0.5);
      return { type, ...address, ...bounds, start, atLeast, keysOnly, credit };
    }
    case 'credit':
      return { type, id, bytes: credit };
    case 'cancel':
      return { type, id };
    case 'reach':
      return { type, id, index: randomCount(random) };
    case 'barrier': {
      const patienceMilliseconds = randomCount(random);
      return { type, ...address, ...bounds, isRecording: random.chance(0.5), patienceMilliseconds };
    }
  }
}

function randomCoordination(
  random: Random,
  type: 'keep' | 'await-ticket' | 'coordination',
): Request {
  const shard = randomCount(random) as ShardId;
  const address = { id: randomCount(random), shard, epoch: randomCount(random) };
  switch (type) {
    case 'keep':
      return { type, ...address, leases: leaseIds(random) };
    case 'await-ticket': {
      const name = randomBytes(random, random.pick([1, 17, 255, 256]));
      const ticket = Math.min(randomCount(random), COORDINATION_LIMITS.ticketIdMax);
      return { type, ...address, name, ticket, patienceMilliseconds: randomCount(random) };
    }
    case 'coordination': {
      const what = random.pick(['leases', 'tickets'] as const);
      return { type, ...address, what, after: someBytes(random), rowsMax: randomCount(random) };
    }
  }
}

function leaseIds(random: Random): Uint8Array[] {
  const { leaseIdBytes } = COORDINATION_LIMITS;
  return Array.from({ length: random.pick([0, 1, 3, 15, 16]) }, () =>
    randomBytes(random, leaseIdBytes),
  );
}

function randomExcess(random: Random): Response {
  const [id, allowed, used, added] = [1, 2, 3, 4].map(() => randomCount(random));
  const limit = random.pick(STORAGE_LIMIT_NAMES);
  const told = { id: id ?? 0, allowed: allowed ?? 0, used: used ?? 0, added: added ?? 0 };
  return { type: 'storage-limited', limit, ...told };
}

function randomResponse(random: Random): Response {
  const id = randomCount(random);
  const time = randomCount(random);
  const types = [
    ...(['map', 'written', 'rows', 'range'] as const),
    ...(['commanded', 'info', 'failed', 'leader'] as const),
    ...(['changes', 'barrier', 'kept', 'ticket', 'listed'] as const),
    ...(['logged-in', 'storage-limited'] as const),
  ];
  switch (random.pick(types)) {
    case 'map':
      return { type: 'map', id, map: someBytes(random) };
    case 'written':
      return { type: 'written', id, time, replies: list(random) };
    case 'rows':
      return { type: 'rows', id, time, index: randomCount(random), rows: list(random) };
    case 'range': {
      const rows = list(random).map((key) => ({ key, row: someBytes(random) }));
      const isEnd = random.chance(0.5);
      const last = someBytes(random);
      const [index, count] = [randomCount(random), randomCount(random)];
      return { type: 'range', id, time, index, rows, count, last, isEnd };
    }
    case 'changes': {
      const kind = random.pick(['changes', 'rows', 'rows-end', 'progress'] as const);
      const [after, through] = [randomCount(random), randomCount(random)];
      const [block, cursor] = [someBytes(random), someBytes(random)];
      const [throughTerm, sequence] = [randomCount(random), randomCount(random)];
      const at = { sequence, after, through, throughTerm };
      return { type: 'changes', id, ...at, kind, block, cursor };
    }
    case 'barrier':
      return { type: 'barrier', id, time, index: randomCount(random), term: randomCount(random) };
    case 'kept':
      return { type: 'kept', id, time, ended: leaseIds(random) };
    case 'ticket': {
      const position = random.below(COORDINATION_LIMITS.ticketsOfLockMax + 1);
      return { type: 'ticket', id, time, fence: randomCount(random), position };
    }
    case 'listed': {
      const isEnd = random.chance(0.5);
      return { type: 'listed', id, time, rows: list(random), last: someBytes(random), isEnd };
    }
    case 'leader': {
      const shard = randomCount(random) as ShardId;
      return { type: 'leader', id, shard, leader: randomCount(random) };
    }
    case 'storage-limited':
      return randomExcess(random);
    case 'logged-in': {
      const token = randomBytes(random, TOKEN_BYTES);
      return { type: 'logged-in', id, token, expiresAt: randomCount(random) };
    }
    case 'commanded':
      return { type: 'commanded', id, reply: someBytes(random) };
    case 'info':
      return { type: 'info', id, text: someBytes(random) };
    case 'failed': {
      const failure = random.pick(FAILURES);
      const [leader, retryAfterMilliseconds] = [randomCount(random), randomCount(random)];
      return { type: 'failed', id, failure, time, leader, retryAfterMilliseconds };
    }
  }
}

const NODE_MESSAGE_TYPES = [
  'beat',
  'map',
  'forward',
  'forward-as',
  'forward-for',
  'forwarded',
  'ask',
  'told',
  'fingerprint-ask',
  'fingerprint',
  'diverged',
  'claim',
  'known',
  'stored',
] as const;

function randomNodeMessage(random: Random): NodeMessage {
  const id = randomCount(random);
  const shard = randomCount(random) as ShardId;
  const type = random.pick(NODE_MESSAGE_TYPES);
  switch (type) {
    case 'fingerprint-ask':
      return { type, shard, index: randomCount(random) };
    case 'fingerprint':
    case 'diverged': {
      const member = randomCount(random) as MemberId;
      const [index, term] = [randomCount(random), randomCount(random)];
      return { type, shard, member, index, term, one: random.word(), two: random.word() };
    }
    case 'claim':
    case 'known':
      return { type, word: random.word() };
    case 'ask':
      return { type: 'ask', id, shard, isWatching: random.chance(0.5) };
    case 'told':
      return { type: 'told', id, shard, index: randomCount(random) };
    case 'beat':
      return { type: 'beat', mapVersion: randomCount(random), isReadOnly: random.chance(0.5) };
    case 'map':
      return { type: 'map', map: someBytes(random) };
    case 'forward':
      return { type: 'forward', id, client: randomCount(random), request: someBytes(random) };
    case 'forward-as':
    case 'forward-for': {
      const about = { client: randomCount(random), accessVersion: randomCount(random) };
      const forwarded = { id, ...about, request: someBytes(random) };
      return type === 'forward-as'
        ? { type, ...forwarded, token: randomBytes(random, TOKEN_ID_BYTES) }
        : { type, ...forwarded, user: random.pick(['a', 'ann@example.org', 'x'.repeat(64)]) };
    }
    case 'forwarded':
      return { type: 'forwarded', id, response: someBytes(random) };
    case 'stored': {
      const [index, keys, bytes] = [randomCount(random), randomCount(random), randomCount(random)];
      const count = { shard, id, index, keys, bytes };
      return { type, counts: Array.from({ length: 1 + random.below(3) }, () => count) };
    }
  }
}

interface Codec<T> {
  readonly name: string;
  readonly make: (random: Random) => T;
  readonly encode: (messages: readonly T[]) => Uint8Array;
  readonly decode: (bytes: Uint8Array) => readonly T[] | undefined;
  readonly bytesMax: (message: T) => number;
}

function check<T>(codec: Codec<T>): void {
  const { name, make, encode, decode, bytesMax } = codec;

  test(`${name} decode to the same value, and are no longer than the computed bound`, () => {
    const random = new Random(11);
    for (let round = 0; round < 3000; round++) {
      const messages = Array.from({ length: 1 + random.below(4) }, () => make(random));
      const frame = encode(messages);
      deepEqual(decode(frame), messages);
      const reckoned = messages.reduce((sum, message) => sum + bytesMax(message), 5);
      ok(frame.length <= reckoned, `${frame.length} bytes, reckoned with ${reckoned}`);
    }
  });

  test(`damaged ${name} are refused, or encode to the same bytes`, () => {
    const random = new Random(12);
    const corpus = Array.from({ length: 300 }, () =>
      encode(Array.from({ length: 1 + random.below(3) }, () => make(random))),
    ).filter((frame) => frame.length < 600);
    let understood = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const frame = mutate(random, random.pick(corpus));
      const messages = decode(frame);
      if (messages === undefined) continue;
      understood += 1;
      if (Buffer.compare(encode(messages), frame) !== 0) deepEqual(encode(messages), frame);
    }
    ok(understood > ROUNDS / 50 && understood < ROUNDS * 0.9, `${understood} were understood`);
  });
}

check<Request>({
  name: 'requests',
  make: randomRequest,
  encode: encodeRequests,
  decode: decodeRequests,
  bytesMax: bytesMaxOf,
});
check<Response>({
  name: 'responses',
  make: randomResponse,
  encode: encodeResponses,
  decode: decodeResponses,
  bytesMax: bytesMaxOfResponse,
});
check<NodeMessage>({
  name: 'messages of nodes',
  make: randomNodeMessage,
  encode: encodeNodeMessages,
  decode: decodeNodeMessages,
  bytesMax: bytesMaxOf,
});

test('a question about a transaction names one, and its participants', () => {
  const id = { home: 7, client: new Uint8Array(16), sequence: 9 };
  const participants = [{ position: 7, deadline: 1 }];
  const shard = 3 as ShardId;
  type Settle = Extract<Request, { type: 'settle' }>;
  const contender = { id, attempts: 2, age: 5 };
  const settle: Settle = {
    type: 'settle',
    id: 1,
    shard,
    contender,
    participants,
    isPreempting: true,
  };
  const isUnderstood = (changes: Partial<Settle>) =>
    decodeRequests(encodeRequests([{ ...settle, ...changes }])) !== undefined;
  const named = (changes: Partial<typeof id>) => ({
    contender: { id: { ...id, ...changes }, attempts: 2, age: 5 },
  });
  equal(isUnderstood({}), true);
  equal(isUnderstood({ participants: [] }), false);
  equal(isUnderstood({ participants: [{ position: 2 ** 32, deadline: 1 }] }), false);
  equal(isUnderstood(named({ client: new Uint8Array(17) })), false);
  equal(isUnderstood(named({ home: 2 ** 32 })), false);
  equal(isUnderstood(named({ sequence: NUMBER_MAX })), true);
  const most = Array.from({ length: TRANSACTION_LIMITS.partsMax + 1 }, () => ({
    position: 7,
    deadline: 1,
  }));
  equal(isUnderstood({ participants: most }), false);
});

test('a frame of nodes and one of shards are distinguished by their first message', () => {
  const random = new Random(13);
  for (let round = 0; round < 1000; round++) {
    ok(isOfNodes(encodeNodeMessages([randomNodeMessage(random)])));
    ok(!isOfNodes(encodeFrame([randomMessage(random, random.pick(MESSAGE_TYPES))])));
  }
  equal(isOfNodes(new Uint8Array()), false);
  equal(isOfNodes(encodeFrame([])), false);
});

test('only a proposed request, or one that may have been, has an unknown effect', () => {
  const unknown = FAILURES.filter((failure) => effectOf(failure) === 'unknown');
  deepEqual(unknown, ['too-late', 'lost']);
});
