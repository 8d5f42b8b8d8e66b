/** A client in a network that delays and cuts. Its watches are made by others. */

import { ok } from 'node:assert/strict';
import type { NodeId } from '../../../src/base/ids.ts';
import type { Random } from '../../../src/base/random.ts';
import { Core } from '../../../src/client/core/core.ts';
import type { ClientEvent, WatchNotice } from '../../../src/client/core/port.ts';
import { decodeRequests } from '../../../src/wire/request.ts';
import { encodeResponses, type Response } from '../../../src/wire/response.ts';
import { urlOf } from './map.ts';
import type { WatchNodes } from './watch-nodes.ts';
import type { World } from './world.ts';

interface ClientOptions {
  readonly world: World;
  readonly random: Random;
  readonly nodes: WatchNodes;
}

let links = 0;

export class WatchClient {
  readonly #options: ClientOptions;
  readonly #core: Core;
  readonly #links = new Map<number, { readonly node: number; readonly link: number; at: number }>();
  readonly notices: WatchNotice['type'][] = [];

  constructor(options: ClientOptions) {
    const { world, random } = options;
    this.#options = options;
    this.#core = new Core({
      port: {
        dial: (connection, url) => this.#dial(connection, url),
        hangUp: (connection) => this.#drop(connection),
        send: (connection, bytes) => this.#send(connection, bytes),
        watched: ({ type }) => this.notices.push(type),
      },
      urls: [urlOf(1), urlOf(2)],
      client: new Uint8Array(16).fill(7),
      random: random.fork('core'),
      balance: 'round-robin',
      now: world.now,
    });
  }

  get now(): number {
    return this.#options.world.now;
  }

  tick(): void {
    this.step({ type: 'tick', now: this.now });
  }

  cut(): void {
    const all = [...this.#links.keys()];
    if (all.length > 0) this.#lose(this.#options.random.pick(all), 'reset');
  }

  end(): void {
    this.#core.step({ type: 'close', why: { code: 'closed', message: '' } });
    for (const { link } of this.#links.values()) this.#options.nodes.cut(link);
  }

  step(event: ClientEvent): void {
    this.#core.step(event);
    this.#core.step({ type: 'flush', now: this.now });
  }

  #dial(connection: number, url: string): void {
    const { world, random } = this.#options;
    const node = Number(/node-(\d+)/.exec(url)?.[1]);
    links += 1;
    this.#links.set(connection, { node, link: links, at: 0 });
    world.after(random.below(30), () => {
      if (!this.#links.has(connection)) return;
      if (random.chance(0.1)) return this.#lose(connection, 'ECONNREFUSED');
      const limits = { keyBytesMax: 4096, valueBytesMax: 1024 * 1024 };
      const greeting = { cluster: 'model', node: node as NodeId, limits };
      this.step({ type: 'up', connection, greeting, now: world.now });
    });
  }

  #drop(connection: number): void {
    const link = this.#links.get(connection)?.link;
    if (link !== undefined) this.#options.nodes.cut(link);
    this.#links.delete(connection);
  }

  #lose(connection: number, reason: string): void {
    if (!this.#links.has(connection)) return;
    this.#drop(connection);
    this.step({ type: 'down', connection, reason, now: this.#options.world.now });
  }

  #send(connection: number, bytes: Uint8Array): void {
    const { world, random, nodes } = this.#options;
    const requests = decodeRequests(bytes.slice());
    ok(requests !== undefined, 'the client sends valid frames');
    world.after(random.below(5), () => {
      const link = this.#links.get(connection);
      if (link === undefined) return;
      for (const request of requests) {
        nodes.serve(link.link, link.node, request, (response) => {
          this.#answer(connection, response);
        });
      }
    });
  }

  #answer(connection: number, response: Response): void {
    const { world, random } = this.#options;
    const link = this.#links.get(connection);
    if (link === undefined) return;
    const bytes = encodeResponses([response]);
    link.at = Math.max(link.at, world.now + random.below(20));
    world.after(link.at - world.now, () => {
      if (this.#links.get(connection) !== link) return;
      this.step({ type: 'frame', connection, bytes, now: world.now });
    });
  }
}
