/** Health and metrics on a separate port, which client connections cannot exhaust. */

import { createServer, type Server } from 'node:http';
import { createServer as createSecureServer, type Server as SecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { TRANSPORT_LIMITS } from '../base/transport-limits.ts';
import type { OwnTexts } from '../certificates/reading.ts';
import { ListenError } from './listen-error.ts';
import { answerPlainly, type PlainRules } from './plain-http.ts';
import { contextOf } from './tls.ts';

interface HealthServerOptions extends Pick<PlainRules, 'origins' | 'answer' | 'ownHosts'> {
  readonly host: string;
  readonly port: number;
  /** Without it the port is plain. Clients present nothing. */
  readonly tls?: OwnTexts | undefined;
}

const PRESENTED = { isNode: false, fault: undefined } as const;

export class PlainHttpServer {
  readonly #server: Server | SecureServer;

  /** Fails with a `ListenError`. */
  static async listen(options: HealthServerOptions): Promise<PlainHttpServer> {
    const { host, port, tls } = options;
    // One interface, which the types of Node do not share.
    const server = (
      tls === undefined ? createServer() : createSecureServer(contextOf(tls))
    ) as Server;
    server.on('request', (request, response) => {
      response.setHeader('connection', 'close');
      answerPlainly(request, response, { ...options, listenHost: host, presented: PRESENTED });
    });
    // Strangers cause these.
    server.on('tlsClientError', (_cause, socket) => socket.destroy());
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
  constructor(server: Server | SecureServer) {
    this.#server = server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** New sockets use this certificate. Required: the port has TLS. */
  renew(texts: OwnTexts): void {
    (this.#server as SecureServer).setSecureContext(contextOf(texts));
  }

  /** Safe to call twice. */
  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
