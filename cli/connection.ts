/** The client library behind the `Store` interface. Only this file loads the library. */

import {
  type AccessChange,
  askAccess,
  askInfo,
  askLeases,
  askMap,
  askPending,
  askTickets,
  awaitAccess,
  changeAccess,
  createToken,
  enableAccess,
  login,
  type PasswordRequest,
  revokeLease,
  setMembership,
  setPassword,
  settle,
  type TokenRequest,
  whoAmI,
} from '../src/admin.ts';
import { COORDINATION_LIMITS } from '../src/base/coordination-limits.ts';
import {
  type Atomic,
  bytes,
  type Client,
  connect,
  isKvError,
  type Key,
  messagePack,
} from '../src/index.ts';
import type { NodeInfo } from './node-info.ts';
import type { PendingInfo } from './pending-info.ts';
import type {
  AccessCalls,
  Committed,
  ElectionRequest,
  KeySpan,
  LockRequest,
  Scanned,
  ScanRequest,
  Step,
  Store,
  StoredChange,
  StoredEntry,
  StoredWatch,
  StoreLock,
  Target,
  WatchRequest,
} from './store.ts';

/** Passes values through as bytes; the commands decode them with the codec. */
export async function connectTo(target: Target): Promise<Store> {
  const { urls, cluster, token, timeoutMilliseconds, signal, tls } = target;
  const ending = signal === undefined ? {} : { signal };
  const identity = token === undefined ? {} : { token };
  const timeout = { timeout: timeoutMilliseconds, ...identity, ...(tls && { tls }) };
  // Connects for data only when a command needs data: `status` works without a majority.
  let connecting: ReturnType<typeof connectAs> | undefined;
  const connectAs = () => connect(urls, { ...timeout, cluster, codec: bytes, ...ending });
  const client = () => {
    connecting ??= connectAs();
    return connecting;
  };
  return {
    urls,
    cluster,
    codec: messagePack,
    get: async (key) => {
      const entry = await (await client()).get<Uint8Array>(key);
      if (entry === undefined) return undefined;
      const { value, version, expiresAt } = entry;
      return { key, value, version, expiresAt };
    },
    set: async ({ key, value, ttlMilliseconds, ifVersion, fence }) => {
      const kv = await client();
      const options = {
        ...lived(ttlMilliseconds),
        ...(ifVersion === undefined ? {} : { ifVersion }),
        ...guarded(fence),
      };
      const written = await kv.set(key, value, options);
      return written.ok ? { version: written.version } : undefined;
    },
    delete: async (key, { ifVersion, fence }) => {
      const options = { ...(ifVersion === undefined ? {} : { ifVersion }), ...guarded(fence) };
      const deleted = await (await client()).delete(key, options);
      return deleted.ok ? deleted.wasThere : undefined;
    },
    add: async (key, by, { ttlMilliseconds, fence }) => {
      return (await client()).add(key, by, { ...lived(ttlMilliseconds), ...guarded(fence) });
    },
    touch: async (key, ttl) => (await client()).touch(key, ttl),
    commit: async (steps, fence) => commitBy(await client(), steps, fence),
    scan: (request) => scanBy(client, request),
    watch: async (request) => watchBy(await client(), request),
    count: async ({ from, to }) => {
      return await (await client()).count({ from, ...(to.length === 0 ? {} : { to }) });
    },
    clear: async (span, onProgress) => clearBy(await client(), span, onProgress),
    map: () => askMap(urls, { ...timeout, cluster }),
    info: async (url) => JSON.parse(await askInfo(url, timeout)) as NodeInfo,
    pending: async (url) => JSON.parse(await askPending(url, timeout)) as PendingInfo,
    setMembership: (request) => setMembership(urls, request, { ...timeout, cluster }),
    settle: (transaction) => settle(urls, transaction, { ...timeout, cluster }),
    lock: async (request) => lockBy(await client(), request),
    lead: async (request) => leadBy(await client(), request),
    leaders: (key, ended) => leadersBy(client, key, ended),
    leases: () => askLeases(urls, { ...timeout, cluster }),
    tickets: () => askTickets(urls, { ...timeout, cluster }),
    revoke: (lease) => revokeLease(urls, lease, { ...timeout, cluster }),
    access: accessBy(target),
    close: async () => {
      // The command that tried to connect has already reported a failed connection.
      const kv = await connecting?.catch(() => undefined);
      await kv?.close();
    },
  };
}

function accessBy({ urls, cluster, tls, token: given, timeoutMilliseconds: timeout }: Target) {
  let token = given;
  const terms = () => ({ timeout, cluster, ...(tls && { tls }), ...(token && { token }) });
  const ask = <T>(one: (url: string) => Promise<T>) => firstOf(urls, one);
  return {
    self: () => ask((url) => whoAmI(url, terms())),
    selfBy: (other: string) => ask((url) => whoAmI(url, { ...terms(), token: other })),
    report: () => ask((url) => askAccess(url, terms())),
    change: (change: AccessChange) => changeAccess(urls, change, terms()),
    createToken: (request: TokenRequest) => createToken(urls, request, terms()),
    login: ({ isInsecure, ...request }: Parameters<AccessCalls['login']>[0]) => {
      return login(urls, request, { ...terms(), isInsecure });
    },
    logout: (own: string) => {
      const [id = ''] = own.split('.');
      return changeAccess(urls, { type: 'delete-token', id }, { ...terms(), token: own });
    },
    setPassword: (request: PasswordRequest) => setPassword(urls, request, terms()),
    enable: async ({ isForced }: { readonly isForced: boolean }) => {
      const text = await enableAccess(urls, { ...terms(), isForced });
      token = () => text;
      return text;
    },
    confirm: (version: number) => awaitAccess(urls, version, terms()),
  };
}

/** Of the first node that can be reached. */
async function firstOf<T>(urls: readonly string[], ask: (url: string) => Promise<T>): Promise<T> {
  for (const url of urls.slice(0, -1)) {
    try {
      return await ask(url);
    } catch (error) {
      if (!isKvError(error) || error.code !== 'unreachable') throw error;
    }
  }
  return await ask(urls.at(-1) ?? '');
}

async function lockBy(kv: Client, request: LockRequest): Promise<StoreLock | undefined> {
  const { name, permits, isShared: shared, note, waitMilliseconds, signal } = request;
  const { guarded: guardedKeys } = request;
  const life = leaseLife(request);
  const options = { note, ...life, wait: waitMilliseconds ?? WAIT_MAX, signal };
  const taking =
    permits === undefined
      ? kv.lock(name, { ...options, shared })
      : kv.semaphore(name, permits, options);
  const lock = await hadInTime(taking);
  if (lock === undefined) return undefined;
  try {
    if (guardedKeys.length > 0) await lock.guard(guardedKeys, { signal });
  } catch (error) {
    await lock.release().catch(() => {});
    throw error;
  }
  return {
    fence: permits === undefined ? String(lock.fence) : undefined,
    signal: lock.signal,
    ttlMilliseconds: life.ttl,
    isOwned: () => lock.isOwned,
    release: () => lock.release(),
  };
}

async function leadBy(kv: Client, request: ElectionRequest): Promise<StoreLock | undefined> {
  const { key, value, note, waitMilliseconds, signal: ended } = request;
  const life = leaseLife(request);
  const election = kv.elect(key, { value, note, ...life });
  const wait = waitMilliseconds ?? WAIT_MAX;
  const leadership = await hadInTime(election.lead({ wait, signal: ended }));
  if (leadership === undefined) return undefined;
  return {
    fence: String(leadership.fence),
    signal: leadership.signal,
    ttlMilliseconds: life.ttl,
    isOwned: () => leadership.isLeader,
    release: () => election.resign(),
  };
}

function leaseLife({ ttlMilliseconds }: { readonly ttlMilliseconds: number | undefined }) {
  return { ttl: ttlMilliseconds ?? COORDINATION_LIMITS.leaseTtlMillisecondsDefault };
}

async function* leadersBy(client: () => Promise<Client>, key: Uint8Array, signal: AbortSignal) {
  const election = (await client()).elect<Uint8Array>(key, { value: new Uint8Array(0) });
  yield* election.observe({ signal });
}

/** A day, the most that the library waits. */
const WAIT_MAX = 24 * 60 * 60 * 1000;

async function hadInTime<T>(taking: Promise<T>): Promise<T | undefined> {
  try {
    return await taking;
  } catch (error) {
    if (isKvError(error) && error.code === 'lock-unavailable') return undefined;
    throw error;
  }
}

async function commitBy(
  kv: Client,
  steps: readonly Step[],
  fence: string | undefined,
): Promise<Committed> {
  const atomic = kv.atomic();
  if (fence !== undefined) atomic.fence(fence);
  for (const step of steps) add(step, atomic);
  const end = await atomic.commit();
  if (!end.ok) return { isCommitted: false, key: bytesOfKey(end.key), version: end.version };
  const versions = steps.map(({ type, key }) => (type === 'check' ? 0 : end.versionOf(key)));
  return { isCommitted: true, versions };
}

function add(step: Step, atomic: Atomic<unknown>): void {
  switch (step.type) {
    case 'set': {
      const { key, value, ttlMilliseconds } = step;
      atomic.set(key, value, lived(ttlMilliseconds));
      return;
    }
    case 'delete':
      atomic.delete(step.key);
      return;
    case 'append':
      atomic.append(step.key, step.value, lived(step.ttlMilliseconds));
      return;
    case 'check':
      atomic.check(step);
      return;
    default:
      atomic[step.type](step.key, step.operand, lived(step.ttlMilliseconds));
  }
}

async function clearBy(
  kv: Client,
  { from, to }: KeySpan,
  tell: (deleted: number) => void,
): Promise<number> {
  const bounds = { ...(from.length > 0 && { from }), ...(to.length > 0 && { to }) };
  const range = from.length + to.length > 0 ? bounds : ({ everything: true } as const);
  const onProgress = ({ deleted }: { readonly deleted: number }) => tell(deleted);
  return (await kv.clear(range, { onProgress })).deleted;
}

function guarded(fence: string | undefined): { readonly fence?: string } {
  return fence === undefined ? {} : { fence };
}

function lived(ttl: number | undefined): { readonly ttl?: number } {
  return ttl === undefined ? {} : { ttl };
}

function watchBy(
  kv: Client,
  { key, from, to, resume, isInitial, isKeysOnly }: WatchRequest,
): StoredWatch {
  const range = { ...(from.length > 0 && { from }), ...(to.length > 0 && { to }) };
  const watch = kv.watch<Uint8Array>({
    ...(key === undefined ? range : { key }),
    ...(resume === undefined ? { initial: isInitial } : { resume }),
    keys: 'bytes',
    keysOnly: isKeysOnly,
  });
  const changes = async function* (): AsyncGenerator<StoredChange> {
    for await (const event of watch) {
      if (!('key' in event)) yield event;
      else if (event.type === 'set') {
        const value = 'value' in event ? event.value : ONLY_KEY.value;
        yield { ...event, key: bytesOfKey(event.key), value };
      } else yield { ...event, key: bytesOfKey(event.key) };
    }
  };
  return {
    [Symbol.asyncIterator]: changes,
    get token() {
      return watch.token;
    },
    close: () => watch.close(),
  };
}

function scanBy(
  client: () => Promise<Client>,
  { from, to, isReverse, isKeysOnly, limit, cursor }: ScanRequest,
): Scanned {
  let given = 0;
  let rest = () => '';
  const entries = async function* (): AsyncGenerator<StoredEntry> {
    const scanning = (await client()).scan<Uint8Array>({
      from,
      ...(to.length === 0 ? {} : { to }),
      reverse: isReverse,
      keysOnly: isKeysOnly,
      keys: 'bytes',
      ...(limit === undefined ? {} : { limit }),
      ...(cursor === undefined ? {} : { cursor }),
    });
    rest = () => scanning.cursor;
    for await (const entry of scanning) {
      given += 1;
      const { value, version, expiresAt } = 'value' in entry ? entry : ONLY_KEY;
      yield { key: bytesOfKey(entry.key), value, version, expiresAt };
    }
  };
  return { entries: entries(), cursor: () => (given === limit ? rest() : undefined) };
}

/** What the printers show of a scan of keys: nothing. */
const ONLY_KEY = { value: new Uint8Array(), version: 0, expiresAt: undefined };

function bytesOfKey(key: Key): Uint8Array {
  if (key instanceof Uint8Array) return key;
  throw new TypeError('the client returned a key that is not bytes');
}
