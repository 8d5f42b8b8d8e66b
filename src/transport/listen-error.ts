/** A node that cannot listen: what happened, why, and what to do. */

import { isLoopback } from './host-check.ts';

interface Where {
  readonly host: string;
  readonly port: number;
  readonly isInsecureAllowed?: boolean;
}

const ADVICE: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another process (this node, twice?) listens there: stop it or choose another',
  EACCES: 'the system does not allow it: choose a port from 1024 up',
  EADDRNOTAVAIL: 'this machine does not have that address: take one of its own',
  ENOTFOUND: 'the name has no address: check its spelling, or give an address',
};

export class ListenError extends Error {
  override readonly name = 'ListenError';
  /** As the system spells it, or `INSECURE`. */
  readonly code: string;

  constructor({ host, port }: Where, cause: NodeJS.ErrnoException | 'insecure') {
    const code = cause === 'insecure' ? 'INSECURE' : (cause.code ?? 'UNKNOWN');
    const advice =
      cause === 'insecure'
        ? 'whoever reaches it could read and write everything, as there is no TLS yet: use ' +
          '127.0.0.1, or say isInsecureAllowed in a network that only the cluster can reach'
        : (ADVICE[code] ?? cause.message);
    super(`cannot listen on ${host} port ${port} (${code}): ${advice}`);
    this.code = code;
    if (cause !== 'insecure') this.cause = cause;
  }
}

/** What is wrong before the system is even asked. */
export function listenFault(where: Where): ListenError | undefined {
  if (where.isInsecureAllowed === true || isLoopback(where.host)) return undefined;
  return new ListenError(where, 'insecure');
}
