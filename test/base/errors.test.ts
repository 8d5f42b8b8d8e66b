/** Errors: what their codes promise, whatever the outcome, and how they are recognized. */

import { equal, ok } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { createContext, runInContext, runInNewContext } from 'node:vm';
import type { KvErrorCode } from '../../src/base/error-codes.ts';
import { isKvError, KV_ERROR_CODES, KvError, type Outcome } from '../../src/base/errors.ts';
import { isError } from '../../src/base/is-error.ts';
import { shouldRetry } from '../../src/base/retry-advice.ts';

const OUTCOMES: readonly Outcome[] = ['applied', 'notApplied', 'unknown'];

/** Codes whose cause may pass without a change of the call. */
const PASSING: readonly KvErrorCode[] = [
  'timeout',
  'unreachable',
  'overloaded',
  'audit-unavailable',
  'limit-exceeded',
  'contended',
  'too-many-calls',
  'too-many-logins',
  'read-only',
  'folder-in-use',
  'too-many-watches',
  'watch-too-slow',
  'leases-full',
  'lock-unavailable',
  'lock-queue-full',
  'fences-full',
];

test('the advice to retry cannot double a write: all codes and outcomes', () => {
  ok(KV_ERROR_CODES.length > 20);
  for (const code of KV_ERROR_CODES) {
    for (const outcome of OUTCOMES) {
      const error = new KvError({ code, outcome, message: '' });
      const mayPass = PASSING.includes(code);
      const text = `${code} ${outcome}`;
      equal(error.retryable, mayPass && outcome === 'notApplied', text);
      equal(shouldRetry(error, { idempotent: false }), error.retryable, text);
      const isDoubtful = outcome === 'unknown' && (mayPass || code === 'answer-lost');
      equal(shouldRetry(error, { idempotent: true }), error.retryable || isDoubtful, text);
      ok(error.hint.length > 0, text);
    }
  }
});

test('what is no KvError is neither one nor worth another try', () => {
  for (const value of [undefined, null, 7, 'timeout', {}, new Error('x'), { code: 'timeout' }]) {
    equal(isKvError(value), false);
    equal(shouldRetry(value, { idempotent: true }), false);
  }
});

test('an error of another realm, or of another copy of the package, is recognized', () => {
  // The compiled files themselves, as Jest loads them: in a context of their own.
  const text = ['error-codes', 'errors', 'retry-advice']
    .map((name) => readFileSync(new URL(`../../src/base/${name}.js`, import.meta.url), 'utf8'))
    .join('\n')
    .replaceAll(/^import .*$/gm, '');
  const context = createContext({});
  runInContext(`${text.replaceAll(/^export /gm, '')}; this.KvError = KvError;`, context);
  const make = 'new KvError({ code: "timeout", outcome: "unknown", message: "m" })';
  const foreign: unknown = runInContext(make, context);
  equal(foreign instanceof KvError, false);
  equal(foreign instanceof Error, false, 'it is of another realm');
  equal(isKvError(foreign), true);
  equal(shouldRetry(foreign, { idempotent: true }), true);
  equal(shouldRetry(foreign, { idempotent: false }), false);
  equal(JSON.stringify(Object.keys(foreign as object)).includes('ringkv'), false);
});

test('an error of another realm is an error', () => {
  const foreign: unknown = runInNewContext('Object.assign(new RangeError("m"), { code: "EIO" })');
  equal(foreign instanceof Error, false);
  equal(isError(foreign), true);
  for (const value of [undefined, null, 'Error', {}, { message: 'm' }])
    equal(isError(value), false);
});
