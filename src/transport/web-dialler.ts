/** Dials WebSockets; works without a server, so clients use it too. */

import type { IncomingMessage } from 'node:http';
import type { Socket as RawSocket } from 'node:net';
import { WebSocket } from 'ws';
import { TRANSPORT_LIMITS } from '../base/transport-limits.ts';
import type { Door, Socket, SocketListener, Sockets } from './sockets.ts';
import { type DialTls, dialOptions } from './tls.ts';
import { WEB_SOCKET_OPTIONS, WebLine } from './web-line.ts';

export const SUBPROTOCOL = 'ringkv.1';

/** Masking protects proxies from browser scripts; here it would only cost time, so it is zero. */
function generateMask(mask: Buffer): void {
  mask.fill(0);
}

interface WebDiallerOptions {
  /** False: open sockets do not keep the process from ending. */
  readonly holdsProcess?: boolean;
  /** Every socket is encrypted, whatever the scheme of its address. Called for each socket. */
  readonly tls?: (() => DialTls) | undefined;
}

/** Open and connecting sockets; each removes itself when it closes. */
export class WebDialler implements Sockets {
  readonly #lines = new Set<WebLine>();
  readonly #holdsProcess: boolean;

  readonly #tls: (() => DialTls) | undefined;

  constructor({ holdsProcess = true, tls }: WebDiallerOptions = {}) {
    this.#holdsProcess = holdsProcess;
    this.#tls = tls;
  }

  dial({ url, door }: { readonly url: string; readonly door: Door }, listener: SocketListener) {
    const address = url.replace(/\/$/, '') + door;
    const web = openWebSocket(address, this.#tls?.());
    if (web === undefined) return unreachableSocket(url, listener);
    const line = new WebLine(web, { address: url });
    line.listen(listener);
    this.#lines.add(line);
    let raw: RawSocket | undefined;
    web.on('upgrade', ({ socket }: { readonly socket: RawSocket | null }) => {
      raw = socket ?? undefined;
      if (!this.#holdsProcess) raw?.unref();
    });
    web.once('open', () => line.open(raw));
    web.on('close', () => this.#lines.delete(line));
    web.on('unexpected-response', (_request, response) => {
      readRefusal(response, (text) => {
        line.refused(text);
        this.#lines.delete(line);
      });
    });
    return line;
  }

  get size(): number {
    return this.#lines.size;
  }

  accept(): void {}

  refuse(): void {}

  /** Closes all sockets. Safe to call twice. */
  close(): void {
    for (const line of this.#lines) line.terminate();
  }
}

function openWebSocket(address: string, tls: DialTls | undefined): WebSocket | undefined {
  try {
    return new WebSocket(
      tls === undefined ? address : address.replace(/^ws:/, 'wss:'),
      SUBPROTOCOL,
      {
        ...dialOptions(tls ?? {}),
        ...WEB_SOCKET_OPTIONS,
        generateMask,
        followRedirects: false,
        handshakeTimeout: TRANSPORT_LIMITS.helloMilliseconds,
      },
    );
  } catch {
    return undefined;
  }
}

/** The status and the truncated body of a node that refused the upgrade. */
function readRefusal(response: IncomingMessage, onText: (text: string) => void): void {
  const { statusCode } = response;
  let body = '';
  let isTold = false;
  const tell = () => {
    if (isTold) return;
    isTold = true;
    response.destroy();
    onText(`refused (${statusCode}): ${body.slice(0, REFUSAL_CHARACTERS_MAX).trim()}`);
  };
  response.setTimeout(TRANSPORT_LIMITS.helloMilliseconds, tell);
  response.on('data', (piece) => {
    body += piece;
    if (body.length > REFUSAL_CHARACTERS_MAX) tell();
  });
  response.on('end', tell);
  response.on('error', tell);
  response.on('close', tell);
}

const REFUSAL_CHARACTERS_MAX = 200;

/** An invalid URL: reported in a later turn, as any other failure. */
function unreachableSocket(url: string, listener: SocketListener): Socket {
  let isOver = false;
  const text = `invalid address ${url}: use ws://host:port`;
  setImmediate(() => {
    if (!isOver) listener.onClosed({ code: 1006, text });
  });
  return {
    address: url,
    bytesReceived: 0,
    bytesUnfinished: 0,
    bytesBuffered: 0,
    send: () => {},
    flush: () => {},
    pause: () => {},
    resume: () => {},
    ping: () => {},
    close: () => {
      isOver = true;
    },
  };
}
