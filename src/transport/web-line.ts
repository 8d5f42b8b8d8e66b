/** One WebSocket as the port to sockets wants it: bounded, binary, and never an uncaught error. */

import type { Socket as RawSocket } from 'node:net';
import type { RawData, WebSocket } from 'ws';
import { WIRE_LIMITS } from '../base/limits.ts';
import { TRANSPORT_LIMITS } from '../base/transport-limits.ts';
import { type CloseFrame, closeReasonOf } from '../wire/close-reason.ts';
import { FrameMeter } from './frame-meter.ts';
import type { Socket, SocketListener } from './sockets.ts';

/**
 * What both sides of every WebSocket keep to. Frames of our own come in one piece, so the bound on
 * pieces is small. A close that is not answered ends within `closeTimeout`.
 */
export const WEB_SOCKET_OPTIONS = {
  perMessageDeflate: false,
  maxPayload: WIRE_LIMITS.frameBytesMax,
  maxFragments: TRANSPORT_LIMITS.fragmentsMax,
  maxBufferedChunks: TRANSPORT_LIMITS.chunksMax,
  skipUTF8Validation: true,
  closeTimeout: 1000,
} as const;

interface WebLineOptions {
  /** For logs. */
  readonly address: string;
  /** So much has come of a frame whose end has not; 0 once it has, or never will. */
  readonly onUnfinished?: (line: WebLine, bytes: number) => void;
}

/**
 * Frames of one turn leave in one write: the first one corks the raw socket, and a microtask, which
 * runs when the callback that sends is done, uncorks it.
 */
export class WebLine implements Socket {
  readonly address: string;
  readonly #web: WebSocket;
  readonly #meter = new FrameMeter();
  readonly #onUnfinished: (line: WebLine, bytes: number) => void;
  /** As it was told last. */
  #unfinished = 0;
  #raw: RawSocket | undefined;
  #listener: SocketListener | undefined;
  #hasSpoken = false;
  #isCorked = false;

  constructor(web: WebSocket, { address, onUnfinished = () => {} }: WebLineOptions) {
    this.address = address;
    this.#web = web;
    this.#onUnfinished = onUnfinished;
    web.on('message', (data, isBinary) => this.#hear(data, isBinary));
    web.on('error', (cause) => this.#end({ code: 1006, text: cause.message }));
    web.on('close', (code, text) => this.#end({ code, text: text.toString('latin1') }));
  }

  get bytesReceived(): number {
    return this.#raw?.bytesRead ?? 0;
  }

  get bytesUnfinished(): number {
    return this.#meter.unfinished;
  }

  get bytesBuffered(): number {
    return this.#web.bufferedAmount;
  }

  listen(listener: SocketListener): void {
    this.#listener = listener;
  }

  /** The socket under it is there and has its listeners: from now on it can send. */
  open(raw: RawSocket): void {
    this.#raw = raw;
    raw.on('data', this.#watch);
    this.#listener?.onOpen();
  }

  send(bytes: Uint8Array): void {
    const raw = this.#raw;
    if (raw === undefined || this.#web.readyState !== this.#web.OPEN) return;
    if (!this.#isCorked) {
      this.#isCorked = true;
      raw.cork();
      queueMicrotask(() => {
        this.#isCorked = false;
        raw.uncork();
      });
    }
    this.#web.send(bytes);
  }

  pause(): void {
    this.#web.pause();
  }

  resume(): void {
    this.#web.resume();
  }

  ping(): void {
    if (this.#web.readyState === this.#web.OPEN) this.#web.ping();
  }

  close({ code, text }: CloseFrame): void {
    this.#listener = undefined;
    this.#web.close(code, text);
    // Half of a frame is not waited for, and nothing more is read.
    if (this.#unfinished > 0) this.#web.pause();
  }

  /** Without a word, and without waiting for one. */
  terminate(): void {
    this.#listener = undefined;
    this.#web.terminate();
  }

  /** The node has no room for what has come of its frame. */
  makeRoom(): void {
    const text = `no room for half of a frame of ${this.#unfinished} bytes; send it again later`;
    this.#giveUp(closeReasonOf('crowded', text));
    // What came is held until the socket is gone, so its answer to the farewell is not waited for.
    this.#raw?.destroySoon();
  }

  /** Runs after WebSocket has seen the chunk. */
  readonly #watch = (chunk: Uint8Array): void => {
    this.#meter.take(chunk);
    const { unfinished } = this.#meter;
    if (!this.#hasSpoken && unfinished > WIRE_LIMITS.helloBytesMax) {
      const text = `a hello has at most ${WIRE_LIMITS.helloBytesMax} bytes`;
      this.#giveUp(closeReasonOf('frame-too-large', text));
    }
    if (unfinished !== this.#unfinished) this.#tellUnfinished(unfinished);
  };

  #tellUnfinished(bytes: number): void {
    this.#unfinished = bytes;
    this.#onUnfinished(this, bytes);
  }

  #hear(data: RawData, isBinary: boolean): void {
    this.#hasSpoken = true;
    if (!isBinary) {
      this.#giveUp(closeReasonOf('text-frame', 'frames are binary'));
    } else if (data instanceof Buffer && data.length > 0) {
      // A plain view: `slice` of a Buffer shares memory where that of a Uint8Array copies.
      this.#listener?.onFrame(new Uint8Array(data.buffer, data.byteOffset, data.length));
    } else {
      this.#giveUp(closeReasonOf('empty-frame', 'a frame has at least one byte'));
    }
  }

  /** It was dialled, and is not let in. */
  refused(text: string): void {
    this.#end({ code: 1006, text });
    this.#web.terminate();
  }

  #giveUp(closeReason: CloseFrame): void {
    this.#web.close(closeReason.code, closeReason.text);
    // Nothing more is read of it; without an answer to the close it ends within the timeout.
    this.#web.pause();
    this.#end(closeReason);
  }

  #end(closeReason: CloseFrame): void {
    this.#raw?.off('data', this.#watch);
    if (this.#unfinished > 0) this.#tellUnfinished(0);
    const listener = this.#listener;
    this.#listener = undefined;
    listener?.onClosed(closeReason);
  }
}
