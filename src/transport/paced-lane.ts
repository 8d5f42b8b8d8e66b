/**
 * The send side of one lane to a peer. Urgent frames leave at once. Frames of streams queue here,
 * not in the system, for a congestion window; large frames are split, and streams take turns, so
 * that neither a large frame nor a busy stream delays the others.
 */

import { assert } from '../base/assert.ts';
import type { TransportLimits } from '../base/transport-limits.ts';
import { SendWindow } from './lane-window.ts';
import { encodeMark, encodePiece, isPlain, PieceReader } from './pieces.ts';
import type { Socket } from './sockets.ts';
import type { LaneRoom } from './transport.ts';

interface PacedLineOptions {
  readonly socket: Socket;
  readonly limits: TransportLimits;
  /** Bound on bytes queued here and in the socket. A lane with an empty queue accepts any frame. */
  readonly bytesMax: number;
  readonly now: () => number;
}

interface Waiting {
  readonly frame: Uint8Array;
  /** Bytes of the frame that have been sent. */
  at: number;
}

/** A lane that is down: frames are dropped, so nothing queues. */
export const LANE_DOWN: LaneRoom = { now: 0, soon: Number.POSITIVE_INFINITY };

/** Of a window that is large. */
const PIECES_PER_WINDOW = 16;

export class PacedLane {
  readonly #options: PacedLineOptions;
  readonly #window: SendWindow;
  readonly #reader: PieceReader;
  /** Queued frames per stream, oldest first. The streams are in the order of their turns. */
  readonly #waiting = new Map<number, Waiting[]>();
  #waitingBytes = 0;

  constructor(options: PacedLineOptions) {
    this.#options = options;
    const { limits, now } = options;
    this.#window = new SendWindow(limits, now());
    this.#reader = new PieceReader({ bytesMax: limits.piecesBytesMax });
  }

  get buffered(): number {
    return this.#waitingBytes + this.#options.socket.bytesBuffered;
  }

  get room(): LaneRoom {
    const room = this.#window.roomAt(this.#options.now());
    return {
      now: this.#waiting.size === 0 ? room : 0,
      soon: Math.max(2 * this.#window.bytes - this.#waitingBytes, 0),
    };
  }

  /** False if the frame was dropped because the queue is full. A stream keeps its order. */
  send(frame: Uint8Array, stream: number | undefined): boolean {
    const { buffered } = this;
    if (buffered > 0 && buffered + frame.length > this.#options.bytesMax) return false;
    if (stream === undefined && isPlain(frame)) {
      this.#write(frame);
      this.#mark();
      return true;
    }
    const queue = this.#waiting.get(stream ?? 0);
    const waiting = { frame, at: 0 };
    if (queue === undefined) this.#waiting.set(stream ?? 0, [waiting]);
    else queue.push(waiting);
    this.#waitingBytes += frame.length;
    this.#pump();
    return true;
  }

  /**
   * Takes a frame from the socket and returns the whole frame that it is or completes. `malformed`:
   * no peer sends such a frame. `drained`: the send queue is empty again.
   */
  take(bytes: Uint8Array): Uint8Array | 'malformed' | 'drained' | undefined {
    const part = this.#reader.take(bytes);
    switch (part.type) {
      case 'frame':
        return part.bytes;
      case 'piece':
        return undefined;
      case 'malformed':
        return 'malformed';
      case 'mark':
        // An answer is not counted, like a mark: it needs no answer, so it must not fill the
        // window.
        this.#options.socket.send(encodeMark('answer', part.number));
        return undefined;
      case 'answer': {
        if (!this.#window.answered(part.number, this.#options.now())) return 'malformed';
        const hadWaiting = this.#waiting.size > 0;
        this.#pump();
        return hadWaiting && this.#waiting.size === 0 ? 'drained' : undefined;
      }
    }
  }

  #pump(): void {
    while (this.#waiting.size > 0 && this.#window.roomAt(this.#options.now()) > 0) {
      const [stream, queue] = this.#waiting.entries().next().value as [number, Waiting[]];
      this.#waiting.delete(stream);
      const first = queue[0] as Waiting;
      this.#sendPiece(stream, first);
      if (first.at === first.frame.length) queue.shift();
      // The stream moves to the end of the queue.
      if (queue.length > 0) this.#waiting.set(stream, queue);
      this.#mark();
    }
    // The window may have shrunk below the bytes in flight.
    this.#mark();
    assert(
      this.#waiting.size === 0 || this.#window.isAwaited,
      'a queued frame waits for an answer',
    );
  }

  #sendPiece(stream: number, waiting: Waiting): void {
    const { frame, at } = waiting;
    const to = Math.min(at + this.#pieceBytes, frame.length);
    const isLast = to === frame.length;
    const isWhole = at === 0 && isLast && isPlain(frame);
    this.#waitingBytes -= to - at;
    waiting.at = to;
    this.#write(isWhole ? frame : encodePiece(stream, frame.subarray(at, to), { isLast }));
  }

  /**
   * Each piece is a copy and a frame of its own, so a path that carries more gets longer ones. What
   * is behind one waits for a small part of what may be in flight, whatever the path is.
   */
  get #pieceBytes(): number {
    const { pieceBytesMax } = this.#options.limits;
    return Math.max(pieceBytesMax, Math.floor(this.#window.bytes / PIECES_PER_WINDOW));
  }

  #write(bytes: Uint8Array): void {
    const { socket, now } = this.#options;
    this.#window.left(bytes.length, now());
    socket.send(bytes);
  }

  #mark(): void {
    const { socket, now } = this.#options;
    const number = this.#window.takeMark(now());
    if (number !== undefined) socket.send(encodeMark('mark', number));
  }
}
