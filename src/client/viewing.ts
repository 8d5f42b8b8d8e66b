/** A view in a process: a watch that is applied to a copy in memory. */

import { wallNow } from '../base/ambient.ts';
import { KvError } from '../base/errors.ts';
import type { WatchNews } from './core/streams/watch-queue.ts';
import type { Encoding } from './encoding.ts';
import type { Engine } from './engine.ts';
import type { Key } from './key.ts';
import { CLIENT_LIMITS } from './limits.ts';
import { checkOptions } from './option-checks.ts';
import { type CallOptions, invalid } from './options.ts';
import { OrderedRows } from './ordered-rows.ts';
import type { View, ViewChange, ViewEntry, ViewOptions } from './view.ts';
import { ViewChanges } from './view-changes.ts';
import { WatchSubscription, watchedRange } from './watch-subscription.ts';
import { changeEventOf, replicasOf } from './watching.ts';

interface ViewingParts<V> {
  readonly engine: Engine;
  readonly encoding: Encoding<V>;
  readonly timeout: number;
  readonly options: ViewOptions;
}

interface HeldRow<V> {
  readonly entry: ViewEntry<V>;
  /** Of the key and the stored value. */
  readonly bytes: number;
}

export class Viewing<V> implements View<V> {
  readonly #parts: ViewingParts<V>;
  readonly #subscription: WatchSubscription;
  readonly #rows = new OrderedRows<HeldRow<V>>();
  readonly #listeners = new Set<ViewChanges<V>>();
  readonly #bytesMax: number;
  #bytes = 0;
  /** Keys that a re-read has not mentioned so far. */
  #unseen: Set<string> | undefined;
  #failure: KvError | undefined;
  #isClosed = false;
  #become: { readonly ready: () => void; readonly failed: (error: KvError) => void } | undefined;
  readonly ready: Promise<void>;
  revision = 0;

  constructor(parts: ViewingParts<V>) {
    this.#parts = parts;
    const { engine, encoding, timeout, options } = parts;
    checkOptions('view', options, 'view');
    const { maxBytes = CLIENT_LIMITS.viewBytesDefault, replicas = 'any' } = options;
    if (!(Number.isSafeInteger(maxBytes) && maxBytes > 0)) {
      throw invalid(`maxBytes must be a positive integer (got ${maxBytes})`);
    }
    this.#bytesMax = maxBytes;
    this.ready = new Promise((resolve, reject) => {
      this.#become = { ready: resolve, failed: reject };
    });
    // A rejected promise that the caller ignores must not end the process.
    this.ready.catch(() => {});
    this.#subscription = new WatchSubscription({
      engine,
      terms: {
        range: watchedRange(options, encoding as Encoding<unknown>),
        resume: undefined,
        isInitial: true,
        keysOnly: false,
        bufferBytes: CLIENT_LIMITS.viewBufferBytes,
        // The copy itself shows what differs.
        trackedKeysMax: 0,
        replicas: replicasOf(replicas),
        timeoutMilliseconds: timeout,
        shareBytesMin: CLIENT_LIMITS.watchShareBytesMin,
        trackedBytesMax: CLIENT_LIMITS.trackedBytesMax,
      },
      signal: options.signal,
      onNews: () => this.#apply(),
    });
  }

  get size(): number {
    return this.#rows.size;
  }

  get staleSince(): number | undefined {
    const milliseconds = this.#subscription.staleMilliseconds;
    return milliseconds === undefined ? undefined : wallNow() - milliseconds;
  }

  get(key: Key): ViewEntry<V> | undefined {
    return this.#rows.get(nameOf(this.#parts.encoding.keyOf(key)))?.entry;
  }

  has(key: Key): boolean {
    return this.get(key) !== undefined;
  }

  *keys(): Generator<Key, undefined> {
    for (const [, { entry }] of this.#rows) yield entry.key;
    return undefined;
  }

  *values(): Generator<ViewEntry<V>, undefined> {
    for (const [, { entry }] of this.#rows) yield entry;
    return undefined;
  }

  *entries(): Generator<[Key, ViewEntry<V>], undefined> {
    for (const [, { entry }] of this.#rows) yield [entry.key, entry];
    return undefined;
  }

  [Symbol.iterator](): Generator<[Key, ViewEntry<V>], undefined> {
    return this.entries();
  }

  forEach(visit: (entry: ViewEntry<V>, key: Key, view: View<V>) => void, self?: unknown): void {
    for (const [key, entry] of this) visit.call(self, entry, key, this);
  }

  sync(options: CallOptions = {}): Promise<void> {
    return this.#subscription.sync(options, this.#parts.timeout);
  }

  changes(): AsyncIterable<ViewChange<V>> {
    const changes = new ViewChanges<V>({ onEnd: () => this.#listeners.delete(changes) });
    if (this.#isClosed || this.#failure !== undefined) changes.end(this.#failure);
    else this.#listeners.add(changes);
    return changes;
  }

  close(): Promise<void> {
    this.#end(undefined);
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #apply(): void {
    while (!this.#isClosed) {
      const news = this.#subscription.first();
      if (news === undefined) {
        const { failure } = this.#subscription;
        if (failure !== undefined) this.#end(failure);
        return;
      }
      this.#subscription.advance();
      if (news.type === 'change') this.#applyChange(news);
      else if (news.type === 'compacted') {
        this.#unseen = new Set([...this.#rows].map(([name]) => name));
      } else if (news.type === 'synced') this.#complete();
    }
  }

  #applyChange(news: Extract<WatchNews, { type: 'change' }>): void {
    const { kind, key, version, value } = news.change;
    const name = nameOf(key);
    const held = this.#rows.get(name);
    this.#unseen?.delete(name);
    // A re-read tells rows that are here already. If a shorter log has replaced the one that they
    // are from, equal versions may be of other values: so what it tells is taken, silently.
    const isHeld = held?.entry.version === version;
    if (kind !== 'set' && held === undefined) return;
    if (kind === 'set' && isHeld && !news.isFromRead) return;
    try {
      const { encoding, options } = this.#parts;
      const event = changeEventOf(news, encoding, options.keys ?? encoding.kind);
      if (event.type === 'set') {
        const entry = { key: event.key, value: event.value, version };
        this.#set(name, { entry, bytes: key.length + (value?.length ?? 0) });
        if (isHeld) return;
      } else this.#delete(name);
      const previousVersion = held?.entry.version ?? 0;
      this.#tell({ ...event, previousVersion });
    } catch (error) {
      this.#end(error as KvError);
    }
  }

  /** All keys that a re-read has not mentioned are gone. */
  #complete(): void {
    for (const name of this.#unseen ?? []) {
      const held = this.#rows.get(name);
      if (held === undefined) continue;
      this.#delete(name);
      const { key, version: previousVersion } = held.entry;
      this.#tell({ type: 'delete', key, previousVersion, transaction: '', isLast: true });
    }
    this.#unseen = undefined;
    this.#become?.ready();
  }

  #set(name: string, row: HeldRow<V>): void {
    this.#bytes += row.bytes - (this.#rows.get(name)?.bytes ?? 0);
    if (this.#bytes > this.#bytesMax) throw tooLarge(this.#bytes, this.#bytesMax);
    this.#rows.set(name, row);
  }

  #delete(name: string): void {
    this.#bytes -= this.#rows.get(name)?.bytes ?? 0;
    this.#rows.delete(name);
  }

  #tell(change: ViewChange<V>): void {
    this.revision += 1;
    for (const listener of this.#listeners) listener.push(change);
  }

  #end(failure: KvError | undefined): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#failure = failure;
    this.#subscription.close();
    this.#become?.failed(failure ?? closed());
    for (const listener of this.#listeners) listener.end(failure);
    this.#listeners.clear();
  }
}

/** One character for each byte, so that names are ordered as keys are. */
function nameOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1');
}

function tooLarge(bytes: number, max: number): KvError {
  const message = `the view has ${bytes} bytes of keys and values; the limit is ${max} (maxBytes)`;
  return new KvError({ code: 'view-too-large', outcome: 'notApplied', message });
}

function closed(): KvError {
  return new KvError({ code: 'closed', outcome: 'notApplied', message: 'the view was closed' });
}
