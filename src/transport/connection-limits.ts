/** How many sockets a node takes in, by kind, so that no flood of one shuts the others out. */

export interface ConnectionBounds {
  readonly clientsMax: number;
  /** Sockets that ask for something plain, or have asked for nothing yet. */
  readonly plainMax: number;
}

/** `Raw`: what can be cut. */
export class ConnectionLimits<Raw extends { destroy(): unknown }> {
  readonly #limits: ConnectionBounds;
  /** In the order in which they came. */
  readonly #plain = new Set<Raw>();
  #clients = 0;

  constructor(limits: ConnectionBounds) {
    this.#limits = limits;
  }

  get clients(): number {
    return this.#clients;
  }

  /** One more that says nothing yet: of too many the oldest goes, so the newest is always heard. */
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

  /** It comes to a door. */
  knock(raw: Raw): void {
    this.#plain.delete(raw);
  }

  get isFull(): boolean {
    return this.#clients >= this.#limits.clientsMax;
  }

  /** A client came in; the answer is called when it is gone. */
  enter(): () => void {
    this.#clients += 1;
    let isIn = true;
    return () => {
      if (isIn) this.#clients -= 1;
      isIn = false;
    };
  }
}
