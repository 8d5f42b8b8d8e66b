/** One end of a socket in memory: what it sends travels its path in order, or ends there. */

import { assert } from '../base/assert.ts';
import { WIRE_LIMITS } from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import type { Socket, SocketListener } from '../transport/sockets.ts';
import type { CloseFrame } from '../wire/close-reason.ts';

/** Virtual time, as the simulator keeps it. `after` runs nothing at once. */
export interface MemoryTime {
  readonly now: number;
  after(milliseconds: number, run: () => void): void;
}

export interface Trouble {
  /** A delay is drawn between these, in milliseconds; order within a socket is kept. */
  delayMin: number;
  delayMax: number;
  /** For each frame, that the stream breaks right there. */
  tearChance: number;
  /** Of broken streams, how many are noticed before the silence is. */
  noticeChance: number;
  /** What the path carries, for all sockets together: bytes wait for those before them. */
  bytesPerMillisecond: number;
}

/** One direction between two hosts, for all sockets. */
export interface Path {
  readonly trouble: Trouble;
  isCut: boolean;
  isStalled: boolean;
  /** Grows with every cut: what left under an earlier number does not arrive. */
  cuts: number;
  /** When all that was sent so far has left the sender, for it takes its time. */
  freeAt: number;
}

interface MemoryEndOptions {
  readonly address: string;
  readonly path: Path;
  readonly time: MemoryTime;
  readonly random: Random;
  readonly onOver: (end: MemoryEnd) => void;
  /** The process stands still. */
  readonly isHeld: () => boolean;
}

type Parcel = { readonly cuts: number } & (
  | { readonly type: 'frame'; readonly bytes: Uint8Array }
  | { readonly type: 'ping' }
  | { readonly type: 'pong' }
  | { readonly type: 'close'; readonly closeReason: CloseFrame }
);

const CONTROL_BYTES = 6;
const NOTICE_MILLISECONDS_MAX = 500;

export class MemoryEnd implements Socket {
  readonly address: string;
  readonly #options: MemoryEndOptions;
  #listener: SocketListener | undefined;
  #partner: MemoryEnd | undefined;
  /** On their way, in the order in which they left. */
  #parcels: Parcel[] = [];
  /** How many of them are due, and wait only because the other side reads nothing. */
  #due = 0;
  #lastAt = 0;
  /** Nothing that is sent arrives any more, and neither side has noticed. */
  #isTorn = false;
  #isPaused = false;
  bytesReceived = 0;
  /** Frames arrive as a whole. */
  readonly bytesUnfinished = 0;
  bytesBuffered = 0;

  constructor(options: MemoryEndOptions) {
    this.#options = options;
    this.address = options.address;
  }

  /** What is sent to it waits with the sender. */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  get isOver(): boolean {
    return this.#listener === undefined;
  }

  listen(listener: SocketListener): void {
    this.#listener = listener;
  }

  join(partner: MemoryEnd): void {
    this.#partner = partner;
    partner.#partner = this;
  }

  open(): void {
    this.#listener?.onOpen();
  }

  send(bytes: Uint8Array): void {
    assert(bytes.length <= WIRE_LIMITS.frameBytesMax, 'a frame is within its limit');
    if (this.isOver || this.#partner === undefined) return;
    this.bytesBuffered += bytes.length;
    this.#post({ type: 'frame', bytes, cuts: this.#options.path.cuts });
  }

  /** Each frame leaves when it is sent. */
  flush(): void {}

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#options.time.after(0, () => this.#partner?.land());
  }

  ping(): void {
    if (!this.isOver) this.#post({ type: 'ping', cuts: this.#options.path.cuts });
  }

  close(closeReason: CloseFrame): void {
    if (this.isOver) return;
    this.#over();
    this.#post({ type: 'close', closeReason, cuts: this.#options.path.cuts });
  }

  /** What is due and was held up. */
  land(): void {
    const { path } = this.#options;
    while (this.#due > 0 && !path.isStalled && this.#partner?.isPaused !== true) {
      const parcel = this.#parcels.shift();
      if (parcel === undefined) return;
      this.#due -= 1;
      if (parcel.cuts !== path.cuts || path.isCut) this.#tear();
      else this.#deliver(parcel);
    }
  }

  /** The listener hears the end, if it has not yet. */
  end(closeReason: CloseFrame): void {
    const listener = this.#listener;
    this.#over();
    listener?.onClosed(closeReason);
  }

  /** Both ends hear that the stream is broken. */
  break(text: string): void {
    this.#isTorn = true;
    const partner = this.#partner;
    this.end({ code: 1006, text });
    partner?.end({ code: 1006, text });
  }

  /** The process of this end is gone; its system tells the other one, if it can. */
  die(): void {
    const { path, random, time } = this.#options;
    this.#over();
    this.#isTorn = true;
    this.#parcels = [];
    const partner = this.#partner;
    time.after(delayOn(path, random), () => {
      if (!path.isCut) partner?.end({ code: 1006, text: 'connection reset' });
    });
  }

  #over(): void {
    this.#listener = undefined;
    this.#options.onOver(this);
  }

  #post(parcel: Parcel): void {
    const { path, random, time } = this.#options;
    if (this.#isTorn || this.#partner === undefined) return;
    const { tearChance } = path.trouble;
    if (path.isCut || (tearChance > 0 && random.chance(tearChance))) {
      this.#tear();
      return;
    }
    this.#parcels.push(parcel);
    const bytes = parcel.type === 'frame' ? parcel.bytes.length : CONTROL_BYTES;
    path.freeAt = Math.max(time.now, path.freeAt) + bytes / path.trouble.bytesPerMillisecond;
    this.#lastAt = Math.max(path.freeAt + delayOn(path, random), this.#lastAt);
    // Moments of one instant may come in any order, so each lands whatever left first.
    time.after(this.#lastAt - time.now, () => {
      this.#due += 1;
      this.land();
    });
  }

  #tear(): void {
    const { path, random, time } = this.#options;
    this.#isTorn = true;
    this.#parcels = [];
    if (!random.chance(path.trouble.noticeChance)) return;
    time.after(random.between(1, NOTICE_MILLISECONDS_MAX), () => this.break('connection reset'));
  }

  #deliver(parcel: Parcel): void {
    const partner = this.#partner;
    if (parcel.type === 'frame') this.bytesBuffered -= parcel.bytes.length;
    partner?.arrive(parcel);
  }

  arrive(parcel: Parcel): void {
    this.bytesReceived += parcel.type === 'frame' ? parcel.bytes.length : CONTROL_BYTES;
    if (parcel.type === 'frame') this.#listener?.onFrame(parcel.bytes);
    else if (parcel.type === 'close') this.end(parcel.closeReason);
    else if (parcel.type === 'ping' && !this.isOver && !this.#options.isHeld()) {
      this.#post({ type: 'pong', cuts: this.#options.path.cuts });
    }
  }
}

export function delayOn({ trouble }: Path, random: Random): number {
  const { delayMin, delayMax } = trouble;
  return delayMin + random.fraction() * (delayMax - delayMin);
}
