/**
 * Follows the frames of a WebSocket by their headers (RFC 6455 §5.2), beside their reader: how
 * much has arrived of an incomplete message. It enforces nothing; the reader refuses protocol
 * errors.
 */

const FINAL = 0x80;
const MASKED = 0x80;
const LENGTH = 0x7f;
const LENGTH_16 = 126;
const LENGTH_64 = 127;
/** Opcodes from here on are control frames, which may occur between fragments of a message. */
const CONTROL = 0x08;
const CODE = 0x0f;
const HEADER_BYTES_MIN = 2;
const MASK_BYTES = 4;
const WORD = 0x1_0000_0000;

export class FrameMeter {
  /** Bytes received of the incomplete message. */
  unfinished = 0;
  /** The bytes of an incomplete header; empty within a frame. */
  #header: number[] = [];
  /** Missing bytes of the current frame. */
  #left = 0;

  take(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#left === 0) {
        this.#header.push(chunk[at] as number);
        at += 1;
        if (this.#header.length === headerBytesOf(this.#header)) this.#begin();
        continue;
      }
      const taken = Math.min(this.#left, chunk.length - at);
      at += taken;
      this.#left -= taken;
      if (!this.#isControl) this.unfinished += taken;
      if (this.#left === 0) this.#end();
    }
  }

  #begin(): void {
    this.#left = payloadBytesOf(this.#header);
    if (this.#left === 0) this.#end();
  }

  #end(): void {
    const isFinal = ((this.#header[0] as number) & FINAL) !== 0;
    if (isFinal && !this.#isControl) this.unfinished = 0;
    this.#header = [];
  }

  get #isControl(): boolean {
    return ((this.#header[0] as number) & CODE) >= CONTROL;
  }
}

/** Known after the second byte. */
function headerBytesOf([, second]: readonly number[]): number {
  if (second === undefined) return Number.POSITIVE_INFINITY;
  const length = second & LENGTH;
  const more = length === LENGTH_16 ? 2 : length === LENGTH_64 ? 8 : 0;
  return HEADER_BYTES_MIN + more + ((second & MASKED) === 0 ? 0 : MASK_BYTES);
}

function payloadBytesOf(header: readonly number[]): number {
  const length = (header[1] as number) & LENGTH;
  if (length < LENGTH_16) return length;
  if (length === LENGTH_16) return numberAt(header, 2, 2);
  return numberAt(header, 2, 4) * WORD + numberAt(header, 6, 4);
}

function numberAt(header: readonly number[], from: number, bytes: number): number {
  let number = 0;
  for (const byte of header.slice(from, from + bytes)) number = number * 0x100 + byte;
  return number;
}
