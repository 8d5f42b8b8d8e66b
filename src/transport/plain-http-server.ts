/** Health and metrics on a separate port, which client connections cannot exhaust. */

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { TRANSPORT_LIMITS } from '../base/transport-limits.ts';
import { ListenError } from './listen-error.ts';
import type { PlainAnswer } from './web-sockets.ts';

interface HealthServerOptions {
  readonly host: string;
  readonly port: number;
  readonly answer: (path: string) => PlainAnswer | undefined;
}

export class PlainHttpServer {
  readonly #server: Server;

  /** Fails with a `ListenError`. */
  static async listen(options: HealthServerOptions): Promise<PlainHttpServer> {
    const { host, port, answer } = options;
    const server = createServer((request, response) => {
      request.resume();
      const isAsking = request.method === 'GET' || request.method === 'HEAD';
      const given = isAsking ? answer((request.url ?? '').split('?')[0] ?? '') : undefined;
      const { status, contentType, body } = given ?? NOTHING;
      response.writeHead(status, { 'content-type': contentType, connection: 'close' });
      response.end(request.method === 'HEAD' ? undefined : body);
    });
    server.headersTimeout = TRANSPORT_LIMITS.helloMilliseconds;
    server.requestTimeout = TRANSPORT_LIMITS.helloMilliseconds;
    server.maxConnections = TRANSPORT_LIMITS.healthConnectionsMax;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause) => reject(new ListenError(options, cause)));
      server.listen({ host, port }, resolve);
    });
    server.on('error', () => {});
    return new PlainHttpServer(server);
  }

  /** Use `listen`. */
  constructor(server: Server) {
    this.#server = server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Safe to call twice. */
  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

const NOTHING: PlainAnswer = {
  status: 404,
  contentType: 'text/plain; charset=utf-8',
  body: 'use GET /healthz, /readyz or /metrics\n',
};
