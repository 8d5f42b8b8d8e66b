/** The calls for leases, locks and elections, on the names of one space. */

import { COORDINATION_LIMITS } from '../base/coordination-limits.ts';
import { isKvError, KvError } from '../base/errors.ts';
import type { LockKind } from '../machine/command.ts';
import { Candidacy } from './candidacy.ts';
import { keyText } from './core/call-failure.ts';
import { LEASE_KEEPING } from './core/coordination/limits.ts';
import type { LockCall } from './core/coordination/ticket-call.ts';
import type { Election, ElectionOptions } from './election.ts';
import type { Encoding } from './encoding.ts';
import type { Engine } from './engine.ts';
import { HeldLease, keptLeaseOf } from './held-lease.ts';
import { HeldLock } from './held-lock.ts';
import type { Key } from './key.ts';
import type { Lease, LeaseOptions } from './lease.ts';
import type { Lock, LockOptions, TryLockOptions } from './lock.ts';
import { checkFunction, checkOptions, signalOf } from './option-checks.ts';
import { invalid, timeoutOf } from './options.ts';
import type { Space } from './space.ts';

interface LockingTerms {
  readonly engine: Engine;
  readonly encoding: Encoding<unknown>;
  /** Default timeout of a call. */
  readonly timeout: number;
}

interface LockUse {
  readonly kind: LockKind;
  readonly permits: number;
}

export async function openLease(
  { engine, timeout }: LockingTerms,
  options: LeaseOptions,
): Promise<Lease> {
  checkOptions('lease', options, 'lease');
  const ttlMilliseconds = leaseTtlOf(options.ttl);
  timeoutOf(options.timeout, timeout);
  return new HeldLease({ engine, ttlMilliseconds, note: noteOf(options.note), timeout });
}

/** Resolves when it is owned. */
export function takeLock(
  terms: LockingTerms,
  name: Key,
  useOf: () => LockUse,
  options: LockOptions,
  call: 'lock' | 'semaphore' = 'lock',
): Promise<HeldLock> {
  const { engine, encoding, timeout } = terms;
  const signal = signalOf(options);
  const telling =
    typeof options?.onWait === 'function' ? new Telling(options.onWait, signal) : undefined;
  const promise = engine.ask<LockCall, HeldLock>(
    () => {
      checkOptions(call, options, call);
      const waitMilliseconds = waitOf(options.wait, timeout);
      const { lease } = options;
      const { kind, permits } = useOf();
      const asked = {
        type: 'lock',
        name: lockNameOf(encoding.keyOf(name)),
        kind: options.shared === true ? 'shared' : kind,
        permits,
        lease: lease === undefined ? undefined : keptLeaseOf(lease, engine),
        ttlMilliseconds: leaseTtlOf(options.ttl),
        note: noteOf(options.note),
        waitMilliseconds,
        timeoutMilliseconds: Math.max(waitMilliseconds, timeout),
      } as const;
      return telling === undefined ? asked : { ...asked, onWait: telling.onWait };
    },
    ({ lock: owned }) =>
      new HeldLock({ ...terms, name, owned, isPermit: useOf().kind === 'semaphore' }),
    telling?.signal ?? signal,
  );
  return telling === undefined ? promise : telling.end(promise);
}

/** A function of the caller's that is told positions. What it throws ends the call. */
class Telling {
  readonly #thrown = new AbortController();
  readonly onWait: (position: number) => void;
  readonly #given: AbortSignal | undefined;

  constructor(onWait: (position: number) => void, given: AbortSignal | undefined) {
    this.#given = given;
    // Not from inside of the core, which is in the middle of an event.
    this.onWait = (position) => {
      queueMicrotask(() => {
        try {
          onWait(position);
        } catch (error) {
          this.#thrown.abort(error);
        }
      });
    };
  }

  /** Of the call. */
  get signal(): AbortSignal {
    const { signal } = this.#thrown;
    return this.#given === undefined ? signal : AbortSignal.any([this.#given, signal]);
  }

  end<T>(promise: Promise<T>): Promise<T> {
    const { signal } = this.#thrown;
    const ended = promise.catch((error: unknown) => {
      throw signal.aborted ? signal.reason : error;
    });
    // A rejected promise that the caller ignores must not end the process.
    ended.catch(ignore);
    return ended;
  }
}

export async function tryToLock(
  terms: LockingTerms,
  name: Key,
  options: TryLockOptions,
): Promise<Lock | undefined> {
  checkOptions('tryLock', options, 'try lock');
  try {
    return await takeLock(terms, name, exclusive, { ...options, wait: 0 });
  } catch (error) {
    if (isKvError(error) && error.code === 'lock-unavailable') return undefined;
    throw error;
  }
}

export async function runLocked<T>(
  terms: LockingTerms,
  name: Key,
  work: (lock: Lock) => Promise<T> | T,
  options: LockOptions,
): Promise<T> {
  checkFunction(work, 'the second argument of withLock');
  const lock = await takeLock(terms, name, exclusive, options);
  try {
    const value = await work(lock);
    // Judged by the clock now.
    const cause = lock.isOwned ? undefined : lock.loss;
    if (cause === undefined) return value;
    const what = `lock ${keyText(terms.encoding.keyOf(name))} was lost before its function ended`;
    const message = `${what}; what the function wrote meanwhile may be in the way of another owner`;
    throw new KvError({ code: 'lock-lost', outcome: 'unknown', message, cause });
  } finally {
    // The result of the function counts: a lock that cannot be released now is in the background.
    await lock.release().catch(ignore);
  }
}

export function standFor<V>(
  terms: LockingTerms,
  space: Space<V>,
  key: Key,
  options: ElectionOptions<V>,
): Election<V> {
  checkOptions('elect', options, 'elect');
  lockNameOf(terms.encoding.keyOf(key));
  leaseTtlOf(options.ttl);
  noteOf(options.note);
  if (!('value' in options)) {
    throw invalid('elect needs the option value: what the key holds while this client leads');
  }
  terms.encoding.bytesOf(options.value);
  return new Candidacy<V>({ ...options, home: space, key, wait: WAIT_MAX });
}

export function exclusive(): LockUse {
  return { kind: 'exclusive', permits: 1 };
}

export function permitsOf(permits: number): LockUse {
  const max = COORDINATION_LIMITS.permitsMax;
  if (Number.isSafeInteger(permits) && permits >= 1 && permits <= max) {
    return { kind: 'semaphore', permits };
  }
  throw invalid(`permits must be an integer from 1 to ${max} (got ${permits})`);
}

function leaseTtlOf(ttl: number | undefined): number {
  const {
    leaseTtlMillisecondsMin: min,
    leaseTtlMillisecondsMax: max,
    leaseTtlMillisecondsDefault: usual,
  } = COORDINATION_LIMITS;
  const chosen = ttl ?? usual;
  if (Number.isSafeInteger(chosen) && chosen >= min && chosen <= max) return chosen;
  throw invalid(
    `ttl of a lease must be an integer from ${min} to ${max} milliseconds (got ${ttl})`,
  );
}

function waitOf(wait: number | undefined, usual: number): number {
  const chosen = wait ?? usual;
  if (typeof chosen === 'number' && chosen >= 0 && chosen <= WAIT_MAX) return chosen;
  throw invalid(`wait must be from 0 to ${WAIT_MAX} milliseconds (got ${wait})`);
}

function noteOf(note = ''): Uint8Array {
  const max = COORDINATION_LIMITS.noteBytesMax;
  const bytes = typeof note === 'string' ? Buffer.from(note) : undefined;
  if (bytes !== undefined && bytes.length <= max) return bytes;
  throw invalid(`note must be a text of at most ${max} bytes`);
}

function lockNameOf(name: Uint8Array): Uint8Array {
  const max = COORDINATION_LIMITS.lockNameBytesMax;
  if (name.length > 0 && name.length <= max) return name;
  if (name.length > max) {
    throw invalid(
      `the name of a lock has at most ${max} bytes with its space (got ${name.length})`,
    );
  }
  const message = 'the name of the lock is empty; it needs a byte or more';
  throw new KvError({ code: 'empty-key', outcome: 'notApplied', message });
}

const WAIT_MAX = LEASE_KEEPING.waitMillisecondsMax;

function ignore(): void {}
