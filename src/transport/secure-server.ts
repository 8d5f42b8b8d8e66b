/** An HTTP server on a port of TLS, which tells plain visitors that they need TLS. */

import { createServer, type Server, type ServerOptions } from 'node:https';
import type { Socket as RawSocket } from 'node:net';
import { TRANSPORT_LIMITS } from '../base/transport-limits.ts';
import type { TlsTexts } from '../certificates/reading.ts';
import { contextOf } from './tls.ts';

/** The first byte of a TLS connection: the type of a handshake record. */
const HANDSHAKE = 0x16;

const NEEDS_TLS =
  'this port uses TLS: use kvs:// in place of kv://, and https:// in place of http://\n';

/**
 * Whether a certificate is required depends on the path, so it is not checked here. A socket whose
 * handshake takes too long is closed; `ConnectionLimits` bounds how many there are.
 */
export function newSecureServer(options: ServerOptions, texts: TlsTexts): Server {
  const server = createServer({
    ...options,
    ...contextOf(texts),
    requestCert: true,
    rejectUnauthorized: false,
    handshakeTimeout: TRANSPORT_LIMITS.helloMilliseconds,
  });
  const [startTls] = server.listeners('connection');
  server.removeAllListeners('connection');
  server.on('connection', (raw: RawSocket) => {
    raw.on('error', () => {});
    meet(raw, () => startTls?.call(server, raw));
  });
  // Strangers cause these; the socket is closed, and a log line for each would be a flood.
  server.on('tlsClientError', (_cause, socket) => socket.destroy());
  return server;
}

/** Looks at the first byte, which stays to be read. */
function meet(raw: RawSocket, onTls: () => void): void {
  const timer = setTimeout(() => raw.destroy(), TRANSPORT_LIMITS.helloMilliseconds);
  raw.once('close', () => clearTimeout(timer));
  const look = () => {
    const first: Buffer | null = raw.read();
    // The other side has closed, or nothing has arrived.
    if (first === null) return void raw.once('readable', look);
    clearTimeout(timer);
    raw.unshift(first);
    if (first[0] === HANDSHAKE) onTls();
    else raw.end(refusal());
  };
  raw.once('readable', look);
  raw.once('end', () => raw.end());
}

function refusal(): string {
  const lines = [
    'HTTP/1.1 400 Bad Request',
    'connection: close',
    'content-type: text/plain; charset=utf-8',
    `content-length: ${NEEDS_TLS.length}`,
  ];
  return `${lines.join('\r\n')}\r\n\r\n${NEEDS_TLS}`;
}
