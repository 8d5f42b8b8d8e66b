/** The port for health and metrics alone, with or without TLS. */

import { wallNow } from '../base/ambient.ts';
import { faultOfOwn, type OwnTexts, type TlsTexts } from '../certificates/reading.ts';
import type { PlainAnswer, PlainAsk } from '../transport/plain-http.ts';
import { PlainHttpServer } from '../transport/plain-http-server.ts';

/** Where the port gets its certificate: that of the node, or one of its own. */
export type HealthTls = 'node' | { readonly read: () => OwnTexts };

interface HealthPortOptions {
  readonly listen: { readonly host: string; readonly port: number } | undefined;
  readonly tls: HealthTls | undefined;
  /** The certificate of the node, if it has one. */
  readonly node: TlsTexts | undefined;
  readonly ownHosts: readonly string[];
  readonly origins: readonly string[];
  readonly answer: (ask: PlainAsk) => PlainAnswer | undefined;
  readonly warn: (text: string) => void;
}

export class HealthPort {
  readonly #options: HealthPortOptions;
  readonly #server: PlainHttpServer;

  /** Undefined if there is none. Fails if its files cannot be used, or with a `ListenError`. */
  static async open(options: HealthPortOptions): Promise<HealthPort | undefined> {
    const { listen, tls, node } = options;
    if (listen === undefined) {
      if (tls === undefined) return undefined;
      throw new Error(
        'healthTls is set, but there is no health listener. Nothing was changed. Set ' +
          'healthListen (--health-listen), or leave --health-tls and --health-tls-cert out',
      );
    }
    const texts = tls === undefined ? undefined : textsOf(tls, node);
    const server = await PlainHttpServer.listen({ ...options, ...listen, tls: texts });
    return new HealthPort(options, server);
  }

  /** Use `open`. */
  constructor(options: HealthPortOptions, server: PlainHttpServer) {
    this.#options = options;
    this.#server = server;
  }

  get port(): number {
    return this.#server.port;
  }

  /** The node has another certificate. */
  renew(node: TlsTexts): void {
    if (this.#options.tls === 'node') this.#server.renew(node);
  }

  /** Reads the files of its own certificate. Those that cannot be used change nothing. */
  reload(): void {
    const { tls, node, warn } = this.#options;
    if (tls === undefined || tls === 'node') return;
    try {
      this.#server.renew(textsOf(tls, node));
    } catch (error) {
      warn(`the health listener keeps its certificate: ${(error as Error).message}`);
    }
  }

  /** Safe to call twice. */
  close(): void {
    this.#server.close();
  }
}

function textsOf(tls: HealthTls, node: TlsTexts | undefined): OwnTexts {
  if (tls !== 'node') {
    const texts = tls.read();
    const fault = faultOfOwn(texts, wallNow());
    if (fault === undefined) return texts;
    throw new Error(`${fault}. Nothing was changed. Check --health-tls-cert and --health-tls-key`);
  }
  if (node !== undefined) return node;
  throw new Error(
    'the health listener shall use the certificate of the node, and the node has none. Nothing ' +
      'was changed. Set --tls-cert, --tls-key and --tls-ca, or give the listener its own: ' +
      '--health-tls-cert and --health-tls-key',
  );
}
