/** The sockets of a node: one HTTP server on one port, with endpoints for peers and clients. */

import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import type { Server as SecureServer } from 'node:https';
import type { AddressInfo, Socket as RawSocket } from 'node:net';
import { WebSocketServer } from 'ws';
import { monotoneNow } from '../base/ambient.ts';
import { WIRE_LIMITS } from '../base/limits.ts';
import { TRANSPORT_LIMITS } from '../base/transport-limits.ts';
import type { TlsTexts } from '../certificates/reading.ts';
import { type ConnectionBounds, ConnectionLimits } from './connection-limits.ts';
import { isMeantForUs } from './host-check.ts';
import { ListenError, listenFault } from './listen-error.ts';
import { judgeOrigin } from './origin-check.ts';
import { answerPlainly, MISDIRECTED, type PlainRules, plain } from './plain-http.ts';
import { ReceiveBudget } from './receive-budget.ts';
import { newSecureServer } from './secure-server.ts';
import type { Door, Socket, SocketListener, Sockets } from './sockets.ts';
import { contextOf, holderOn, presentedFault, presentedOn } from './tls.ts';
import { SUBPROTOCOL, WebDialler } from './web-dialler.ts';
import { WEB_SOCKET_OPTIONS, WebLine } from './web-line.ts';

/** TLS on the port, and of the sockets to peers. */
interface ServerTls {
  readonly texts: TlsTexts;
  /** Clients have to present a certificate. */
  readonly isClientCertified: boolean;
}

interface WebSocketsOptions {
  readonly host: string;
  /** 0 uses any free port. */
  readonly port: number;
  /** Permits listening beyond loopback, where every client can read and write all data. */
  readonly isInsecureAllowed?: boolean;
  /** Accepted host names beside addresses and localhost. None by default. */
  readonly ownHosts?: readonly string[];
  /** Origins of web pages that may connect. None by default. */
  readonly origins?: readonly string[];
  /** Undefined: the path does not exist. */
  readonly answer?: PlainRules['answer'];
  /** For the logger: an error that belongs to no socket. */
  readonly onFault?: (text: string) => void;
  /** A socket was refused for its certificate, before any hello. */
  readonly onRefused?: (refused: { readonly address: string; readonly text: string }) => void;
  /** Without it the port is plain. */
  readonly tls?: ServerTls | undefined;
  /** Defaults to the limits of the transport. */
  readonly crowd?: ConnectionBounds;
}

type Take = (socket: Socket, door: Door) => SocketListener;

const DOORS: ReadonlySet<string> = new Set<Door>(['/peer', '/client']);
const HTTP_OPTIONS = {
  maxHeaderSize: 8192,
  headersTimeout: TRANSPORT_LIMITS.helloMilliseconds,
  requestTimeout: TRANSPORT_LIMITS.helloMilliseconds,
  connectionsCheckingInterval: TRANSPORT_LIMITS.helloMilliseconds / 2,
} as const;
const FAREWELL_LOOK_MILLISECONDS = 10;

/** Until `accept` is called, both endpoints answer 503; health is answered from the start. */
export class WebSockets implements Sockets {
  readonly #options: WebSocketsOptions;
  readonly #server: Server;
  readonly #entrances: Readonly<Record<Door, Entrance>> = {
    '/peer': newEntrance(WIRE_LIMITS.frameBytesMax, TRANSPORT_LIMITS.peersUnfinishedBytesMax),
    '/client': newEntrance(
      TRANSPORT_LIMITS.clientFrameBytesMax,
      TRANSPORT_LIMITS.clientsUnfinishedBytesMax,
    ),
  };
  readonly #dialler: WebDialler;
  #texts: TlsTexts | undefined;
  /** By address: with TLS, a request does not show the socket that the server accepted. */
  readonly #arrived = new Map<string, RawSocket>();
  readonly #lines = new Set<WebLine>();
  readonly #crowd: ConnectionLimits<RawSocket>;
  #take: Take | undefined;
  #closed: Promise<void> | undefined;
  #unlistened: Promise<void> | undefined;

  /** Fails with a `ListenError`. */
  static async listen(options: WebSocketsOptions): Promise<WebSockets> {
    const fault = listenFault({ ...options, isEncrypted: options.tls !== undefined });
    if (fault !== undefined) throw fault;
    const { tls } = options;
    const server =
      tls === undefined ? createServer(HTTP_OPTIONS) : newSecureServer(HTTP_OPTIONS, tls.texts);
    const sockets = new WebSockets(options, server);
    await new Promise<void>((resolve, reject) => {
      const fail = (cause: NodeJS.ErrnoException) => reject(new ListenError(options, cause));
      server.once('error', fail);
      server.listen({ host: options.host, port: options.port }, () => {
        server.off('error', fail);
        resolve();
      });
    });
    server.on('error', ({ message }) => options.onFault?.(`server error: ${message}`));
    return sockets;
  }

  /** Use `listen`. */
  constructor(options: WebSocketsOptions, server: Server | SecureServer) {
    this.#options = options;
    // One interface, which the types of Node do not share.
    this.#server = server as Server;
    this.#texts = options.tls?.texts;
    const isEncrypted = this.#texts !== undefined;
    const tls = () => ({ ...this.#texts, isNode: true });
    this.#dialler = new WebDialler(isEncrypted ? { tls } : {});
    this.#server.on('request', (request, response) => this.#answer(request, response));
    this.#server.on('upgrade', (request, socket, head) => {
      this.#upgrade(request, socket as RawSocket, head);
    });
    this.#server.on('clientError', (_cause, socket) =>
      refuse(socket as RawSocket, 400, 'the request is not valid HTTP'),
    );
    const { connectionsMax: clientsMax, plainMax } = TRANSPORT_LIMITS;
    this.#crowd = new ConnectionLimits(options.crowd ?? { clientsMax, plainMax });
    this.#server.on('connection', (raw: RawSocket) => {
      const address = addressOf(raw);
      this.#crowd.arrive(raw);
      this.#arrived.set(address, raw);
      raw.once('close', () => {
        this.#crowd.leave(raw);
        if (this.#arrived.get(address) === raw) this.#arrived.delete(address);
      });
    });
  }

  /** New sockets, in both directions, use these certificates. Open ones stay as they are. */
  renew(texts: TlsTexts): void {
    this.#texts = texts;
    (this.#server as Server & Partial<SecureServer>).setSecureContext?.(contextOf(texts));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  dial(to: { readonly url: string; readonly door: Door }, listener: SocketListener): Socket {
    return this.#dialler.dial(to, listener);
  }

  accept(take: Take): void {
    this.#take = take;
  }

  refuse(): void {
    this.#take = undefined;
  }

  /** Releases the port. Open sockets stay open. Safe to call twice. */
  stopListening(): void {
    this.refuse();
    this.#unlistened ??= new Promise((resolve) => this.#server.close(() => resolve()));
  }

  /** Resolves when nothing keeps the process alive any more. Safe to call twice. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.stopListening();
    await this.#takenIn(TRANSPORT_LIMITS.closeMilliseconds);
    this.#dialler.close();
    this.#server.closeAllConnections();
    // Those that have not completed their handshake are none of HTTP yet.
    for (const raw of this.#arrived.values()) raw.destroy();
    for (const line of this.#lines) line.terminate();
    await this.#unlistened;
  }

  /** Destroying a socket discards unread bytes at the other side, also a close reason. */
  #takenIn(milliseconds: number): Promise<void> {
    const isDone = () => this.#lines.size + this.#dialler.size === 0;
    if (isDone()) return Promise.resolve();
    return new Promise((resolve) => {
      const until = monotoneNow() + milliseconds;
      const timer = setInterval(() => {
        if (!isDone() && monotoneNow() < until) return;
        clearInterval(timer);
        resolve();
      }, FAREWELL_LOOK_MILLISECONDS);
    });
  }

  #upgrade(request: IncomingMessage, raw: RawSocket, head: Buffer): void {
    const { url = '', headers } = request;
    // No page is a node.
    const { origins = [] } = url === '/client' ? this.#options : {};
    const verdict = judgeOrigin(headers.origin, origins);
    const take = this.#take;
    const protocols = (headers['sec-websocket-protocol'] ?? '').split(',');
    if (!isDoor(url)) {
      refuse(raw, 404, 'the endpoints are /peer and /client, without a query');
    } else if (!this.#isMeantForUs(request)) {
      refuse(raw, 421, MISDIRECTED);
    } else if (this.#presentedFault(raw, url) !== undefined) {
      const text = this.#presentedFault(raw, url) ?? '';
      this.#options.onRefused?.({ address: addressOf(raw), text });
      refuse(raw, 403, text);
    } else if (verdict.type === 'refused') {
      refuse(raw, 403, url === '/peer' ? 'no web page is a node' : verdict.text);
    } else if (!protocols.some((protocol) => protocol.trim() === SUBPROTOCOL)) {
      refuse(raw, 400, `the required subprotocol is ${SUBPROTOCOL}`);
    } else if (take === undefined) {
      refuse(raw, 503, 'this node is not ready');
    } else if (url === '/client' && this.#crowd.isFull) {
      const { clients } = this.#crowd;
      refuse(raw, 503, `the limit of ${clients} connected clients is reached: use another node`);
      this.#options.onFault?.(
        `refusing clients: the limit of ${clients} connected clients is reached`,
      );
    } else {
      this.#crowd.knock(this.#arrived.get(addressOf(raw)) ?? raw);
      const leave = url === '/client' ? this.#crowd.enter() : () => {};
      raw.once('close', leave);
      const { upgrader, unfinished } = this.#entrances[url];
      upgrader.handleUpgrade(request, raw, head, (web) => {
        const onUnfinished = (one: WebLine, bytes: number) => {
          unfinished.note(one, bytes);
          unfinished.excess?.makeRoom();
        };
        const line = new WebLine(web, { address: addressOf(raw), onUnfinished });
        this.#lines.add(line);
        web.on('close', () => this.#lines.delete(line));
        line.listen(take(line, url));
        line.open(raw);
      });
    }
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { host: listenHost, ownHosts = [], origins = [] } = this.#options;
    const presented = {
      isNode: holderOn(request.socket).holder !== undefined,
      fault: this.#presentedFault(request.socket, undefined),
    };
    const answer: PlainRules['answer'] = (ask) =>
      isDoor(ask.path) ? plain(426, NEEDS_WEB_SOCKET) : this.#options.answer?.(ask);
    answerPlainly(request, response, { listenHost, ownHosts, origins, answer, presented });
  }

  #presentedFault(raw: RawSocket, door: Door | undefined): string | undefined {
    const { isClientCertified = false } = this.#options.tls ?? {};
    return presentedFault(presentedOn(raw), { door, isClientCertified });
  }

  #isMeantForUs({ headers }: IncomingMessage): boolean {
    const { host: listenHost, ownHosts = [] } = this.#options;
    return isMeantForUs(headers.host, { listenHost, ownHosts });
  }
}

const NEEDS_WEB_SOCKET = `this endpoint needs a WebSocket with subprotocol ${SUBPROTOCOL}`;

/**
 * Accepts sockets at an endpoint. Incomplete frames of clients have their own budget, so that a
 * flood from clients cannot close the socket of a peer.
 */
interface Entrance {
  readonly upgrader: WebSocketServer;
  readonly unfinished: ReceiveBudget<WebLine>;
}

function newEntrance(maxPayload: number, bytesMax: number): Entrance {
  const upgrader = new WebSocketServer({
    ...WEB_SOCKET_OPTIONS,
    maxPayload,
    noServer: true,
    clientTracking: false,
    handleProtocols: () => SUBPROTOCOL,
  });
  return { upgrader, unfinished: new ReceiveBudget({ bytesMax }) };
}

function isDoor(path: string): path is Door {
  return DOORS.has(path);
}

/** Writes a raw HTTP response on a socket that the server does not handle. */
function refuse(raw: RawSocket, status: number, text: string): void {
  raw.on('error', () => {});
  const { body } = plain(status, text);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'connection: close',
    'content-type: text/plain; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  if (raw.writable) raw.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => raw.destroy());
  else raw.destroy();
}

function addressOf({ remoteAddress = '', remotePort = 0 }: RawSocket): string {
  return `${remoteAddress}:${remotePort}`;
}
