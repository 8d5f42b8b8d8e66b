/** A client core in a network that delays, breaks and repeats. */

import type { NodeId } from '../../../src/base/ids.ts';
import type { Random } from '../../../src/base/random.ts';
import type { Balance } from '../../../src/client/core/balance.ts';
import type { Call } from '../../../src/client/core/call.ts';
import type { KeptLease } from '../../../src/client/core/coordination/kept-lease.ts';
import { Core } from '../../../src/client/core/core.ts';
import type { ClientEvent } from '../../../src/client/core/port.ts';
import type { Scan } from '../../../src/client/core/scan.ts';
import { decodeRequests, encodeRequests, type Request } from '../../../src/wire/request.ts';
import { encodeResponses, type Response } from '../../../src/wire/response.ts';
import type { ModelCluster } from './cluster.ts';
import { urlOf } from './map.ts';
import type { World } from './world.ts';

export interface Links {
  readonly delayMax: number;
  /** Chance that a dial is refused. */
  readonly refusal: number;
  /** Chance that a frame of writes comes again, late, with no client to receive the answer. */
  readonly echo: number;
}

interface Link {
  readonly number: number;
  readonly node: number;
  isUp: boolean;
  /** Frames arrive in the order in which they were sent. */
  clientToNodeAt: number;
  nodeToClientAt: number;
}

const TICK = 10;

export class ClientHost {
  readonly core: Core;
  readonly #world: World;
  readonly #random: Random;
  readonly #cluster: Pick<ModelCluster, 'serve'>;
  readonly #links: Links;
  readonly #open = new Map<number, Link>();
  /** The client's monotone clock: its rate, and its jumps so far. */
  readonly #rate: number;
  #jumped = 0;
  #wallJumped = 0;
  #heldUntil = 0;
  #isFlushing = false;
  #isTicking = false;

  constructor(options: {
    readonly world: World;
    readonly random: Random;
    readonly cluster: Pick<ModelCluster, 'serve'>;
    readonly links: Links;
    readonly client: Uint8Array;
    readonly clockRate: number;
    readonly balance: Balance;
  }) {
    const { world, random, cluster, links, client, balance } = options;
    this.#world = world;
    this.#random = random;
    this.#cluster = cluster;
    this.#links = links;
    this.#rate = options.clockRate;
    this.core = new Core({
      port: {
        dial: (number, url) => this.#dial(number, url),
        hangUp: (number) => this.#drop(number),
        send: (number, bytes) => this.#send(number, bytes),
      },
      urls: [urlOf(1), urlOf(2)],
      client,
      random: random.fork('core'),
      balance,
      now: this.clock,
    });
  }

  get clock(): number {
    return this.#world.now * this.#rate + this.#jumped;
  }

  jump(milliseconds: number): void {
    this.#jumped += milliseconds;
  }

  call(call: Call): void {
    this.#step({ type: 'call', call, now: this.clock });
    this.#wake();
  }

  abort(call: Call): void {
    this.#step({ type: 'abort', call });
    this.#wake();
  }

  endScan(scan: Scan): void {
    this.#step({ type: 'end-scan', scan });
  }

  /** One connection breaks; what was in flight may arrive at once, late or never. */
  breakLink(): void {
    const links = [...this.#open.values()].filter(({ isUp }) => isUp);
    if (links.length > 0) this.#lose(this.#random.pick(links), 'reset');
  }

  /** All connections to a node break, as in a crash. */
  breakNode(node: number): void {
    for (const link of [...this.#open.values()]) if (link.node === node) this.#lose(link, 'gone');
  }

  /** A lease is kept alive from its first use on. */
  lease(lease: KeptLease): void {
    this.#step({ type: 'lease', lease });
    this.#wake();
  }

  /** Looks at both clocks, as a program does that asks whether it still owns a lock. */
  observe(): void {
    this.core.step({ type: 'wall', now: this.clock, wall: this.#wall });
  }

  /** The loop is held: no event is taken before the time is over, and the clocks go on. */
  hold(milliseconds: number): void {
    this.#heldUntil = Math.max(this.#heldUntil, this.#world.now + milliseconds);
  }

  /** The machine sleeps: its monotone clock stands still, its wall clock goes on. */
  suspend(milliseconds: number): void {
    if (this.isHeld) return;
    this.hold(milliseconds);
    this.#world.after(milliseconds, () => this.jump(-milliseconds * this.#rate));
  }

  /** Nothing tells a program of a clock that is set back while its machine sleeps. */
  setWall(milliseconds: number): void {
    if (this.isHeld) return;
    this.#wallJumped += milliseconds;
    this.observe();
  }

  get isHeld(): boolean {
    return this.#world.now < this.#heldUntil;
  }

  get #wall(): number {
    return Math.floor(1_800_000_000_000 + this.#world.now * this.#rate + this.#wallJumped);
  }

  /** The clocks come first, so that what a lease allows is known before anything else is done. */
  #step(event: ClientEvent): void {
    const { now } = this.#world;
    if (this.isHeld) return this.#world.after(this.#heldUntil - now, () => this.#step(event));
    this.observe();
    // An event that had to wait is taken at the time at which it is taken.
    this.core.step('now' in event ? { ...event, now: this.clock } : event);
  }

  #dial(number: number, url: string): void {
    const node = Number(/node-(\d+)/.exec(url)?.[1]);
    const delay = this.#delay();
    const link: Link = { number, node, isUp: false, clientToNodeAt: 0, nodeToClientAt: 0 };
    this.#open.set(number, link);
    this.#world.after(delay, () => {
      if (!this.#open.has(number)) return;
      if (this.#random.chance(this.#links.refusal)) return this.#lose(link, 'ECONNREFUSED');
      link.isUp = true;
      const limits = { keyBytesMax: 4096, valueBytesMax: 1024 * 1024 };
      const greeting = { cluster: 'model', node: node as NodeId, limits };
      this.#step({ type: 'up', connection: number, greeting, now: this.clock });
      this.#wake();
    });
  }

  #drop(number: number): void {
    const link = this.#open.get(number);
    if (link !== undefined) link.isUp = false;
    this.#open.delete(number);
  }

  #lose(link: Link, reason: string): void {
    this.#drop(link.number);
    this.#step({ type: 'down', connection: link.number, reason, now: this.clock });
    this.#wake();
  }

  #send(number: number, bytes: Uint8Array): void {
    const link = this.#open.get(number);
    if (link === undefined || !link.isUp) return;
    const requests = decodeRequests(bytes);
    if (requests === undefined) throw new Error('the client sent an invalid frame');
    const random = this.#random;
    link.clientToNodeAt = Math.max(link.clientToNodeAt, this.#world.now + this.#delay());
    this.#world.after(link.clientToNodeAt - this.#world.now, () => {
      if (link.isUp) return this.#serve(link, requests);
      // It was in flight when the connection broke.
      const fate = random.below(3);
      if (fate === 0) return;
      const late = fate === 1 ? 0 : random.between(1, 30_000);
      this.#world.after(late, () => this.#serve(link, requests));
    });
    if (!random.chance(this.#links.echo)) return;
    const echoed = decodeRequests(encodeRequests(requests)) ?? [];
    this.#world.after(random.between(1, 60_000), () => {
      for (const request of echoed) this.#cluster.serve(link.node, request, () => {});
    });
  }

  #serve(link: Link, requests: readonly Request[]): void {
    for (const request of requests) {
      this.#cluster.serve(link.node, request, (response) => this.#answer(link, response));
    }
  }

  #answer(link: Link, response: Response): void {
    if (!link.isUp) return;
    const bytes = encodeResponses([response]);
    link.nodeToClientAt = Math.max(link.nodeToClientAt, this.#world.now + this.#delay());
    this.#world.after(link.nodeToClientAt - this.#world.now, () => {
      if (!link.isUp) return;
      this.#step({ type: 'frame', connection: link.number, bytes, now: this.clock });
      this.#wake();
    });
  }

  #delay(): number {
    return this.#random.fraction() ** 4 * this.#links.delayMax;
  }

  #wake(): void {
    if (!this.#isFlushing) {
      this.#isFlushing = true;
      this.#world.after(0, () => {
        this.#isFlushing = false;
        this.#step({ type: 'flush', now: this.clock });
        this.#startTicks();
      });
    }
    this.#startTicks();
  }

  #startTicks(): void {
    if (this.#isTicking || !this.core.isBusy) return;
    this.#isTicking = true;
    const tick = (): void => {
      this.#step({ type: 'tick', now: this.clock });
      this.#isTicking = this.core.isBusy || this.isHeld;
      if (this.#isTicking) this.#world.after(TICK, tick);
    };
    this.#world.after(TICK, tick);
  }
}
