/** Addresses of nodes: from what users write to what is dialled, and back for messages. */

import { typeNameOf } from '../base/type-name.ts';
import { invalid } from './options.ts';

/** A node of the cluster. */
interface Address {
  /** A WebSocket URL: `ws://host:port`, or `wss://` for TLS. */
  readonly url: string;
  /** As the user wrote it, for messages. */
  readonly given: string;
}

/** The port of nodes, if none is given. */
const USUAL_PORT = 7400;

/**
 * `host:port`, `kv://host:port`, or several of these as a list or with commas between them. `kv://`
 * and `kvs://` are WebSockets, plain and encrypted, as are `ws://` and `wss://`. A scheme holds for
 * the rest of its text: `kvs://a,b` is `kvs://a` and `kvs://b`.
 */
export function addressesOf(urls: string | readonly string[]): readonly Address[] {
  const texts: readonly unknown[] = Array.isArray(urls) ? urls : [urls];
  const addresses = texts.flatMap(addressesIn);
  if (addresses.length === 0) throw invalid(`connect needs at least one url: ${ALLOWED}`);
  return addresses;
}

function addressesIn(text: unknown): readonly Address[] {
  if (typeof text !== 'string')
    throw invalid(`a url is a text: ${ALLOWED}; got ${typeNameOf(text)}`);
  let scheme = 'kv://';
  return text.split(',').map((part) => {
    const given = part.trim();
    const named = /^[a-z][a-z0-9+.-]*:\/\//i.exec(given)?.[0];
    scheme = named?.toLowerCase() ?? scheme;
    const host = given.slice(named?.length ?? 0).replace(/\/+$/, '');
    const protocol = PROTOCOLS.get(scheme);
    const port = scheme.startsWith('kv') && !/:\d+$/.test(host) ? `:${USUAL_PORT}` : '';
    const url = `${protocol}${host}${port}`;
    if (protocol === undefined || host === '' || !URL.canParse(url)) {
      throw invalid(`"${given}" is no url of a node: ${ALLOWED}`);
    }
    return { url, given };
  });
}

const ALLOWED = 'use host:port or kv://host:port, several as a list or with commas between them';

const PROTOCOLS: ReadonlyMap<string, string> = new Map([
  ['kv://', 'ws://'],
  ['kvs://', 'wss://'],
  ['ws://', 'ws://'],
  ['wss://', 'wss://'],
]);

/** One encrypted address is enough: the nodes of the map are then dialled likewise. */
export function isEncrypted(urls: string | readonly string[]): boolean {
  return addressesOf(urls).some(({ url }) => url.startsWith('wss://'));
}

/** How messages name a url: as the user wrote it. Urls from the map have the scheme of users. */
export function namesOf(addresses: readonly Address[]): (url: string) => string {
  const names = new Map(addresses.map(({ url, given }) => [url, given]));
  return (url) => names.get(url) ?? url.replace(/^ws(s?:\/\/)/, 'kv$1');
}
