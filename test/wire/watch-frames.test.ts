/** The one encoding of each message about watches, leases and locks, and what is refused. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { COORDINATION_LIMITS } from '../../src/base/coordination-limits.ts';
import { NUMBER_MAX, type ShardId } from '../../src/base/ids.ts';
import { REQUEST_LIMITS } from '../../src/base/limits.ts';
import { Writer } from '../../src/base/message-pack.ts';
import { WATCH_LIMITS } from '../../src/base/watch-limits.ts';
import { decodeRequests, encodeRequests, type Request } from '../../src/wire/request.ts';
import {
  decodeResponses,
  encodeResponses,
  endsRequest,
  FAILURES,
  type Response,
} from '../../src/wire/response.ts';

const A = Uint8Array.of(0x61);
const B = Uint8Array.of(0x62);
const NONE = new Uint8Array();
const LEASE = new Uint8Array(COORDINATION_LIMITS.leaseIdBytes).fill(7);
const ADDRESS = { id: 1, shard: 2 as ShardId, epoch: 3 };

type RequestOf<Type> = Extract<Request, { type: Type }>;

const WATCH: RequestOf<'watch'> = {
  type: 'watch',
  ...ADDRESS,
  from: A,
  to: B,
  start: undefined,
  atLeast: 9,
  keysOnly: false,
  credit: 100,
};
const CREDIT: RequestOf<'credit'> = { type: 'credit', id: 1, bytes: 100 };
const BARRIER: RequestOf<'barrier'> = {
  type: 'barrier',
  ...ADDRESS,
  from: A,
  to: NONE,
  isRecording: true,
  patienceMilliseconds: 50,
};
const KEEP: RequestOf<'keep'> = { type: 'keep', ...ADDRESS, leases: [LEASE] };
const AWAIT: RequestOf<'await-ticket'> = {
  type: 'await-ticket',
  ...ADDRESS,
  name: A,
  ticket: 8,
  patienceMilliseconds: 50,
};
const LISTING: RequestOf<'coordination'> = {
  type: 'coordination',
  ...ADDRESS,
  what: 'tickets',
  after: NONE,
  rowsMax: 10,
};
const POSITION = { index: 5, term: 6 };

const REQUESTS: Readonly<Record<string, readonly [Request, string]>> = {
  'a watch from the range on': [WATCH, '9a0c 01 02 03 c40161 c40162 90 09 c2 64'],
  'a watch behind a position': [
    { ...WATCH, start: { position: POSITION, cursor: undefined } },
    '9a0c 01 02 03 c40161 c40162 92 05 06 09 c2 64',
  ],
  'a watch in the middle of the range': [
    { ...WATCH, start: { position: POSITION, cursor: A }, keysOnly: true },
    '9a0c 01 02 03 c40161 c40162 93 05 06 c40161 09 c3 64',
  ],
  credit: [CREDIT, '930d 01 64'],
  'a cancel': [{ type: 'cancel', id: 1 }, '920e 01'],
  'a reach': [{ type: 'reach', id: 1, index: 5 }, '9314 01 05'],
  'a barrier': [BARRIER, '980f 01 02 03 c40161 c400 c3 32'],
  'a keep': [KEEP, `9510 01 02 03 91 c410${'07'.repeat(16)}`],
  'an await': [AWAIT, '9711 01 02 03 c40161 08 32'],
  'a listing': [LISTING, '9712 01 02 03 01 c400 0a'],
};

const CHANGES: Extract<Response, { type: 'changes' }> = {
  type: 'changes',
  id: 1,
  sequence: 7,
  after: 4,
  through: 5,
  throughTerm: 6,
  kind: 'changes',
  block: B,
  cursor: NONE,
};

const RESPONSES: Readonly<Record<string, readonly [Response, string]>> = {
  changes: [CHANGES, '9908 01 07 04 05 06 00 c40162 c400'],
  rows: [{ ...CHANGES, kind: 'rows', cursor: A }, '9908 01 07 04 05 06 01 c40162 c40161'],
  'the last rows': [{ ...CHANGES, kind: 'rows-end' }, '9908 01 07 04 05 06 02 c40162 c400'],
  progress: [{ ...CHANGES, kind: 'progress', block: NONE }, '9908 01 07 04 05 06 03 c400 c400'],
  'a barrier': [{ type: 'barrier', id: 1, time: 2, index: 5, term: 6 }, '9509 01 02 05 06'],
  'kept leases': [
    { type: 'kept', id: 1, time: 2, ended: [LEASE] },
    `940a 01 02 91 c410${'07'.repeat(16)}`,
  ],
  'a ticket': [{ type: 'ticket', id: 1, time: 2, fence: 5, position: 1 }, '950b 01 02 05 01'],
  'a page of rows': [
    { type: 'listed', id: 1, time: 2, rows: [A], last: B, isEnd: true },
    '960c 01 02 91 c40161 c40162 c3',
  ],
};

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

for (const [name, [request, hex]] of Object.entries(REQUESTS)) {
  test(`${name} has this encoding`, () => {
    const frame = encodeRequests([request]);
    equal(hexOf(frame), `91${hex.replaceAll(' ', '')}`);
    deepEqual(decodeRequests(frame), [request]);
  });
}

for (const [name, [response, hex]] of Object.entries(RESPONSES)) {
  test(`${name} in a response: this encoding`, () => {
    const frame = encodeResponses([response]);
    equal(hexOf(frame), `91${hex.replaceAll(' ', '')}`);
    deepEqual(decodeResponses(frame), [response]);
  });
}

const long = (length: number) => new Uint8Array(length);
const { keptLeasesMax, lockNameBytesMax, ticketIdMax, ticketsOfLockMax } = COORDINATION_LIMITS;
const END_MAX = REQUEST_LIMITS.keyBytesMax + 1;
const START = { position: POSITION, cursor: NONE };

const REFUSED: Readonly<Record<string, readonly [within: Request, beyond: Request]>> = {
  'the beginning of a range': [
    { ...WATCH, from: long(END_MAX) },
    { ...WATCH, from: long(END_MAX + 1) },
  ],
  'the end of a range': [
    { ...BARRIER, to: long(END_MAX) },
    { ...BARRIER, to: long(END_MAX + 1) },
  ],
  'the place in a range': [
    { ...WATCH, start: { ...START, cursor: long(END_MAX) } },
    { ...WATCH, start: { ...START, cursor: long(END_MAX + 1) } },
  ],
  'an index': [
    { ...WATCH, atLeast: NUMBER_MAX },
    { ...WATCH, credit: 0 },
  ],
  'credit with a watch': [
    { ...WATCH, credit: WATCH_LIMITS.creditBytesMax },
    { ...WATCH, credit: WATCH_LIMITS.creditBytesMax + 1 },
  ],
  'more credit': [
    { ...CREDIT, bytes: WATCH_LIMITS.creditBytesMax },
    { ...CREDIT, bytes: WATCH_LIMITS.creditBytesMax + 1 },
  ],
  'no credit': [
    { ...CREDIT, bytes: 1 },
    { ...CREDIT, bytes: 0 },
  ],
  'the number of leases': [
    { ...KEEP, leases: Array.from({ length: keptLeasesMax }, () => LEASE) },
    { ...KEEP, leases: Array.from({ length: keptLeasesMax + 1 }, () => LEASE) },
  ],
  'the name of a lock': [
    { ...AWAIT, name: long(lockNameBytesMax) },
    { ...AWAIT, name: long(lockNameBytesMax + 1) },
  ],
  'no name of a lock': [AWAIT, { ...AWAIT, name: NONE }],
  'the id of a ticket': [
    { ...AWAIT, ticket: ticketIdMax },
    { ...AWAIT, ticket: ticketIdMax + 1 },
  ],
  'where a page begins': [
    { ...LISTING, after: long(END_MAX) },
    { ...LISTING, after: long(END_MAX + 1) },
  ],
};

for (const [name, [within, beyond]] of Object.entries(REFUSED)) {
  test(`${name} has a bound that decoding checks`, () => {
    deepEqual(decodeRequests(encodeRequests([within])), [within]);
    equal(decodeRequests(encodeRequests([beyond])), undefined);
  });
}

test('a lease id of another length is refused', () => {
  const hex = hexOf(encodeRequests([KEEP])).replace(`c410${'07'.repeat(16)}`, '');
  for (const length of [15, 17]) {
    const id = `c4${length.toString(16).padStart(2, '0')}${'07'.repeat(length)}`;
    equal(decodeRequests(Buffer.from(hex + id, 'hex')), undefined);
  }
});

test('a position without a term is refused', () => {
  const hex = hexOf(encodeRequests([{ ...WATCH, start: { position: POSITION, cursor: NONE } }]));
  equal(hex.includes('930506c400'), true);
  for (const other of ['9105', '920506c400', '9405060600', 'c0']) {
    const frame = Buffer.from(hex.replace('930506c400', other), 'hex');
    equal(decodeRequests(frame), undefined, other);
  }
});

test('the bounds of responses are checked as well', () => {
  const beyond: readonly Response[] = [
    { type: 'ticket', id: 1, time: 2, fence: 5, position: ticketsOfLockMax + 1 },
    {
      type: 'kept',
      id: 1,
      time: 2,
      ended: Array.from({ length: keptLeasesMax + 1 }, () => LEASE),
    },
    {
      type: 'listed',
      id: 1,
      time: 2,
      rows: Array.from({ length: REQUEST_LIMITS.coordinationRowsMax + 1 }, () => A),
      last: A,
      isEnd: false,
    },
    { ...CHANGES, cursor: long(END_MAX + 1) },
  ];
  for (const response of beyond) {
    equal(decodeResponses(encodeResponses([response])), undefined, response.type);
  }
});

test('a kind of changes that does not exist is refused', () => {
  const frame = encodeResponses([CHANGES]);
  // Behind the headers, the type, the id, the number and three positions of one byte each.
  frame[8] = 4;
  equal(decodeResponses(frame), undefined);
});

test('number 19 was never given to a request', () => {
  const writer = new Writer();
  writer.array(1);
  writer.array(2);
  writer.count(19);
  writer.count(1);
  equal(decodeRequests(writer.take()), undefined);
});

test('every response but changes ends its request', () => {
  const others: readonly Response[] = [
    ...FAILURES.map((failure) => {
      const nothing = { time: 0, leader: 0, retryAfterMilliseconds: 0 };
      return { type: 'failed', id: 1, failure, ...nothing } as const;
    }),
    { type: 'written', id: 1, time: 1, replies: [] },
    ...Object.values(RESPONSES)
      .map(([response]) => response)
      .filter(({ type }) => type !== 'changes'),
  ];
  equal(endsRequest(CHANGES), false);
  deepEqual(
    others.filter((response) => !endsRequest(response)),
    [],
  );
});
