/** The table of retries: what a node says, and what the client does next. */

import { deepEqual, equal } from 'node:assert/strict';
import test from 'node:test';
import { CLIENT_LIMITS } from '../../src/base/client-limits.ts';
import { decideRetry } from '../../src/client/core/retry-policy.ts';
import { FAILURES, type Failure } from '../../src/wire/response.ts';

const retry = (how: { avoidsNode?: true; isMapOld?: true } = {}) => {
  return { type: 'retry', avoidsNode: false, isMapOld: false, ...how };
};

const TABLE: Readonly<Record<Failure, object>> = {
  'not-leader': retry({ avoidsNode: true, isMapOld: true }),
  'not-here': retry({ avoidsNode: true, isMapOld: true }),
  closing: retry({ avoidsNode: true }),
  'not-fresh': retry({ avoidsNode: true }),
  damaged: retry({ avoidsNode: true }),
  overloaded: retry(),
  lost: retry(),
  'too-late': retry(),
  held: { type: 'back-off' },
  'too-much': { type: 'split', code: 'result-too-large' },
  'value-lost': { type: 'split', code: 'value-lost' },
  'read-only': { type: 'fail', code: 'read-only' },
  'too-large': { type: 'fail', code: 'value-too-large' },
  malformed: { type: 'fail', code: 'refused' },
  'nodes-only': { type: 'fail', code: 'refused' },
};

for (const failure of FAILURES) {
  const expected = TABLE[failure];
  test(`${failure}: ${JSON.stringify(expected)}`, () => {
    deepEqual(decideRetry({ failure, isLeaderNews: false, redirects: 0 }), expected);
  });
}

test('a leader that was not known is asked at once, a few times in a row', () => {
  const decide = (redirects: number) =>
    decideRetry({ failure: 'not-leader', isLeaderNews: true, redirects });
  for (let redirects = 0; redirects < CLIENT_LIMITS.hopsMax; redirects++) {
    equal(decide(redirects).type, 'redirect');
  }
  deepEqual(decide(CLIENT_LIMITS.hopsMax), retry(), 'then after a backoff, and nothing is doubted');
});
