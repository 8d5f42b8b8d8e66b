/** Limits on incoming sockets by kind, so that a flood of one kind does not block the others. */

export interface ConnectionBounds {
  readonly clientsMax: number;
  /** Sockets with a plain HTTP request, or with no request yet. */
  readonly plainMax: number;
}

/** `Raw`: a socket that can be closed. */
export class ConnectionLimits<Raw extends { destroy(): unknown }> {
  readonly #limits: ConnectionBounds;
  /** In order of arrival. */
  readonly #plain = new Set<Raw>();
  #clients = 0;

  constructor(limits: ConnectionBounds) {
    this.#limits = limits;
  }

  get clients(): number {
    return this.#clients;
  }

  /** Adds an idle socket. Above the limit the oldest is closed, so a new one is always served. */
  arrive(raw: Raw): void {
    const [oldest] = this.#plain;
    if (oldest !== undefined && this.#plain.size >= this.#limits.plainMax) {
      this.#plain.delete(oldest);
      oldest.destroy();
    }
    this.#plain.add(raw);
  }

  leave(raw: Raw): void {
    this.#plain.delete(raw);
  }

  /** The socket sends an upgrade request. */
  knock(raw: Raw): void {
    this.#plain.delete(raw);
  }

  get isFull(): boolean {
    return this.#clients >= this.#limits.clientsMax;
  }

  /** Counts a connected client; call the result when it disconnects. */
  enter(): () => void {
    this.#clients += 1;
    let isIn = true;
    return () => {
      if (isIn) this.#clients -= 1;
      isIn = false;
    };
  }
}
