/** The certificate of a node: read at its start, and again whenever its files may have changed. */

import { monotoneNow, wallNow } from '../base/ambient.ts';
import { isClusterName, isNameOfCluster, type NodeName } from '../certificates/node-name.ts';
import { faultOfTexts, holderOf, type TlsTexts } from '../certificates/reading.ts';
import type { DialTls } from '../transport/tls.ts';

/** Where certificates come from. */
export interface TlsSource {
  /** Reads the files. Throws an error with the remedy. */
  readonly read: () => TlsTexts;
  /** Clients have to present a certificate. By default beyond loopback only. */
  readonly isClientCertified?: boolean | undefined;
}

interface CertificatesOptions {
  readonly source: TlsSource;
  /** The configured name of the node; empty if it has none. */
  readonly name: string;
  /** New sockets use these from now on. */
  readonly onRenewed: (texts: TlsTexts) => void;
  readonly warn: (text: string) => void;
}

const LOOK_MILLISECONDS = 10_000;
const DAY_MILLISECONDS = 24 * 60 * 60 * 1000;
/** Warnings begin when so much of the life of a certificate is left. */
const WARNING_MILLISECONDS = 14 * DAY_MILLISECONDS;

export class Certificates {
  readonly #options: CertificatesOptions;
  readonly node: NodeName;
  #texts: TlsTexts;
  #validTo: number;
  #timer: NodeJS.Timeout | undefined;
  /** The last warning, and when it was given. */
  #warned = { text: '', at: 0 };

  /** Throws if the files cannot be used. */
  constructor(options: CertificatesOptions) {
    const { source, name } = options;
    this.#options = options;
    const texts = source.read();
    const fault = faultOfTexts(texts, wallNow());
    if (fault !== undefined) throw new Error(`${fault}. Nothing was changed`);
    const { node, validTo } = holderOf(texts);
    const example = `ringkv://CLUSTER/node/${name === '' ? 'NAME' : name}`;
    if (node === undefined) {
      throw new Error(
        'the certificate names no node. Nothing was changed. ' +
          `It needs the URI ${example} among its alternative names (kvctl explain tls)`,
      );
    }
    if (name !== '' && name !== node.name) {
      throw new Error(
        `the certificate is for node ${node.name}, but this node has the name ${name}. Nothing ` +
          'was changed. Use the certificate of this node, or change the name of the node',
      );
    }
    this.#texts = texts;
    this.node = node;
    this.#validTo = validTo;
  }

  get texts(): TlsTexts {
    return this.#texts;
  }

  /** How this node dials other nodes. */
  get dialTls(): DialTls {
    return { ...this.#texts, isNode: true };
  }

  /** In seconds since 1970. */
  get expiresAtSeconds(): number {
    return Math.round(this.#validTo / 1000);
  }

  /** The name of a cluster to found: a certificate with anything else fits an existing one only. */
  get foundedName(): string | undefined {
    const { cluster } = this.node;
    return isClusterName(cluster) ? cluster : undefined;
  }

  /** Why this node may not belong to a cluster; undefined if it may. */
  objectionTo(cluster: string): string | undefined {
    if (isNameOfCluster(this.node.cluster, cluster)) return undefined;
    return (
      `the certificate is for cluster ${this.node.cluster}, but the cluster is ${cluster}: its ` +
      'certificates have the part of the id before the last dot, or the whole id'
    );
  }

  start(): void {
    this.#remind();
    this.#timer ??= setInterval(() => this.reload(), LOOK_MILLISECONDS).unref();
  }

  /** Safe to call twice. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Files that cannot be used change nothing: the present certificate stays, with a warning. */
  reload(): void {
    try {
      this.#take(this.#options.source.read());
    } catch (error) {
      this.#warn((error as Error).message);
    }
    this.#remind();
  }

  #take(texts: TlsTexts): void {
    const { ca, cert, key } = this.#texts;
    if (texts.ca === ca && texts.cert === cert && texts.key === key) return;
    const fault = faultOfTexts(texts, wallNow()) ?? this.#changeOf(texts);
    // Files may be half written: the next look finds them whole.
    if (fault !== undefined) return this.#warn(fault);
    this.#texts = texts;
    this.#validTo = holderOf(texts).validTo;
    this.#options.onRenewed(texts);
  }

  #changeOf(texts: TlsTexts): string | undefined {
    const { node } = holderOf(texts);
    const isSame = node?.name === this.node.name && node.cluster === this.node.cluster;
    return isSame ? undefined : 'the new certificate names another node; the old one stays in use';
  }

  #remind(): void {
    const left = this.#validTo - wallNow();
    if (left > WARNING_MILLISECONDS) return;
    const days = Math.max(0, Math.floor(left / DAY_MILLISECONDS));
    this.#warn(
      left <= 0
        ? 'the certificate has expired: other nodes and clients refuse new connections'
        : `the certificate expires in ${days} days: renew it (kvctl cert renew)`,
    );
  }

  /** The same text at most once a day. */
  #warn(text: string): void {
    const now = monotoneNow();
    const isTold = text === this.#warned.text && now - this.#warned.at < DAY_MILLISECONDS;
    if (isTold) return;
    this.#warned = { text, at: now };
    this.#options.warn(text);
  }
}
