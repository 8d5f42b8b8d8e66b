/** The port to sockets in memory, on injected time, with the accidents networks are known for. */

import type { Random } from '../base/random.ts';
import type { Door, Socket, SocketListener, Sockets } from '../transport/sockets.ts';
import { delayOn, MemoryEnd, type MemoryTime, type Path, type Trouble } from './memory-end.ts';

interface MemoryNetworkOptions {
  readonly time: MemoryTime;
  readonly random: Random;
}

type Take = (socket: Socket, door: Door) => SocketListener;

interface Held {
  readonly isHeld: () => boolean;
}

interface Direction {
  readonly from: string;
  readonly to: string;
}

const NO_TROUBLE: Trouble = {
  delayMin: 0.1,
  delayMax: 1,
  tearChance: 0,
  noticeChance: 0.5,
  bytesPerMillisecond: Number.POSITIVE_INFINITY,
};

/**
 * Hosts are named by the url at which they are dialled. Trouble is per direction. As in TCP nothing
 * is lost from the middle of a stream: what a cut or a tear swallows ends the stream, and the two
 * ends learn of it some time later, or only by silence.
 */
export class MemoryNetwork {
  readonly #options: MemoryNetworkOptions;
  readonly #paths = new Map<string, Path>();
  readonly #takes = new Map<string, Take>();
  readonly #ends = new Map<string, Set<MemoryEnd>>();
  readonly #holds = new Map<string, () => boolean>();

  constructor(options: MemoryNetworkOptions) {
    this.#options = options;
  }

  /**
   * The sockets of one process at this url. After a crash another process may take its place.
   * While it stands still it answers no ping; what comes in meanwhile it has to put off itself.
   */
  host(url: string, { isHeld }: Held = { isHeld: () => false }): Sockets {
    if (!this.#ends.has(url)) this.#ends.set(url, new Set());
    this.#holds.set(url, isHeld);
    return {
      dial: (to, listener) => this.#dial({ from: url, to: to.url }, to.door, listener),
      accept: (take) => this.#takes.set(url, take),
      refuse: () => this.#takes.delete(url),
    };
  }

  /** What waits for a narrow path and has not arrived waits no longer than the new one demands. */
  disturb(direction: Direction, change: Partial<Trouble>): void {
    const path = this.#path(direction);
    Object.assign(path.trouble, change);
    if (change.bytesPerMillisecond !== undefined) path.freeAt = 0;
  }

  /** Whatever is sent from now on, or is on its way, is lost. */
  cut(direction: Direction): void {
    const path = this.#path(direction);
    path.isCut = true;
    path.cuts += 1;
  }

  restore(direction: Direction): void {
    this.#path(direction).isCut = false;
  }

  /** The receiver reads nothing; what is sent waits with the sender. */
  stall(direction: Direction): void {
    this.#path(direction).isStalled = true;
  }

  resume(direction: Direction): void {
    this.#path(direction).isStalled = false;
    for (const end of this.#endsOf(direction.from)) end.land();
  }

  /** All sockets between two hosts break, and both hear of it. */
  reset({ from, to }: Direction): void {
    for (const end of this.#endsOf(from)) if (end.address === to) end.break('connection reset');
  }

  /** The process is gone without a word; its system tells the sides that are still connected. */
  crash(url: string): void {
    this.#takes.delete(url);
    for (const end of this.#endsOf(url)) end.die();
  }

  #endsOf(url: string): readonly MemoryEnd[] {
    return [...(this.#ends.get(url) ?? [])];
  }

  #dial(direction: Direction, door: Door, listener: SocketListener): Socket {
    const { time, random } = this.#options;
    const { from, to } = direction;
    const there = this.#path(direction);
    const back = this.#path({ from: to, to: from });
    const near = this.#end(direction);
    near.listen(listener);
    const answer = (work: () => void) => {
      time.after(delayOn(back, random), () => {
        if (!back.isCut && !near.isOver) work();
      });
    };
    time.after(delayOn(there, random), () => {
      if (there.isCut || near.isOver) return;
      const take = this.#takes.get(to);
      if (take === undefined) {
        answer(() => near.end({ code: 1006, text: `no server listens at ${to}` }));
        return;
      }
      const far = this.#end({ from: to, to: from });
      near.join(far);
      far.listen(take(far, door));
      answer(() => near.open());
    });
    return near;
  }

  #end({ from, to }: Direction): MemoryEnd {
    const ends = this.#ends.get(from);
    const path = this.#path({ from, to });
    const onOver = (end: MemoryEnd) => ends?.delete(end);
    const isHeld = () => this.#holds.get(from)?.() === true;
    const end = new MemoryEnd({ address: to, path, onOver, isHeld, ...this.#options });
    ends?.add(end);
    return end;
  }

  #path({ from, to }: Direction): Path {
    const name = `${from} ${to}`;
    let path = this.#paths.get(name);
    if (path === undefined) {
      const trouble = { ...NO_TROUBLE };
      path = { trouble, isCut: false, isStalled: false, cuts: 0, freeAt: 0 };
      this.#paths.set(name, path);
    }
    return path;
  }
}
