/** Health and metrics on a separate port, which client connections cannot exhaust. */

import { createServer, type Server } from 'node:http';
import { createServer as createSecureServer, type Server as SecureServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { TRANSPORT_LIMITS } from '../base/transport-limits.ts';
import type { OwnTexts } from '../certificates/reading.ts';
import { ConnectionLimits } from './connection-limits.ts';
import { ListenError } from './listen-error.ts';
import { answerPlainly, type PlainRules } from './plain-http.ts';
import { contextOf } from './tls.ts';

interface HealthServerOptions extends Pick<PlainRules, 'origins' | 'answer' | 'ownHosts'> {
  readonly host: string;
  readonly port: number;
  /** Without it the port is plain. Clients present nothing. */
  readonly tls?: OwnTexts | undefined;
}

const { helloMilliseconds, healthConnectionsMax } = TRANSPORT_LIMITS;

const HTTP_OPTIONS = {
  headersTimeout: helloMilliseconds,
  requestTimeout: helloMilliseconds,
  connectionsCheckingInterval: helloMilliseconds / 2,
  handshakeTimeout: helloMilliseconds,
} as const;

/** A silent socket is closed for a new one, so no number of them keeps probes out. */
const BOUNDS = { clientsMax: 0, plainMax: healthConnectionsMax } as const;

const PRESENTED = { isNode: false, fault: undefined } as const;

export class PlainHttpServer {
  readonly #server: Server | SecureServer;

  /** Fails with a `ListenError`. */
  static async listen(options: HealthServerOptions): Promise<PlainHttpServer> {
    const { host, port, tls } = options;
    // One interface, which the types of Node do not share.
    const server = (
      tls === undefined
        ? createServer(HTTP_OPTIONS)
        : createSecureServer({ ...HTTP_OPTIONS, ...contextOf(tls) })
    ) as Server;
    const limits = new ConnectionLimits<Socket>(BOUNDS);
    server.on('connection', (socket) => {
      limits.arrive(socket);
      socket.once('close', () => limits.leave(socket));
    });
    server.on('request', (request, response) => {
      response.setHeader('connection', 'close');
      answerPlainly(request, response, { ...options, listenHost: host, presented: PRESENTED });
    });
    // Strangers cause these.
    server.on('tlsClientError', (_cause, socket) => socket.destroy());
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
