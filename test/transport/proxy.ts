/** A TCP proxy on loopback that can delay or break connections without closing them. */

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export class LoopbackProxy {
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  /** The present port behind it. */
  target = 0;
  #isStalled = false;

  static async open(): Promise<LoopbackProxy> {
    const server = createServer();
    const proxy = new LoopbackProxy(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  constructor(server: Server) {
    this.#server = server;
    server.on('connection', (near) => this.#join(near));
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stall(): void {
    this.#isStalled = true;
    for (const pair of this.#pairs) for (const socket of pair) socket.pause();
  }

  resume(): void {
    this.#isStalled = false;
    for (const pair of this.#pairs) for (const socket of pair) socket.resume();
  }

  reset(): void {
    for (const socket of [...this.#pairs].flat()) {
      // Node 20 spins for ever after the reset of a socket that is still connecting.
      if (socket.connecting) socket.destroy();
      else socket.resetAndDestroy();
    }
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.reset();
    await closed;
  }

  #join(near: Socket): void {
    const far = connect({ host: '127.0.0.1', port: this.target });
    const pair = [near, far] as const;
    this.#pairs.add(pair);
    for (const [one, other] of [pair, [far, near] as const]) {
      one.on('data', (chunk) => {
        if (other.write(chunk)) return;
        one.pause();
        other.once('drain', () => {
          if (!this.#isStalled) one.resume();
        });
      });
      one.on('end', () => other.end());
      one.on('error', () => other.destroy());
      one.on('close', () => {
        this.#pairs.delete(pair);
        other.destroy();
      });
      if (this.#isStalled) one.pause();
    }
  }
}
