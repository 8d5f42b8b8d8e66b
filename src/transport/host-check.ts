/**
 * Protects against DNS rebinding: a web page can point its own host name at this machine, and its
 * requests then count as same-origin. The Host header shows the name, so it is checked.
 */

interface Names {
  /** The host on which the node listens. */
  readonly listenHost: string;
  /** Other names of the node: the hosts of its advertised addresses. */
  readonly ownHosts: readonly string[];
}

const ADDRESS_OF_FOUR = /^\d{1,3}(?:\.\d{1,3}){3}$/;

/** A name other than localhost can resolve to any address at any time. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
}

/**
 * Beyond loopback an attacker that reaches the port needs no rebinding, so any name is accepted. An
 * address is accepted, because a web page cannot use it as its name.
 */
export function isMeantForUs(header: string | undefined, { listenHost, ownHosts }: Names): boolean {
  if (!isLoopback(listenHost) || header === undefined) return true;
  const [, six, name] = /^(?:(\[[0-9a-f:.]+\])|([^:[\]]*))(?::\d*)?$/i.exec(header) ?? [];
  if (six !== undefined) return true;
  if (name === undefined) return false;
  const host = name.toLowerCase();
  if (ADDRESS_OF_FOUR.test(host) || host === 'localhost') return true;
  return ownHosts.some((own) => own.toLowerCase() === host);
}
