/** A forwarder to a node's port with a configurable delay in each direction. */

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export class SlowLink {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #milliseconds = 0;
  /** The address of the node; until it is known no connection is accepted. */
  target: URL | undefined;

  constructor(server: Server) {
    this.#server = server;
    server.on('connection', (near) => this.#join(near));
  }

  static async open(): Promise<SlowLink> {
    const server = createServer({ pauseOnConnect: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new SlowLink(server);
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  delay(milliseconds: number): void {
    this.#milliseconds = milliseconds;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #join(near: Socket): void {
    if (this.target === undefined) {
      near.destroy();
      return;
    }
    const far = connect(Number(this.target.port), this.target.hostname);
    for (const socket of [near, far]) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
    }
    this.#carry(near, far);
    this.#carry(far, near);
    near.resume();
  }

  /** In order, even when the delay changes. */
  #carry(from: Socket, to: Socket): void {
    let lastAt = 0;
    const later = (run: () => void) => {
      lastAt = Math.max(lastAt, performance.now() + this.#milliseconds);
      setTimeout(run, lastAt - performance.now());
    };
    from.on('data', (chunk) => later(() => to.write(chunk)));
    from.on('error', () => from.destroy());
    from.on('close', () => {
      this.#sockets.delete(from);
      later(() => to.destroy());
    });
  }
}
