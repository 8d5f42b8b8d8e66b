/**
 * Bounds the bytes of incomplete frames over all sockets of one endpoint. Above the bound the
 * socket with the largest incomplete frame is closed, so that small frames are not affected.
 */

export class ReceiveBudget<Receiver> {
  readonly #bytesMax: number;
  readonly #unfinished = new Map<Receiver, number>();
  #bytes = 0;

  constructor({ bytesMax }: { readonly bytesMax: number }) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Sets the incomplete bytes of a socket; 0 once its frame is whole or the socket is closed. */
  note(receiver: Receiver, unfinished: number): void {
    this.#bytes += unfinished - (this.#unfinished.get(receiver) ?? 0);
    if (unfinished === 0) this.#unfinished.delete(receiver);
    else this.#unfinished.set(receiver, unfinished);
  }

  /** The socket to close, if the bound is exceeded. */
  get excess(): Receiver | undefined {
    if (this.#bytes <= this.#bytesMax) return undefined;
    let largest: Receiver | undefined;
    let bytes = 0;
    for (const [receiver, unfinished] of this.#unfinished) {
      if (unfinished <= bytes) continue;
      largest = receiver;
      bytes = unfinished;
    }
    return largest;
  }
}
