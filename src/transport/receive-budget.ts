/**
 * What has come of frames whose end has not, over all sockets of one door. There is a bound; when
 * it is passed, the socket with the largest of them has to go, so that small ones are never hurt.
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

  /** So much has come of a frame of this one; 0 once it is whole, or the socket is gone. */
  note(receiver: Receiver, unfinished: number): void {
    this.#bytes += unfinished - (this.#unfinished.get(receiver) ?? 0);
    if (unfinished === 0) this.#unfinished.delete(receiver);
    else this.#unfinished.set(receiver, unfinished);
  }

  /** The one that has to go, if one has to. */
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
