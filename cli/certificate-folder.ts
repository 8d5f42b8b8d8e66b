/** The authority of a cluster and the certificates that it has signed, as files in one folder. */

import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { issue, newAuthority, newKey, type Pair } from '../src/certificates/issuing.ts';
import { nodeUri } from '../src/certificates/node-name.ts';
import { holderOf } from '../src/certificates/reading.ts';
import { isUserName, userUri } from '../src/certificates/user-name.ts';
import { usageFailure } from './failure.ts';
import { readPrivate } from './private-file.ts';

const DAY_MILLISECONDS = 24 * 60 * 60 * 1000;
const AUTHORITY_DAYS = 3650;
/** Certificates begin a little before they are made: clocks of machines differ. */
const SKEW_MILLISECONDS = 5 * 60 * 1000;
const AUTHORITY = 'ca';
const TITLE = /^ringkv (\S+)$/;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const KIND_OF_HOST = new Set(['DNS', 'IP Address']);

export interface Wanted {
  readonly name: string;
  /** A node: its host names and addresses. Undefined for a client. */
  readonly hosts: readonly string[] | undefined;
  /** The user that a client is without a token; undefined for none. */
  readonly user?: string | undefined;
  readonly days: number;
}

export interface Listed {
  readonly name: string;
  readonly kind: 'authority' | 'node' | 'client';
  /** Of a client; undefined if it names none. */
  readonly user: string | undefined;
  readonly hosts: readonly string[];
  /** In milliseconds since 1970. */
  readonly validTo: number;
  readonly fingerprint: string;
}

export class CertificateFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  get hasAuthority(): boolean {
    return existsSync(this.#at(AUTHORITY, 'key'));
  }

  has(name: string): boolean {
    return existsSync(this.#at(name, 'pem'));
  }

  /** The folder is for its owner only. */
  makeAuthority(cluster: string): void {
    mkdirSync(this.path, { recursive: true, mode: 0o700 });
    const authority = newAuthority({ title: `ringkv ${cluster}`, ...lifeOf(AUTHORITY_DAYS) });
    this.#write(AUTHORITY, 'key', authority.key);
    this.#write(AUTHORITY, 'pem', authority.cert);
  }

  get authority(): Pair & { readonly cluster: string } {
    if (!this.hasAuthority) {
      throw usageFailure(
        `${this.path} has no authority (ca.key)`,
        'make one with kvctl init --secure, or name its folder with --certs',
      );
    }
    const cert = this.#read(AUTHORITY, 'pem');
    const [, cluster] = TITLE.exec(holderOf({ cert }).title) ?? [];
    if (cluster !== undefined) return { cert, key: this.#read(AUTHORITY, 'key'), cluster };
    throw usageFailure(
      `the authority in ${this.path} was not made by kvctl`,
      'sign certificates with the tool that made it (docs/TLS.md tells what they need)',
    );
  }

  /** A certificate of a key that its holder keeps. */
  sign({ name, hosts, user, days }: Wanted, publicKey: string): string {
    if (!NAME.test(name) || name === AUTHORITY) {
      throw usageFailure(
        `${JSON.stringify(name)} is not a name for a certificate`,
        'use 1 to 64 letters, digits, dots, dashes or underscores, and not "ca"',
      );
    }
    if (user !== undefined && !isUserName(user)) {
      throw usageFailure(
        `${JSON.stringify(user)} is not the name of a user`,
        'use 1 to 64 letters, digits, dots, dashes, underscores or at signs',
      );
    }
    const authority = this.authority;
    const { cluster } = authority;
    const isServer = hosts !== undefined;
    const ofUser = user === undefined ? [] : [userUri({ cluster, user })];
    const uris = isServer ? [nodeUri({ cluster, name })] : ofUser;
    const life = lifeOf(days);
    return issue(authority, {
      title: name,
      publicKey,
      uris,
      hosts: hosts ?? [],
      isServer,
      ...life,
    });
  }

  /** For a server that lives for a day, and is no node. */
  serverPair(): Pair {
    const { key, publicKey } = newKey();
    const wanted = { title: 'join', publicKey, isServer: true, ...lifeOf(1) };
    return { key, cert: issue(this.authority, wanted) };
  }

  /** The certificate of an authority whose key is elsewhere. */
  keepAuthority(cert: string): void {
    this.#write(AUTHORITY, 'pem', cert);
  }

  /** A new key with its certificate, as files. */
  make(wanted: Wanted): void {
    const { key, publicKey } = newKey();
    const cert = this.sign(wanted, publicKey);
    this.keep(wanted.name, { cert, key });
  }

  /** The key comes first: a node that reads in between finds that they do not fit, and waits. */
  keep(name: string, { cert, key }: Pair): void {
    mkdirSync(this.path, { recursive: true, mode: 0o700 });
    this.#write(name, 'key', key);
    this.#write(name, 'pem', cert);
  }

  /** The same holder and hosts for another time; the same key, unless a new one is wanted. */
  renew(name: string, { days, isKeyNew }: { readonly days: number; readonly isKeyNew: boolean }) {
    const holder = holderOf({ cert: this.#read(name, 'pem') });
    const { node, names, publicKey } = holder;
    const user = holder.user?.user;
    const hosts = names.filter(({ kind }) => KIND_OF_HOST.has(kind)).map(({ value }) => value);
    const wanted = { name, hosts: node === undefined ? undefined : hosts, user, days };
    if (isKeyNew) this.make(wanted);
    else this.#write(name, 'pem', this.sign(wanted, publicKey));
  }

  /** The authority first, then by name. */
  list(): readonly Listed[] {
    const files = existsSync(this.path) ? readdirSync(this.path) : [];
    const names = files.filter((file) => file.endsWith('.pem')).map((file) => file.slice(0, -4));
    const isFirst = (name: string) => (name === AUTHORITY ? 0 : 1);
    names.sort((one, other) => isFirst(one) - isFirst(other) || (one < other ? -1 : 1));
    return names.map((name) => {
      const holder = holderOf({ cert: this.#read(name, 'pem') });
      const { node, validTo, fingerprint } = holder;
      const user = holder.user?.user;
      const hosts = holder.names.filter(({ kind }) => KIND_OF_HOST.has(kind));
      const kind = name === AUTHORITY ? 'authority' : node === undefined ? 'client' : 'node';
      return { name, kind, user, hosts: hosts.map(({ value }) => value), validTo, fingerprint };
    });
  }

  #read(name: string, ending: 'pem' | 'key'): string {
    const path = this.#at(name, ending);
    const hint = 'kvctl cert ls lists the certificates; --certs names their folder';
    if (ending === 'key') return readPrivate(path, { what: 'the private key', hint });
    try {
      return readFileSync(path, 'utf8');
    } catch (error) {
      throw usageFailure(`the certificate cannot be read: ${(error as Error).message}`, hint);
    }
  }

  /** A reader finds the old text or the new one, never a part. */
  #write(name: string, ending: 'pem' | 'key', text: string): void {
    const path = this.#at(name, ending);
    const next = `${path}.new`;
    writeFileSync(next, text, { mode: ending === 'key' ? 0o600 : 0o644 });
    renameSync(next, path);
  }

  #at(name: string, ending: 'pem' | 'key'): string {
    return join(this.path, `${name}.${ending}`);
  }
}

function lifeOf(days: number) {
  const now = Date.now();
  return { validFrom: now - SKEW_MILLISECONDS, validTo: now + days * DAY_MILLISECONDS };
}
