/** Well-formed messages drawn from a seed: any numbers, whether or not they make sense together. */

import { type MemberId, NUMBER_MAX, type ShardId } from '../../src/base/ids.ts';
import type { Random } from '../../src/base/random.ts';
import { CLIENT_BYTES } from '../../src/machine/batch.ts';
import type { Participant } from '../../src/machine/transaction.ts';
import type { Contender } from '../../src/machine/transaction-id.ts';
import type { Configuration } from '../../src/raft/configuration.ts';
import type { LogEntry, Message } from '../../src/raft/message.ts';
import type { Position } from '../../src/raft/position.ts';

/** Where one spelling of a count ends and the next begins. */
const EDGES = [0, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000, 2 ** 32 - 1, 2 ** 32, NUMBER_MAX];

/** Where one spelling of a length ends and the next begins. */
const LENGTHS = [0, 1, 15, 16, 17, 63, 64, 255, 256];

export const MESSAGE_TYPES: readonly Message['type'][] = [
  'heartbeat',
  'heartbeat-response',
  'vote-request',
  'vote-response',
  'append',
  'append-response',
  'snapshot-chunk',
  'snapshot-response',
  'campaign-now',
  'removed',
  'repair-request',
  'repair-response',
];

export function randomCount(random: Random): number {
  if (random.chance(0.3)) return random.pick(EDGES);
  if (random.chance(0.5)) return random.below(1000);
  return random.word() * 2 ** 20 + random.below(2 ** 20);
}

export function randomBytes(random: Random, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at++) bytes[at] = random.below(256);
  return bytes;
}

/** Any that can be spelled: its sequence has a next one, its home lies on the ring. */
export function randomContender(random: Random): Contender {
  const sequence = Math.min(randomCount(random), NUMBER_MAX - 1);
  const id = { home: random.word(), client: randomBytes(random, CLIENT_BYTES), sequence };
  return { id, attempts: randomCount(random), age: randomCount(random) };
}

export function randomParticipants(random: Random): Participant[] {
  return Array.from({ length: random.pick([1, 2, 3, 15, 16]) }, () => {
    return { position: random.word(), deadline: randomCount(random) };
  });
}

export function randomMessages(random: Random, count: number): Message[] {
  return Array.from({ length: count }, () => randomMessage(random, random.pick(MESSAGE_TYPES)));
}

export function randomMessage(random: Random, type: Message['type']): Message {
  const shard = randomCount(random) as ShardId;
  const from = randomMember(random);
  const to = randomMember(random);
  const envelope = { shard, from, to, term: randomCount(random) };
  const round = randomCount(random);
  const index = randomCount(random);
  switch (type) {
    case 'heartbeat': {
      const configuration = randomPosition(random);
      const [isLast, isEstablished] = [random.chance(0.5), random.chance(0.5)];
      const beat = { isLast, isEstablished, timeoutMilliseconds: randomCount(random) };
      return { type, ...envelope, commit: index, round, configuration, ...beat };
    }
    case 'heartbeat-response':
      return { type, ...envelope, round, delayMilliseconds: randomCount(random) };
    case 'vote-request': {
      const [isPreVote, isTransfer] = [random.chance(0.5), random.chance(0.5)];
      const [last, configuration] = [randomPosition(random), randomPosition(random)];
      return { type, ...envelope, isPreVote, isTransfer, last, configuration, sentAt: index };
    }
    case 'vote-response':
      return {
        type,
        ...envelope,
        isPreVote: random.chance(0.5),
        isGranted: random.chance(0.5),
        sentAt: index,
      };
    case 'append':
      return randomAppend(random, { ...envelope, round, commit: index });
    case 'append-response': {
      const answer = random.pick(['have', 'missing', 'damaged', 'stateless'] as const);
      return { type, ...envelope, answer, index, hint: randomPosition(random), round };
    }
    case 'snapshot-chunk': {
      const configuration = randomConfiguration(random);
      const configurationAt = randomPosition(random);
      const snapshot = { ...randomPosition(random), configuration, configurationAt };
      const data = randomBytes(random, random.pick(LENGTHS));
      const isLast = random.chance(0.5);
      return { type, ...envelope, snapshot, offset: index, data, isLast, round };
    }
    case 'snapshot-response': {
      const answer = random.pick(['next', 'refused'] as const);
      return { type, ...envelope, answer, index, offset: randomCount(random), round };
    }
    case 'campaign-now':
      return { type, ...envelope };
    case 'removed':
      return { type, ...envelope, configuration: randomPosition(random) };
    case 'repair-request':
      return { type, ...envelope, entry: randomPosition(random), through: index };
    case 'repair-response': {
      const first = 1 + random.below(1_000_000);
      const count = random.between(1, 4);
      const entries = Array.from({ length: count }, (_, at) => randomEntry(random, first + at));
      return { type, ...envelope, entries };
    }
  }
}

function randomAppend(
  random: Random,
  fields: {
    readonly shard: ShardId;
    readonly from: MemberId;
    readonly to: MemberId;
    readonly term: number;
    readonly commit: number;
    readonly round: number;
  },
): Message {
  const previous = { index: random.below(1_000_000), term: randomCount(random) };
  const count = random.chance(0.8) ? random.below(4) : random.pick([15, 16, 40]);
  const entries = Array.from({ length: count }, (_, at) =>
    randomEntry(random, previous.index + 1 + at),
  );
  return { type: 'append', ...fields, previous, entries, configuration: randomPosition(random) };
}

function randomEntry(random: Random, index: number): LogEntry {
  const term = randomCount(random);
  if (random.chance(0.2)) return { kind: 'empty', index, term };
  if (random.chance(0.2)) {
    return { kind: 'configuration', index, term, configuration: randomConfiguration(random) };
  }
  const payload = randomBytes(random, random.pick(LENGTHS));
  return { kind: 'command', index, term, payload };
}

function randomConfiguration(random: Random): Configuration {
  const voters = randomMembers(random);
  const outgoing = randomMembers(random);
  return { voters, outgoing, learners: randomMembers(random) };
}

function randomMembers(random: Random): MemberId[] {
  return Array.from({ length: random.pick([0, 1, 3, 5, 16, 32]) }, () => randomMember(random));
}

function randomMember(random: Random): MemberId {
  return randomCount(random) as MemberId;
}

function randomPosition(random: Random): Position {
  return { index: randomCount(random), term: randomCount(random) };
}
