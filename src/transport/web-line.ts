/** One WebSocket behind the `Socket` port: bounded, binary, without uncaught errors. */

import type { Socket as RawSocket } from 'node:net';
import type { RawData, WebSocket } from 'ws';
import { WIRE_LIMITS } from '../base/limits.ts';
import { TRANSPORT_LIMITS } from '../base/transport-limits.ts';
import type { NodeName } from '../certificates/node-name.ts';
import type { UserHolder } from '../certificates/reading.ts';
import { type CloseFrame, closeReasonOf } from '../wire/close-reason.ts';
import { FrameMeter } from './frame-meter.ts';
import type { Socket, SocketListener } from './sockets.ts';
import { holderOn } from './tls.ts';
import { dialFault } from './tls-fault.ts';

/**
 * Options of both sides of every WebSocket. Own frames have one fragment, so the bound on fragments
 * is small. An unanswered close ends within `closeTimeout`.
 */
export const WEB_SOCKET_OPTIONS = {
  perMessageDeflate: false,
  maxPayload: WIRE_LIMITS.frameBytesMax,
  maxFragments: TRANSPORT_LIMITS.fragmentsMax,
  maxBufferedChunks: TRANSPORT_LIMITS.chunksMax,
  skipUTF8Validation: true,
  closeTimeout: 1000,
} as const;

/** Of a frame without content: a sign of life. */
const PONG_BYTES = 2;

interface WebLineOptions {
  /** For logs. */
  readonly address: string;
  /** Receives the bytes of the incomplete frame; 0 once it is complete or the socket is closed. */
  readonly onUnfinished?: (line: WebLine, bytes: number) => void;
}

/**
 * Frames of one turn are written together: the first one corks the raw socket, and a microtask
 * after the sending callback uncorks it, unless `flush` did so before.
 */
export class WebLine implements Socket {
  readonly address: string;
  readonly #web: WebSocket;
  readonly #meter = new FrameMeter();
  readonly #onUnfinished: (line: WebLine, bytes: number) => void;
  /** The last reported value. */
  #unfinished = 0;
  #certificate: ReturnType<typeof holderOn> = {};
  /** Undefined where the runtime keeps it to itself, as Bun does. */
  #raw: RawSocket | undefined;
  #isOpen = false;
  /** What came in, as far as it shows without the raw socket. */
  #heard = 0;
  #listener: SocketListener | undefined;
  #hasSpoken = false;
  #isCorked = false;

  constructor(web: WebSocket, { address, onUnfinished = () => {} }: WebLineOptions) {
    this.address = address;
    this.#web = web;
    this.#onUnfinished = onUnfinished;
    web.on('message', (data, isBinary) => this.#hear(data, isBinary));
    web.on('pong', () => {
      this.#heard += PONG_BYTES;
    });
    web.on('error', (cause) => this.#end({ code: 1006, text: dialFault(cause) }));
    web.on('close', (code, text) => this.#end({ code, text: text.toString('latin1') }));
  }

  get bytesReceived(): number {
    return this.#raw?.bytesRead ?? this.#heard;
  }

  get holder(): NodeName | undefined {
    return this.#certificate.holder;
  }

  get user(): UserHolder | undefined {
    return this.#certificate.user;
  }

  get certificate(): string | undefined {
    return this.#certificate.certificate;
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

  /** The raw socket is connected and has its listeners: sending works from now on. */
  open(raw: RawSocket | undefined): void {
    this.#isOpen = true;
    this.#raw = raw;
    this.#certificate = holderOn(raw);
    raw?.on('data', this.#watch);
    this.#listener?.onOpen();
  }

  send(bytes: Uint8Array): void {
    const raw = this.#raw;
    if (!this.#isOpen || this.#web.readyState !== this.#web.OPEN) return;
    if (raw !== undefined && !this.#isCorked) {
      this.#isCorked = true;
      raw.cork();
      queueMicrotask(() => this.flush());
    }
    this.#web.send(bytes);
  }

  flush(): void {
    if (!this.#isCorked) return;
    this.#isCorked = false;
    this.#raw?.uncork();
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
    // The rest of an incomplete frame is not awaited, and nothing more is read.
    if (this.#unfinished > 0) this.#web.pause();
  }

  /** Destroys the socket without a close handshake. */
  terminate(): void {
    this.#listener = undefined;
    this.#web.terminate();
  }

  /** Closes the socket because the budget for incomplete frames is exhausted. */
  makeRoom(): void {
    const text = `no memory for an incomplete frame of ${this.#unfinished} bytes; retry later`;
    this.#giveUp(closeReasonOf('crowded', text));
    // The received bytes stay in memory until the socket is closed, so the close is not awaited.
    this.#raw?.destroySoon();
  }

  /** Runs after the WebSocket has processed the chunk. */
  readonly #watch = (chunk: Uint8Array): void => {
    this.#meter.take(chunk);
    const { unfinished } = this.#meter;
    if (!this.#hasSpoken && unfinished > WIRE_LIMITS.helloBytesMax) {
      const text = `the hello exceeds ${WIRE_LIMITS.helloBytesMax} bytes`;
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
      this.#giveUp(closeReasonOf('text-frame', 'received a text frame; frames are binary'));
    } else if (data instanceof Buffer && data.length > 0) {
      this.#heard += data.length;
      // A plain Uint8Array: `slice` of a Buffer would share memory instead of copying.
      this.#listener?.onFrame(new Uint8Array(data.buffer, data.byteOffset, data.length));
    } else {
      this.#giveUp(
        closeReasonOf('empty-frame', 'received an empty frame; a frame has at least one byte'),
      );
    }
  }

  /** The node refused the upgrade. */
  refused(text: string): void {
    this.#end({ code: 1006, text });
    this.#web.terminate();
  }

  #giveUp(closeReason: CloseFrame): void {
    this.#web.close(closeReason.code, closeReason.text);
    // Reading stops; an unanswered close ends within the timeout.
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
