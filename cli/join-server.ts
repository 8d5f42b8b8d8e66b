/**
 * `kvctl node join-token`: signs the key of one newcomer, once. It runs where the authority is, for
 * as long as the token is good: so no node has the authority's key, and a used token is no more.
 */

import { createPublicKey, randomBytes, verify } from 'node:crypto';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { holderOf } from '../src/certificates/reading.ts';
import type { CertificateFolder, Wanted } from './certificate-folder.ts';
import {
  isSameSecret,
  isText,
  LINE_BYTES_MAX,
  type SigningAnswer,
  type SigningRequest,
  signedBytes,
  textsIn,
  tokenText,
} from './join-token.ts';

const SECRET_BYTES = 32;
/** Of sockets at a time, and of wrong requests before the token ends. */
const SOCKETS_MAX = 16;
const FAILURES_MAX = 5;
const SOCKET_MILLISECONDS = 10_000;

interface JoinServerOptions {
  readonly folder: CertificateFolder;
  readonly wanted: Wanted;
  readonly listen: { readonly host: string; readonly port: number };
  readonly timeoutMilliseconds: number;
}

/** How the token ended. */
export type JoinEnd = 'signed' | 'timeout' | 'too-many-failures';

export interface JoinServer {
  readonly token: string;
  readonly ended: Promise<JoinEnd>;
  /** Safe to call twice. */
  close(): void;
}

/** Resolves when it listens. */
export async function serveJoin(options: JoinServerOptions): Promise<JoinServer> {
  const { folder, wanted, listen, timeoutMilliseconds } = options;
  const { cert: ca } = folder.authority;
  const secret = randomBytes(SECRET_BYTES).toString('base64url');
  const own = folder.serverPair();
  let finish: (end: JoinEnd) => void = () => {};
  const done = new Promise<JoinEnd>((resolve) => {
    finish = resolve;
  });
  const timer = setTimeout(() => finish('timeout'), timeoutMilliseconds);
  let failures = 0;
  let isUsed = false;
  const sockets = new Set<TLSSocket>();
  const take = (socket: TLSSocket, line: Uint8Array) => {
    const request = requestIn(line);
    if (isUsed || request === undefined || !isSameSecret(request.secret, secret)) {
      failures += 1;
      answer(socket, { error: 'the token is not good (any more)' });
      if (failures >= FAILURES_MAX) finish('too-many-failures');
      return;
    }
    isUsed = true;
    const cert = folder.sign(wanted, request.publicKey);
    answer(socket, { cert, ca } satisfies SigningAnswer);
    socket.once('close', () => finish('signed'));
  };
  const server = createServer(
    {
      cert: own.cert + ca,
      key: own.key,
      minVersion: 'TLSv1.3',
      handshakeTimeout: SOCKET_MILLISECONDS,
    },
    (socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      socket.on('error', () => socket.destroy());
      socket.setTimeout(SOCKET_MILLISECONDS, () => socket.destroy());
      readLine(socket, (line) => take(socket, line));
    },
  );
  server.maxConnections = SOCKETS_MAX;
  server.on('tlsClientError', () => {});
  const port = await listenAt(server, listen);
  const close = () => {
    clearTimeout(timer);
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  const { fingerprint: authority } = holderOf({ cert: ca });
  const token = tokenText({ host: listen.host, port, authority, secret, name: wanted.name });
  return { token, ended: done.finally(close), close };
}

/** Undefined unless the sender has the private key of its public key, which is of our kind. */
function requestIn(line: Uint8Array): SigningRequest | undefined {
  const { secret, publicKey, signature } = textsIn(line) ?? {};
  if (!isText(secret) || !isText(publicKey) || !isText(signature)) return undefined;
  try {
    const key = createPublicKey(publicKey);
    if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') return undefined;
    const bytes = signedBytes({ secret, publicKey });
    const isSigned = verify('sha256', bytes, key, Buffer.from(signature, 'base64'));
    return isSigned ? { secret, publicKey, signature } : undefined;
  } catch {
    return undefined;
  }
}

function answer(socket: TLSSocket, value: object): void {
  socket.end(`${JSON.stringify(value)}\n`);
}

/** The first line, once; a longer one closes the socket. */
export function readLine(socket: TLSSocket, onLine: (line: Uint8Array) => void): void {
  let bytes = Buffer.alloc(0);
  const take = (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    const end = bytes.indexOf('\n');
    if (end < 0 && bytes.length <= LINE_BYTES_MAX) return;
    socket.off('data', take);
    if (end < 0) socket.destroy();
    else onLine(bytes.subarray(0, end));
  };
  socket.on('data', take);
}

function listenAt(server: Server, where: JoinServerOptions['listen']): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : where.port);
    });
  });
}
