/** The error of a node that cannot listen: the cause and the remedy. */

import { isLoopback } from './host-check.ts';

interface Where {
  readonly host: string;
  readonly port: number;
  readonly isInsecureAllowed?: boolean;
  /** The port uses TLS. */
  readonly isEncrypted?: boolean;
}

const ADVICE: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another process uses this port (perhaps this node): stop it or use another port',
  EACCES: 'the system does not permit it: use a port of at least 1024',
  EADDRNOTAVAIL: 'this machine does not have that address: use one of its addresses',
  ENOTFOUND: 'the host name does not resolve: check its spelling, or use an address',
};

export class ListenError extends Error {
  override readonly name = 'ListenError';
  /** The error code of the system, or `INSECURE`. */
  readonly code: string;

  constructor({ host, port }: Where, cause: NodeJS.ErrnoException | 'insecure') {
    const code = cause === 'insecure' ? 'INSECURE' : (cause.code ?? 'UNKNOWN');
    const advice =
      cause === 'insecure'
        ? 'without TLS, any client of the port can read and write all data, and the network ' +
          'shows them. Make certificates (kvctl init --secure) and set tls (--tls-cert, ' +
          '--tls-key, --tls-ca), use 127.0.0.1, or set isInsecureAllowed (--insecure) in a ' +
          'private network'
        : (ADVICE[code] ?? cause.message);
    super(`cannot listen on ${host} port ${port} (${code}): ${advice}`);
    this.code = code;
    if (cause !== 'insecure') this.cause = cause;
  }
}

/** Refuses an address beyond loopback before the system is asked to listen. */
export function listenFault(where: Where): ListenError | undefined {
  const isSafe = where.isEncrypted === true || isLoopback(where.host);
  if (isSafe || where.isInsecureAllowed === true) return undefined;
  return new ListenError(where, 'insecure');
}
