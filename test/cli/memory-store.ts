/** A store in memory, for what kvctl makes of answers; real ones are in the tests of processes. */

import type { NodeInfo } from '../../cli/node-info.ts';
import type { PendingInfo } from '../../cli/pending-info.ts';
import type {
  AccessCalls,
  AddOptions,
  Committed,
  DeleteOptions,
  ElectionRequest,
  KeySpan,
  LeaseInShard,
  LockRequest,
  ScanRequest,
  SetRequest,
  Step,
  Store,
  StoredChange,
  StoredEntry,
  StoredWatch,
  StoreLock,
  TicketInLock,
  Waiting,
  WatchRequest,
} from '../../cli/store.ts';
import type { ClusterMap } from '../../src/catalog/cluster-map.ts';
import { memoryAccess } from './memory-access.ts';

type MembershipRequest = Parameters<Store['setMembership']>[0];

/** Values as JSON: not the codec of the library, so that nothing rests on its spelling. */
const codec: Store['codec'] = {
  encode: (value) => {
    const isBytes = value instanceof Uint8Array;
    return Buffer.from(JSON.stringify(isBytes ? { bytes: [...value] } : { value }));
  },
  decode: (bytes) => {
    const { bytes: raw, value } = JSON.parse(Buffer.from(bytes).toString());
    return raw === undefined ? value : Uint8Array.from(raw);
  },
};

export class MemoryStore implements Store {
  readonly codec = codec;
  urls: readonly string[] = [];
  cluster = '';
  readonly entries = new Map<string, StoredEntry>();
  readonly sets: SetRequest[] = [];
  /** Of writes, in their order. */
  readonly fences: (string | undefined)[] = [];
  /** Of `add`. */
  readonly lives: (number | undefined)[] = [];
  readonly touches: (number | null)[] = [];
  /** What the cluster says of itself, or the failure that comes instead. */
  clusterMap: ClusterMap | Error = new Error('there is no map');
  infos = new Map<string, NodeInfo>();
  pendings = new Map<string, PendingInfo>();
  /** What a transaction that waits comes to, and what happens then. */
  onSettle: (transaction: Waiting) => 'committed' | 'aborted' | 'over' = () => 'aborted';
  readonly commits: (readonly Step[])[] = [];
  readonly memberships: MembershipRequest[] = [];
  isClosed = false;
  #version = 100;

  plant(key: Uint8Array | string, value: unknown, version = this.#version + 1): void {
    const bytes = typeof key === 'string' ? Buffer.from(key) : key;
    this.#version = Math.max(this.#version, version);
    const entry = { key: bytes, value: codec.encode(value), version };
    this.entries.set(nameOf(bytes), entry);
  }

  expire(key: string, expiresAt: number): void {
    const entry = this.entries.get(nameOf(Buffer.from(key)));
    if (entry !== undefined) this.entries.set(nameOf(entry.key), { ...entry, expiresAt });
  }

  get(key: Uint8Array): Promise<StoredEntry | undefined> {
    return Promise.resolve(this.entries.get(nameOf(key)));
  }

  set(request: SetRequest): Promise<{ readonly version: number } | undefined> {
    this.sets.push(request);
    this.fences.push(request.fence);
    const { key, value, ifVersion } = request;
    const version = this.entries.get(nameOf(key))?.version ?? 0;
    if (ifVersion !== undefined && ifVersion !== version) return Promise.resolve(undefined);
    this.#version += 1;
    this.entries.set(nameOf(key), { key, value, version: this.#version });
    return Promise.resolve({ version: this.#version });
  }

  delete(key: Uint8Array, { ifVersion, fence }: DeleteOptions): Promise<boolean | undefined> {
    this.fences.push(fence);
    const entry = this.entries.get(nameOf(key));
    const isRefused = ifVersion !== undefined && ifVersion !== (entry?.version ?? 0);
    if (!isRefused) this.entries.delete(nameOf(key));
    return Promise.resolve(isRefused ? undefined : entry !== undefined);
  }

  add(key: Uint8Array, by: bigint, { ttlMilliseconds, fence }: AddOptions): Promise<bigint> {
    this.fences.push(fence);
    this.lives.push(ttlMilliseconds);
    const entry = this.entries.get(nameOf(key));
    const sum = BigInt(entry === undefined ? 0 : (codec.decode(entry.value) as number)) + by;
    this.plant(key, Number(sum));
    return Promise.resolve(sum);
  }

  touch(key: Uint8Array, ttlMilliseconds: number | null): Promise<boolean> {
    this.touches.push(ttlMilliseconds);
    return Promise.resolve(this.entries.has(nameOf(key)));
  }

  commit(steps: readonly Step[], fence: string | undefined): Promise<Committed> {
    this.fences.push(fence);
    this.commits.push(steps);
    for (const step of steps) {
      if (step.type !== 'check') continue;
      const version = this.entries.get(nameOf(step.key))?.version ?? 0;
      if (version === step.version) continue;
      return Promise.resolve({ isCommitted: false, key: step.key, version });
    }
    this.#version += 1;
    for (const step of steps) this.#do(step);
    const versions = steps.map(({ key }) => this.entries.get(nameOf(key))?.version ?? 0);
    return Promise.resolve({ isCommitted: true, versions });
  }

  #do(step: Step): void {
    const { key } = step;
    const version = this.#version;
    const before = this.entries.get(nameOf(key))?.value;
    const enter = (value: Uint8Array) => this.entries.set(nameOf(key), { key, value, version });
    switch (step.type) {
      case 'set':
        enter(step.value);
        return;
      case 'delete':
        this.entries.delete(nameOf(key));
        return;
      case 'append':
        enter(Buffer.concat([before ?? new Uint8Array(), step.value]));
        return;
      case 'check':
        return;
      default: {
        const number = BigInt(before === undefined ? 0 : (codec.decode(before) as number));
        const { type, operand } = step;
        const isKept =
          before !== undefined && (type === 'min' ? number < operand : number > operand);
        const result = type === 'add' ? number + operand : isKept ? number : operand;
        enter(codec.encode(Number(result)));
      }
    }
  }

  /** Names of locks that others own. */
  readonly #taken = new Set<string>();
  readonly lockRequests: LockRequest[] = [];
  readonly elections: ElectionRequest[] = [];
  /** How often a lock was released. */
  releases = 0;
  /** Aborts the locks that are owned. */
  readonly losing = new AbortController();
  /** They are lost, by the clock, and the signal may be late. */
  isLost = false;
  /** Locks that others own are waited for, until the call is interrupted. */
  isWaiting = false;
  leaseList: readonly LeaseInShard[] = [];
  ticketList: readonly TicketInLock[] = [];
  readonly revoked: string[] = [];

  take(name: string): void {
    this.#taken.add(nameOf(Buffer.from(name)));
  }

  lock(request: LockRequest): Promise<StoreLock | undefined> {
    this.lockRequests.push(request);
    if (this.#taken.has(nameOf(request.name))) return this.#notOwned(request.signal);
    return Promise.resolve(this.#owned(request, request.permits === undefined));
  }

  lead(request: ElectionRequest): Promise<StoreLock | undefined> {
    this.elections.push(request);
    if (this.#taken.has(nameOf(request.key))) return this.#notOwned(request.signal);
    return Promise.resolve(this.#owned(request, true));
  }

  leaderList: readonly (Uint8Array | undefined)[] = [];

  async *leaders(): AsyncGenerator<Uint8Array | undefined, void, undefined> {
    yield* this.leaderList;
  }

  leases(): Promise<readonly LeaseInShard[]> {
    return Promise.resolve(this.leaseList);
  }

  readonly access: AccessCalls = memoryAccess();

  tickets(): Promise<readonly TicketInLock[]> {
    return Promise.resolve(this.ticketList);
  }

  revoke(lease: string): Promise<boolean> {
    this.revoked.push(lease);
    return Promise.resolve(this.leaseList.some(({ id }) => id === lease));
  }

  #notOwned(signal: AbortSignal): Promise<undefined> {
    if (!this.isWaiting) return Promise.resolve(undefined);
    return new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(new Error('aborted')));
    });
  }

  #owned(
    { ttlMilliseconds = 15_000 }: { readonly ttlMilliseconds: number | undefined },
    hasFence: boolean,
  ): StoreLock {
    const release = () => {
      this.releases += 1;
      return Promise.resolve();
    };
    const { signal } = this.losing;
    const fence = hasFence ? 'a-fence' : undefined;
    return { fence, signal, ttlMilliseconds, isOwned: () => !this.isLost, release };
  }

  clear(span: KeySpan, onProgress: (deleted: number) => void): Promise<number> {
    const keys = this.#within(span).map(({ key }) => nameOf(key));
    for (const key of keys) this.entries.delete(key);
    onProgress(keys.length);
    return Promise.resolve(keys.length);
  }

  scan(request: ScanRequest): ReturnType<Store['scan']> {
    const { isReverse, limit, cursor } = request;
    const sorted = this.#within(request);
    if (isReverse) sorted.reverse();
    const start = cursor === undefined ? 0 : Number(cursor);
    const end = Math.min(sorted.length, start + (limit ?? sorted.length));
    return {
      entries: (async function* () {
        yield* sorted.slice(start, end);
      })(),
      cursor: () => (end < sorted.length ? String(end) : undefined),
    };
  }

  /** What `watch` gives, in order; then it ends, as if it was closed. */
  changes: StoredChange[] = [];
  readonly watches: WatchRequest[] = [];
  /** What reading a watch comes to, instead of its changes. */
  watchFailure: Error | undefined;

  watch(request: WatchRequest): Promise<StoredWatch> {
    this.watches.push(request);
    const { changes, watchFailure } = this;
    let given = 0;
    return Promise.resolve({
      async *[Symbol.asyncIterator]() {
        if (watchFailure !== undefined) throw watchFailure;
        for (const change of changes) {
          given += 1;
          yield change;
        }
      },
      get token() {
        if (changes.slice(0, given).some(({ type }) => type === 'synced')) return `token ${given}`;
        throw new Error('a watch has no token yet');
      },
      close: () => Promise.resolve(),
    });
  }

  count(span: { readonly from: Uint8Array; readonly to: Uint8Array }): Promise<number> {
    return Promise.resolve(this.#within(span).length);
  }

  map(): Promise<ClusterMap> {
    const { clusterMap } = this;
    return clusterMap instanceof Error ? Promise.reject(clusterMap) : Promise.resolve(clusterMap);
  }

  info(clientUrl: string): Promise<NodeInfo> {
    const info = this.infos.get(clientUrl);
    return info === undefined
      ? Promise.reject(new Error('connection refused'))
      : Promise.resolve(info);
  }

  pending(clientUrl: string): Promise<PendingInfo> {
    const pending = this.pendings.get(clientUrl);
    return pending === undefined
      ? Promise.reject(new Error('connection refused'))
      : Promise.resolve(pending);
  }

  setMembership(request: MembershipRequest): Promise<void> {
    this.memberships.push(request);
    const { clusterMap } = this;
    if (clusterMap instanceof Error) return Promise.reject(clusterMap);
    const { node, membership } = request;
    const isGone = membership === 'removing';
    const others = clusterMap.nodes.filter((row) => row.node !== node);
    const known = clusterMap.nodes.filter((row) => row.node === node && !isGone);
    const nodes = [...others, ...known.map((row) => ({ ...row, membership, basis: undefined }))];
    this.clusterMap = { ...clusterMap, nodes: nodes.sort((a, b) => a.node - b.node) };
    return Promise.resolve();
  }

  settle(transaction: Waiting): Promise<'committed' | 'aborted' | 'over'> {
    return Promise.resolve(this.onSettle(transaction));
  }

  close(): Promise<void> {
    this.isClosed = true;
    return Promise.resolve();
  }

  #within({ from, to }: { readonly from: Uint8Array; readonly to: Uint8Array }): StoredEntry[] {
    return [...this.entries.values()]
      .filter(({ key }) => Buffer.compare(key, from) >= 0)
      .filter(({ key }) => to.length === 0 || Buffer.compare(key, to) < 0)
      .sort((one, other) => Buffer.compare(one.key, other.key));
  }
}

function nameOf(key: Uint8Array): string {
  return Buffer.from(key).toString('hex');
}
