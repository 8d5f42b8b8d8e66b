/** The lease of one opener of a file system: its unfinished contents live as long as it does. */

import type { Lease, LeaseOptions } from '../../index.ts';
import { FILES_LIMITS } from './limits.ts';

interface LeaseSource {
  lease(options?: LeaseOptions): Promise<Lease>;
}

/** Taken with the first content that is written, and again if it has ended. */
export class WriterLease {
  readonly #source: LeaseSource;
  readonly #ttl: number;
  #taking: Promise<Lease> | undefined;
  #taken: Lease | undefined;
  /** Contents that this opener could not give up, because the store was not reached. */
  readonly #unfinished = new Set<string>();

  constructor(source: LeaseSource, ttl: number) {
    this.#source = source;
    this.#ttl = ttl;
  }

  /** Without it a content is garbage only when the lease ends. The oldest are forgotten first. */
  remember(content: string): void {
    this.#unfinished.add(content);
    const [oldest] = this.#unfinished;
    const isFull = this.#unfinished.size > FILES_LIMITS.unfinishedMax;
    if (isFull && oldest !== undefined) this.#unfinished.delete(oldest);
  }

  takeUnfinished(): readonly string[] {
    const contents = [...this.#unfinished];
    this.#unfinished.clear();
    return contents;
  }

  get(): Promise<Lease> {
    if (this.#taken?.state === 'ended') this.#forget();
    this.#taking ??= this.#take();
    return this.#taking;
  }

  /** Contents that are being written become garbage. Safe to call twice. */
  async release(): Promise<void> {
    const taking = this.#taking;
    this.#forget();
    const lease = await taking?.catch(() => undefined);
    await lease?.release();
  }

  async #take(): Promise<Lease> {
    try {
      const lease = await this.#source.lease({ ttl: this.#ttl, note: 'writer of ringkv/files' });
      this.#taken = lease;
      return lease;
    } catch (error) {
      this.#forget();
      throw error;
    }
  }

  #forget(): void {
    this.#taking = undefined;
    this.#taken = undefined;
  }
}
