/** Authorities and certificates for tests, made when a test runs: none can expire on its own. */

import { issue, newAuthority, newKey, type Pair } from '../../src/certificates/issuing.ts';
import { nodeUri } from '../../src/certificates/node-name.ts';
import type { TlsTexts } from '../../src/certificates/reading.ts';

const HOUR = 60 * 60 * 1000;

interface Wanted {
  readonly cluster?: string;
  /** Hours from now; negative for an expired one. */
  readonly hours?: number;
  readonly uris?: readonly string[];
  readonly hosts?: readonly string[];
}

/** An authority with what it signs. */
export class TestAuthority {
  readonly pair: Pair;

  constructor(title = 'ringkv test') {
    this.pair = newAuthority({ title, ...validity(24) });
  }

  node(name: string, { cluster = 'test', ...wanted }: Wanted = {}): TlsTexts {
    const uris = [nodeUri({ cluster, name })];
    const hosts = ['localhost', '127.0.0.1'];
    return this.sign(name, { uris, hosts, ...wanted }, true);
  }

  /** A client: its certificate names no node, and is of no use for a server. */
  client(name: string, wanted: Wanted = {}): TlsTexts {
    return this.sign(name, wanted, false);
  }

  sign(
    title: string,
    { hours = 12, uris = [], hosts = [] }: Omit<Wanted, 'cluster'>,
    isServer: boolean,
  ): TlsTexts {
    const { key, publicKey } = newKey();
    const wanted = { title, publicKey, uris, hosts, isServer, ...validity(hours) };
    return { ca: this.pair.cert, cert: issue(this.pair, wanted), key };
  }
}

function validity(hours: number) {
  const now = Date.now();
  return { validFrom: now - 2 * HOUR, validTo: now + hours * HOUR };
}
