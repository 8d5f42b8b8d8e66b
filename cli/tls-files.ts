/** Certificates and keys: which files a call means, and what is in them. */

import { readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Options } from './call.ts';
import type { ConfigFile } from './config-file.ts';
import { usageFailure } from './failure.ts';
import { textOption } from './options.ts';
import { readPrivate } from './private-file.ts';

const FILE_BYTES_MAX = 256 * 1024;

/** Paths. */
export interface TlsPaths {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

/** PEM texts. */
interface Texts {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** The files that the call names, each in place of that of the config file. */
export function tlsPathsOf(options: Options, configured: Partial<TlsPaths> = {}): TlsPaths {
  const given = (name: string) => {
    const path = textOption(options, name);
    return path === undefined ? undefined : resolve(path);
  };
  return {
    ca: given('tlsCa') ?? configured.ca,
    cert: given('tlsCert') ?? configured.cert,
    key: given('tlsKey') ?? configured.key,
  };
}

/** What `kvctl` presents and accepts; undefined for a plain cluster. */
export function clientTlsOf(options: Options, file: ConfigFile | undefined) {
  const { ca, cert, key } = tlsPathsOf(options, file && configuredPaths(file));
  if (ca === undefined && cert === undefined && key === undefined) return undefined;
  if ((cert === undefined) !== (key === undefined)) throw halfPair();
  return {
    ...(ca === undefined ? {} : { ca: textIn(ca, '--tls-ca') }),
    ...(cert === undefined ? {} : { cert: textIn(cert, '--tls-cert') }),
    ...(key === undefined ? {} : { key: keyIn(key) }),
  };
}

/** The files of a node; undefined if it has no TLS. They are read at each call of the result. */
export function nodeTlsOf(paths: TlsPaths): (() => Texts) | undefined {
  const { ca, cert, key } = paths;
  if (ca === undefined && cert === undefined && key === undefined) return undefined;
  if (ca === undefined || cert === undefined || key === undefined) {
    throw usageFailure(
      'a node with TLS needs the certificate of the authority, its own, and the key of that',
      'set --tls-ca, --tls-cert and --tls-key, or tls in the config file (kvctl explain tls)',
    );
  }
  return () => ({
    ca: textIn(ca, '--tls-ca'),
    cert: textIn(cert, '--tls-cert'),
    key: keyIn(key),
  });
}

/** The certificate of the health listener. It is read at each call of the result. */
export function healthTextsOf(paths: { readonly cert: string; readonly key: string }) {
  return () => ({ cert: textIn(paths.cert, '--health-tls-cert'), key: keyIn(paths.key) });
}

/** The part of the config file that is for clients, as paths. */
function configuredPaths({ config, folder }: ConfigFile): Partial<TlsPaths> {
  const { tls } = config;
  const at = (path: string | undefined) => (path === undefined ? undefined : place(folder, path));
  return tls === undefined ? {} : { ca: at(tls.ca), cert: at(tls.cert), key: at(tls.key) };
}

/** A path of the config file is relative to its folder. */
export function place(folder: string, path: string): string {
  return resolve(join(folder, '.'), path);
}

function textIn(path: string, flag: string): string {
  try {
    const { size } = statSync(path);
    if (size <= FILE_BYTES_MAX) return readFileSync(path, 'utf8');
  } catch (error) {
    throw usageFailure(
      `the certificate cannot be read: ${(error as Error).message}`,
      pathHint(flag),
    );
  }
  throw usageFailure(`${path} is larger than ${FILE_BYTES_MAX} bytes`, `${flag} takes a PEM file`);
}

/** A private key is for one user of the machine. */
function keyIn(path: string): string {
  return readPrivate(path, { what: 'the private key', hint: pathHint('--tls-key') });
}

function pathHint(flag: string): string {
  return `check the path in ${flag}, in its environment variable or in tls of the config file`;
}

function halfPair(): Error {
  return usageFailure(
    'a certificate and its key belong together, but only one of them is set',
    'set both --tls-cert and --tls-key, or none',
  );
}
