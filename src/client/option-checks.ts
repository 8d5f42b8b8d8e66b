/**
 * What callers pass as options, whatever the types say: a program in JavaScript may pass anything,
 * and an option with a mistyped name would be an option that is not there.
 */

import { nearestName } from '../base/nearest-name.ts';
import { typeNameOf } from '../base/type-name.ts';
import type { ClearOptions } from './clearing.ts';
import type { ElectionOptions, LeadOptions, ObserveOptions } from './election.ts';
import type { SpaceOptions } from './encoding.ts';
import type { LeaseOptions } from './lease.ts';
import type { LockOptions, TryLockOptions } from './lock.ts';
import { type CallOptions, invalid, type ReadOptions, type SnapshotOptions } from './options.ts';
import type { RangeOptions } from './range-options.ts';
import type { CountOptions, KeysOptions, ScanOptions } from './scanning.ts';
import type { TransactionOptions, TransactionScanOptions } from './transaction.ts';
import type { ViewOptions } from './view.ts';
import type { WatchOptions } from './watch.ts';
import type { AddOptions, LifeOptions, SetOptions, WriteOptions } from './write-options.ts';

/**
 * How the value of an option is checked: `elsewhere` is where it is used. The compiler asks for
 * every option of the type.
 */
type Kind = 'elsewhere' | 'flag' | 'signal' | 'key-kind' | 'function';
type Checks<O> = { readonly [Name in keyof Required<O>]: Kind };

const CALL = { signal: 'signal', timeout: 'elsewhere' } as const;
const READ = { ...CALL, read: 'elsewhere' } as const;
const RANGE = { prefix: 'elsewhere', from: 'elsewhere', to: 'elsewhere' } as const;
const WRITE = { ...CALL, ifVersion: 'elsewhere', fence: 'elsewhere' } as const;
const LIFE = { ttl: 'elsewhere', lease: 'elsewhere' } as const;
const FORM = { keys: 'key-kind' } as const;
const PAGES = { ...RANGE, ...FORM, reverse: 'flag', limit: 'elsewhere' } as const;
const KEYS = { ...READ, ...PAGES, cursor: 'elsewhere' } as const;

const QUEUE = {
  lease: 'elsewhere',
  note: 'elsewhere',
  ttl: 'elsewhere',
  signal: 'signal',
} as const;
const WAIT = { wait: 'elsewhere', onWait: 'function' } as const;

const OPTIONS = {
  call: CALL satisfies Checks<CallOptions>,
  read: READ satisfies Checks<ReadOptions>,
  snapshot: READ satisfies Checks<SnapshotOptions>,
  write: WRITE satisfies Checks<WriteOptions>,
  set: { ...WRITE, ...LIFE } satisfies Checks<SetOptions>,
  life: LIFE satisfies Checks<LifeOptions>,
  add: { ...CALL, ttl: 'elsewhere', fence: 'elsewhere' } satisfies Checks<AddOptions>,
  scan: { ...KEYS, keysOnly: 'flag' } satisfies Checks<ScanOptions>,
  keys: KEYS satisfies Checks<KeysOptions>,
  count: { ...RANGE, ...READ } satisfies Checks<CountOptions>,
  range: RANGE satisfies Checks<RangeOptions>,
  cleared: { ...RANGE, everything: 'flag' } as const,
  clear: {
    ...CALL,
    limit: 'elsewhere',
    cursor: 'elsewhere',
    onProgress: 'function',
  } satisfies Checks<ClearOptions>,
  transaction: {
    ...CALL,
    attempts: 'elsewhere',
    details: 'flag',
  } satisfies Checks<TransactionOptions>,
  lease: { ...CALL, ttl: 'elsewhere', note: 'elsewhere' } satisfies Checks<LeaseOptions>,
  'try lock': { ...QUEUE, shared: 'flag' } satisfies Checks<TryLockOptions>,
  lock: { ...QUEUE, ...WAIT, shared: 'flag' } satisfies Checks<LockOptions>,
  semaphore: { ...QUEUE, ...WAIT } satisfies Checks<Omit<LockOptions, 'shared'>>,
  elect: {
    value: 'elsewhere',
    ttl: 'elsewhere',
    note: 'elsewhere',
  } satisfies Checks<ElectionOptions<unknown>>,
  lead: { wait: 'elsewhere', signal: 'signal' } satisfies Checks<LeadOptions>,
  observe: { signal: 'signal' } satisfies Checks<ObserveOptions>,
  'transaction scan': { ...PAGES, keysOnly: 'flag' } satisfies Checks<TransactionScanOptions>,
  space: { ...FORM, codec: 'elsewhere' } satisfies Checks<SpaceOptions<unknown>>,
  watch: {
    ...RANGE,
    ...FORM,
    key: 'elsewhere',
    resume: 'elsewhere',
    initial: 'flag',
    keysOnly: 'flag',
    changesOnly: 'flag',
    bufferBytes: 'elsewhere',
    replicas: 'elsewhere',
    signal: 'signal',
  } satisfies Checks<WatchOptions>,
  view: {
    ...RANGE,
    ...FORM,
    maxBytes: 'elsewhere',
    replicas: 'elsewhere',
    signal: 'signal',
  } satisfies Checks<ViewOptions>,
} as const;

/** Throws `invalid-argument`, with the name that was probably meant. */
export function checkOptions(call: string, options: object, kind: keyof typeof OPTIONS): void {
  const checks: Readonly<Record<string, Kind>> = OPTIONS[kind];
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    const names = Object.keys(checks).join(', ');
    throw invalid(`${call} takes its options as an object with ${names}; got ${shown(options)}`);
  }
  for (const name in options) {
    if (!Object.hasOwn(checks, name)) throw unknownOption(call, name, Object.keys(checks));
    const value = (options as Readonly<Record<string, unknown>>)[name];
    const allowed = value === undefined ? undefined : faultIn(value, checks[name] as Kind);
    if (allowed !== undefined) throw invalid(`${name} of ${call} must be ${allowed}`);
  }
}

/** Of options that may be anything; what is no signal is told by `checkOptions`. */
export function signalOf(options: { readonly signal?: AbortSignal }): AbortSignal | undefined {
  const { signal } = Object(options) as { readonly signal?: AbortSignal };
  return isSignal(signal) ? signal : undefined;
}

function unknownOption(call: string, name: string, names: readonly string[]): Error {
  const meant = nearestName(name, names);
  const advice =
    meant === undefined ? `its options are ${names.join(', ')}` : `did you mean ${meant}?`;
  return invalid(`${name.slice(0, NAME_MAX)} is no option of ${call}: ${advice}`);
}

const NAME_MAX = 64;

/** What is allowed instead, and what was given. */
function faultIn(value: unknown, kind: Kind): string | undefined {
  switch (kind) {
    case 'elsewhere':
      return undefined;
    case 'flag':
      return typeof value === 'boolean' ? undefined : `true or false (got ${shown(value)})`;
    case 'signal':
      return isSignal(value) ? undefined : `an AbortSignal (got ${shown(value)})`;
    case 'function':
      return typeof value === 'function' ? undefined : `a function (got ${shown(value)})`;
    case 'key-kind': {
      const isKnown = value === 'text' || value === 'bytes' || value === 'tuple';
      return isKnown ? undefined : `'text', 'bytes' or 'tuple' (got ${shown(value)})`;
    }
  }
}

/** An argument that is called. */
export function checkFunction(given: unknown, what: string): void {
  if (typeof given !== 'function') {
    throw invalid(`${what} must be a function (got ${shown(given)})`);
  }
}

/** Also one of another realm. */
function isSignal(value: unknown): value is AbortSignal {
  if (typeof value !== 'object' || value === null) return false;
  const { aborted, addEventListener, removeEventListener } = value as Partial<AbortSignal>;
  const isTarget =
    typeof addEventListener === 'function' && typeof removeEventListener === 'function';
  return typeof aborted === 'boolean' && isTarget;
}

/** A short text is shown as it is. */
function shown(value: unknown): string {
  const isShort = typeof value === 'string' && value.length <= NAME_MAX;
  return isShort ? JSON.stringify(value) : typeNameOf(value);
}
