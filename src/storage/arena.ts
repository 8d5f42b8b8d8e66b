/** Small byte strings cut from larger ones: an allocation of its own costs several times more. */

const SLAB_BYTES = 64 * 1024;
const SHARED_BYTES_MAX = 4096;

export class Arena {
  #slab: ArrayBufferLike = new ArrayBuffer(0);
  #at = 0;

  /** Bytes of the caller's own, with anything in them. */
  take(length: number): Uint8Array {
    if (length > SHARED_BYTES_MAX) return new Uint8Array(length);
    if (this.#at + length > this.#slab.byteLength) {
      this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES).buffer;
      this.#at = 0;
    }
    const at = this.#at;
    this.#at += length;
    return new Uint8Array(this.#slab, at, length);
  }
}
