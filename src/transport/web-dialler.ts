/** Dialling by WebSocket, with or without a server of one's own: what a client needs. */

import { WebSocket } from 'ws';
import { TRANSPORT_LIMITS } from '../base/transport-limits.ts';
import type { Door, Socket, SocketListener, Sockets } from './sockets.ts';
import { WEB_SOCKET_OPTIONS, WebLine } from './web-line.ts';

export const SUBPROTOCOL = 'ringkv.1';

/** A mask protects proxies from scripts in browsers; of ours it would only cost two passes. */
function generateMask(mask: Buffer): void {
  mask.fill(0);
}

/** Those that are open or on their way; each takes itself out when it is over. */
export class WebDialler implements Sockets {
  readonly #lines = new Set<WebLine>();

  dial({ url, door }: { readonly url: string; readonly door: Door }, listener: SocketListener) {
    const address = url.replace(/\/$/, '') + door;
    const web = openWebSocket(address);
    if (web === undefined) return unreachableSocket(url, listener);
    const line = new WebLine(web, { address: url });
    line.listen(listener);
    this.#lines.add(line);
    web.on('upgrade', ({ socket }) => web.once('open', () => line.open(socket)));
    web.on('close', () => this.#lines.delete(line));
    return line;
  }

  get size(): number {
    return this.#lines.size;
  }

  accept(): void {}

  refuse(): void {}

  /** Ends what is left. Twice is once. */
  close(): void {
    for (const line of this.#lines) line.terminate();
  }
}

function openWebSocket(address: string): WebSocket | undefined {
  try {
    return new WebSocket(address, SUBPROTOCOL, {
      ...WEB_SOCKET_OPTIONS,
      generateMask,
      followRedirects: false,
      handshakeTimeout: TRANSPORT_LIMITS.helloMilliseconds,
    });
  } catch {
    return undefined;
  }
}

/** The url is not one: told in a later turn, as any other failure. */
function unreachableSocket(url: string, listener: SocketListener): Socket {
  let isOver = false;
  const text = `${url} is not an address: write ws://host:port`;
  setImmediate(() => {
    if (!isOver) listener.onClosed({ code: 1006, text });
  });
  return {
    address: url,
    bytesReceived: 0,
    bytesUnfinished: 0,
    bytesBuffered: 0,
    send: () => {},
    pause: () => {},
    resume: () => {},
    ping: () => {},
    close: () => {
      isOver = true;
    },
  };
}
