/**
 * Whether a request was meant for this node. A web page can give its own name the address of this
 * machine (DNS rebinding): its requests then come from this machine, and count as the page's own.
 * What tells them apart is the name they ask for.
 */

interface Names {
  /** Where the node listens. */
  readonly listenHost: string;
  /** How it is called elsewhere: the hosts of what it advertises. */
  readonly ownHosts: readonly string[];
}

const ADDRESS_OF_FOUR = /^\d{1,3}(?:\.\d{1,3}){3}$/;

/** Names other than localhost may mean anything, also later. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
}

/**
 * Beyond loopback whoever reaches the port needs no page for it, so any name will do there. An
 * address is no name that a page could have.
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
