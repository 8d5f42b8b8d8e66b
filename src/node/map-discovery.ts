/**
 * A node whose map says that it alone is a majority first queries its start addresses for a newer
 * map. Its folder may be a copy from before other nodes joined.
 */

import type { ClientConnection } from '../transport/client-connection.ts';
import type { Schedule, Sockets } from '../transport/sockets.ts';
import { LIFE_LIMITS } from './limits.ts';
import { askForMap } from './peer-discovery.ts';

interface EnquiryOptions {
  readonly sockets: Sockets;
  readonly schedule: Schedule;
  readonly cluster: string;
  readonly urls: readonly string[];
  /** Whether the node still waits for the answers. */
  readonly isWanted: () => boolean;
  readonly onMap: (bytes: Uint8Array) => void;
  /** All addresses have answered. */
  readonly onHeardOut: () => void;
}

export class MapDiscovery {
  readonly #options: EnquiryOptions;
  /** Addresses that have not answered. */
  readonly #silent: Set<string>;
  readonly #lines = new Map<string, ClientConnection>();
  #stopLooking: (() => void) | undefined;

  constructor(options: EnquiryOptions) {
    this.#options = options;
    this.#silent = new Set(options.urls);
  }

  /** Queries until all have answered or the node no longer waits. */
  start(): void {
    const { schedule } = this.#options;
    this.#stopLooking = schedule.every(LIFE_LIMITS.enquiryPauseMilliseconds, () => this.#look());
    this.#look();
  }

  /** Twice is once. */
  stop(): void {
    this.#stopLooking?.();
    for (const line of this.#lines.values()) line.close();
    this.#lines.clear();
  }

  #look(): void {
    if (!this.#options.isWanted()) return this.stop();
    for (const url of this.#silent) if (!this.#lines.has(url)) this.#ask(url);
  }

  #ask(url: string): void {
    const { sockets, schedule, cluster, onMap } = this.#options;
    const line = askForMap({
      sockets,
      schedule,
      cluster,
      url,
      onNode: () => {},
      onMap: (bytes) => {
        onMap(bytes);
        this.#hear(url);
      },
      onDown: (isForeign) => {
        this.#lines.delete(url);
        // A node of another cluster has no map of this one.
        if (isForeign) this.#hear(url);
      },
    });
    this.#lines.set(url, line);
  }

  #hear(url: string): void {
    if (!this.#silent.delete(url) || this.#silent.size > 0) return;
    this.#options.onHeardOut();
    this.stop();
  }
}
