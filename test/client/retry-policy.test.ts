/** The tables of retries: what a node or a shard says, and what the client does next. */

import { deepEqual, equal } from 'node:assert/strict';
import test from 'node:test';
import {
  decideRefusal,
  decideRetry,
  decideUnreadable,
} from '../../src/client/core/retry-policy.ts';
import { CLIENT_LIMITS } from '../../src/client/limits.ts';
import { FAILURES, type Failure } from '../../src/wire/response.ts';

const resend = (how: { avoidsNode?: boolean; isMapOld?: boolean; isContended?: true } = {}) => {
  return { type: 'resend', ...how };
};

const TABLE: Readonly<Record<Failure, object>> = {
  'not-leader': resend({ avoidsNode: true, isMapOld: true }),
  'not-here': resend({ avoidsNode: true, isMapOld: true }),
  closing: resend({ avoidsNode: true }),
  'not-fresh': resend({ avoidsNode: true }),
  damaged: resend({ avoidsNode: true }),
  overloaded: resend(),
  lost: resend(),
  'too-late': resend(),
  held: resend({ isContended: true }),
  'too-much': { type: 'split', code: 'result-too-large' },
  'value-lost': { type: 'split', code: 'value-lost' },
  'read-only': { type: 'fail', code: 'read-only' },
  'too-large': { type: 'fail', code: 'value-too-large' },
  malformed: { type: 'fail', code: 'refused' },
  'nodes-only': { type: 'fail', code: 'refused' },
  'history-gone': resend({ avoidsNode: true }),
  'streams-full': resend({ avoidsNode: true }),
  'not-recording': resend(),
  unsupported: resend({ avoidsNode: true }),
  unauthenticated: { type: 'fail', code: 'unauthenticated' },
  forbidden: { type: 'fail', code: 'forbidden' },
  'audit-unavailable': resend({ avoidsNode: true }),
  'too-many-logins': { type: 'fail', code: 'too-many-logins' },
};

for (const failure of FAILURES) {
  const expected = TABLE[failure];
  test(`${failure}: ${JSON.stringify(expected)}`, () => {
    deepEqual(decideRetry({ failure, isLeaderNews: false, redirects: 0 }), {
      ...expected,
      why: failure,
    });
  });
}

test('a leader that was not known is asked at once, a few times in a row', () => {
  const decide = (redirects: number) =>
    decideRetry({ failure: 'not-leader', isLeaderNews: true, redirects });
  for (let redirects = 0; redirects < CLIENT_LIMITS.hopsMax; redirects++) {
    equal(decide(redirects).type, 'redirect');
  }
  const later = resend({ avoidsNode: false, isMapOld: false });
  deepEqual(decide(CLIENT_LIMITS.hopsMax), { ...later, why: 'not-leader' }, 'after a backoff');
});

test('an answer that cannot be read is asked for again, and then it fails', () => {
  for (let answers = 1; answers < CLIENT_LIMITS.brokenAnswersMax; answers++) {
    equal(decideUnreadable(answers).type, 'resend');
  }
  equal(decideUnreadable(CLIENT_LIMITS.brokenAnswersMax).type, 'fail');
});

const FIRST = { copies: 1, doubts: 0 };
const LATER = { copies: 2, doubts: 0 };
const DOUBTED = { copies: 2, doubts: 1 };
const final = (reason: string) => ({ type: 'fail', reason });

/** What follows a refusal of a batch, of a transaction and of a validation. */
const REFUSALS: readonly (readonly [
  reason: Parameters<typeof decideRefusal>[0]['why'],
  sent: { readonly copies: number; readonly doubts: number },
  write: object,
  transact: object,
  validate: object,
])[] = [
  ['locked', DOUBTED, ...same({ type: 'resend', isContended: true })],
  [
    'wrong-epoch',
    DOUBTED,
    { type: 'resend', isMapOld: true },
    { type: 'renew', isMapOld: true },
    { type: 'resend', isMapOld: true },
  ],
  ['deadline-passed', FIRST, { type: 'renew' }, { type: 'renew' }, { type: 'resend' }],
  ['deadline-passed', LATER, { type: 'expire' }, { type: 'expire' }, { type: 'resend' }],
  ['deadline-too-far', FIRST, { type: 'renew' }, { type: 'renew' }, { type: 'resend' }],
  ['deadline-too-far', DOUBTED, { type: 'expire' }, { type: 'expire' }, { type: 'resend' }],
  ['window-full', LATER, { type: 'resend' }, { type: 'renew' }, { type: 'resend' }],
  ['window-full', DOUBTED, ...same({ type: 'resend' })],
  ['entry-full', LATER, { type: 'resend' }, { type: 'renew' }, { type: 'resend' }],
  ['entry-full', DOUBTED, ...same({ type: 'resend' })],
  ...(['gave-way', 'aborted'] as const).map((reason) => {
    const renewed = { type: 'renew', isContended: true };
    return [reason, DOUBTED, final(reason), renewed, final(reason)] as const;
  }),
  ...(['overflow', 'acknowledged', 'malformed', 'value-too-large'] as const).map((reason) => {
    return [reason, DOUBTED, ...same(final(reason))] as const;
  }),
];

function same(decision: object) {
  return [decision, decision, decision] as const;
}

for (const [reason, sent, ...decisions] of REFUSALS) {
  test(`a shard refuses: ${reason}, copies ${sent.copies}, in doubt ${sent.doubts}`, () => {
    for (const [at, kind] of (['write', 'transact', 'validate'] as const).entries()) {
      const decision = decideRefusal({ kind, why: reason, ...sent });
      const why = decision.type === 'fail' ? {} : { why: reason };
      deepEqual(decision, { ...decisions[at], ...why }, kind);
    }
  });
}
