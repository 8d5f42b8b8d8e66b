/**
 * A durable queue whose jobs each run at least once, on the public API alone.
 *
 * All keys of a queue have one tag, so they are in one shard, and each step is one entry:
 *
 *     [wake, ready, order, id]   a job that may be taken
 *     [busy, id]                 a job that a worker has, or that waits for its time
 *     [wake, hold, id]           exists as long as the busy job is to be left alone
 *     [dead, id]                 a job that failed too often
 *
 * A hold is a key with a time to live: no clock of a worker matters. A worker that finds a busy job
 * without its hold makes it ready again.
 */

import { randomUUID } from 'node:crypto';
import type { Atomic, Client, Key, Space } from '../index.ts';
import type { PushOptions, Queue, QueueJob, QueueOptions, TakeOptions } from './queue-api.ts';
import { delayOf, pauseAfter, prefixOf, queueOptionsOf, takeOptionsOf } from './queue-options.ts';

/**
 * Opens a queue; no request is sent. All workers of a queue should give the same options.
 *
 * @example
 * ```ts
 * import { queue } from 'ringkv/queue';
 * const mails = queue<{ to: string }>(kv, 'mails', { visibility: 60_000, attempts: 3 });
 * await mails.push({ to: 'ada@example.org' });
 * ```
 */
export function queue<T>(
  kv: Pick<Client, 'space'>,
  name: string,
  options: QueueOptions = {},
): Queue<T> {
  const prefix = prefixOf(kv, name);
  const keys = kv.space<unknown>(prefix);
  return new TagQueue<T>(keys as Space<Stored<T>>, queueOptionsOf(options));
}

interface Stored<T> {
  readonly value: T;
  /** The place of the job among those that are ready. */
  readonly order: number;
  readonly attempts: number;
  readonly why?: string;
}

/** A job and the version of its key: the first worker that changes it has it. */
interface Found<T> {
  readonly id: string;
  readonly stored: Stored<T>;
  readonly version: number;
}

/** Jobs that are looked at together, and takes after which the busy ones are looked through. */
const [PAGE, RECOVERY_TAKES] = [16, 64];
const READY: Key = ['wake', 'ready'];
const readyKey = (order: number, id: string): Key => ['wake', 'ready', order, id];
const holdKey = (id: string): Key => ['wake', 'hold', id];
const busyKey = (id: string): Key => ['busy', id];
const deadKey = (id: string): Key => ['dead', id];

class TagQueue<T> implements Queue<T> {
  readonly #keys: Space<Stored<T>>;
  readonly #options: Required<QueueOptions>;
  #takes = 0;

  constructor(keys: Space<Stored<T>>, options: Required<QueueOptions>) {
    this.#keys = keys;
    this.#options = options;
  }

  async push(value: T, options: PushOptions = {}): Promise<string> {
    const delay = delayOf(options);
    const id = randomUUID();
    const stored = { value, order: Date.now(), attempts: 0 };
    const adding = this.#keys.atomic();
    if (delay > 0) await this.#hold(adding.set(busyKey(id), stored), id, delay).commit();
    else await adding.set(readyKey(stored.order, id), stored).commit();
    return id;
  }

  async take(options: TakeOptions = {}): Promise<QueueJob<T> | undefined> {
    const { wait, signal } = takeOptionsOf(options);
    // A queue that is never empty may have jobs of dead workers as well.
    if (++this.#takes % RECOVERY_TAKES === 0) await this.#recover();
    const first = (await this.#takeReady()) ?? (await this.#takeRecovered());
    if (first !== undefined || wait === 0) return first;
    const timeout = new AbortController();
    const timer = wait === undefined ? undefined : setTimeout(() => timeout.abort(), wait);
    const either = AbortSignal.any([timeout.signal, ...(signal === undefined ? [] : [signal])]);
    const wakes = { prefix: ['wake'], keys: 'tuple', keysOnly: true, signal: either } as const;
    try {
      for await (const event of this.#keys.watch(wakes)) {
        const isReady = event.type === 'set' && (event.key as readonly unknown[])[1] === 'ready';
        // A hold is over, or was over before the watch began.
        const isOver = event.type === 'expire' || event.type === 'synced';
        const job = isReady ? await this.#takeReady() : isOver && (await this.#takeRecovered());
        if (job) return job;
      }
    } catch (error) {
      if (!timeout.signal.aborted || signal?.aborted === true) throw error;
    } finally {
      clearTimeout(timer);
    }
    return undefined;
  }

  async *dead() {
    for await (const { id, stored } of this.#found({ prefix: ['dead'] })) {
      yield { id, value: stored.value, why: stored.why };
    }
  }

  async revive(id: string): Promise<boolean> {
    const entry = await this.#keys.get(deadKey(id));
    if (entry === undefined) return false;
    const { value, order } = entry.value;
    const moving = this.#keys.atomic().check(entry).delete(deadKey(id));
    moving.set(readyKey(order, id), { value, order, attempts: 0 });
    return (await moving.commit()).ok;
  }

  /** The first of the ready jobs that no other worker takes first. */
  async #takeReady(): Promise<QueueJob<T> | undefined> {
    for (let isAny = true; isAny; ) {
      isAny = false;
      for await (const { id, stored, version } of this.#found({ prefix: READY, limit: PAGE })) {
        isAny = true;
        const key = readyKey(stored.order, id);
        const taken = { ...stored, attempts: stored.attempts + 1 };
        const taking = this.#keys.atomic().check(key, version).delete(key).set(busyKey(id), taken);
        const result = await this.#hold(taking, id, this.#options.visibility).commit();
        if (!result.ok) continue;
        return this.#jobOf({ id, stored: taken, version: result.versionOf(busyKey(id)) });
      }
    }
    return undefined;
  }

  #jobOf({ id, stored, version: taken }: Found<T>): QueueJob<T> {
    let version = taken;
    const mine = () => this.#keys.atomic().check(busyKey(id), version);
    const isCommitted = async (command: Atomic<Stored<T>>) => (await command.commit()).ok;
    const extend = async () => {
      const extending = mine().set(busyKey(id), stored);
      const result = await this.#hold(extending, id, this.#options.visibility).commit();
      if (result.ok) version = result.versionOf(busyKey(id));
      return result.ok;
    };
    const done = () => isCommitted(mine().delete(busyKey(id)).delete(holdKey(id)));
    const fail = (why?: string) => {
      const failed = why === undefined ? stored : { ...stored, why };
      const isLast = stored.attempts >= this.#options.attempts;
      if (isLast) return isCommitted(this.#released(mine(), id, failed));
      const pause = pauseAfter(stored.attempts, this.#options.backoff);
      return isCommitted(this.#hold(mine().set(busyKey(id), failed), id, pause));
    };
    return { id, value: stored.value, attempt: stored.attempts, done, fail, extend };
  }

  async #takeRecovered(): Promise<QueueJob<T> | undefined> {
    return (await this.#recover()) ? this.#takeReady() : undefined;
  }

  /** Makes busy jobs ready whose hold is over. Holds are read first: a later one is checked. */
  async #recover(): Promise<boolean> {
    let isAny = false;
    const held = new Set<unknown>();
    for await (const key of this.#keys.keys({ prefix: ['wake', 'hold'], keys: 'tuple' }))
      held.add(key[2]);
    for await (const { id, stored, version } of this.#found({ prefix: ['busy'] })) {
      if (held.has(id)) continue;
      const late = this.#keys.atomic().check(busyKey(id), version).absent(holdKey(id));
      await this.#released(late, id, stored).commit();
      isAny = true;
    }
    return isAny;
  }

  /** Back to those that are ready, or to the dead after the last attempt. */
  #released(command: Atomic<Stored<T>>, id: string, stored: Stored<T>): Atomic<Stored<T>> {
    const isDead = stored.attempts >= this.#options.attempts;
    const to = isDead ? deadKey(id) : readyKey(stored.order, id);
    return command.delete(busyKey(id)).delete(holdKey(id)).set(to, stored);
  }

  #hold(command: Atomic<Stored<T>>, id: string, ttl: number): Atomic<Stored<T>> {
    const any = command.in(this.#keys as Space<unknown>);
    return any.set(holdKey(id), true, { ttl }).in(this.#keys);
  }

  /** The jobs of a range. The last part of their keys is their name. */
  async *#found(range: { readonly prefix: Key; readonly limit?: number }) {
    for await (const { key, value, version } of this.#keys.scan({ ...range, keys: 'tuple' })) {
      yield { id: String((key as readonly unknown[]).at(-1)), stored: value, version } as Found<T>;
    }
  }
}
