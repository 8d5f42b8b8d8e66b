/**
 * A node whose map says that it alone is a majority first queries its start addresses for a newer
 * map. Its folder may be a copy from before other nodes joined.
 */

import { LIFE_LIMITS } from '../node/limits.ts';
import type { ClientConnection } from '../transport/client-connection.ts';
import { WebDialler } from '../transport/web-dialler.ts';
import { askForMap } from './peer-discovery.ts';

interface EnquiryOptions {
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
  readonly #sockets = new WebDialler();
  /** Addresses that have not answered. */
  readonly #silent: Set<string>;
  readonly #lines = new Map<string, ClientConnection>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: EnquiryOptions) {
    this.#options = options;
    this.#silent = new Set(options.urls);
  }

  /** Queries until all have answered or the node no longer waits. */
  start(): void {
    if (!this.#options.isWanted()) return this.stop();
    for (const url of this.#silent) if (!this.#lines.has(url)) this.#ask(url);
    this.#timer = setTimeout(() => this.start(), LIFE_LIMITS.enquiryPauseMilliseconds);
  }

  /** Twice is once. */
  stop(): void {
    clearTimeout(this.#timer);
    for (const line of this.#lines.values()) line.close();
    this.#lines.clear();
    this.#sockets.close();
  }

  #ask(url: string): void {
    const { cluster, onMap } = this.#options;
    const line = askForMap({
      sockets: this.#sockets,
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
