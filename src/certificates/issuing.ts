/** Makes the authority of a cluster, and the certificates that it signs. P-256 and SHA-256. */

import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto';
import { isIP } from 'node:net';
import {
  bits,
  integer,
  named,
  octets,
  oid,
  sequence,
  set,
  tagged,
  time,
  truth,
  utf8,
} from './der.ts';

/** PEM texts: a certificate and its private key. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

/** In milliseconds since 1970. */
interface Validity {
  readonly validFrom: number;
  readonly validTo: number;
}

interface Wanted extends Validity {
  /** The common name, which people read and no program checks. */
  readonly title: string;
  /** The public key that is certified, as PEM. */
  readonly publicKey: string;
  /** The identity: `ringkv://CLUSTER/node/NAME` of a node. */
  readonly uris?: readonly string[];
  /** Host names and addresses at which a client may expect the holder. */
  readonly hosts?: readonly string[];
  /** A server too, and not a client only. */
  readonly isServer: boolean;
}

const OID = {
  commonName: '2.5.4.3',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  subjectKey: '2.5.29.14',
  keyUsage: '2.5.29.15',
  alternativeName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKey: '2.5.29.35',
  extendedUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
} as const;

/** The bit of `keyCertSign` and `cRLSign`, and that of `digitalSignature`, with unused bits. */
const SIGNS_CERTIFICATES = bits(new Uint8Array([0x06]), 1);
const SIGNS = bits(new Uint8Array([0x80]), 7);
const SERIAL_BYTES = 16;
const KIND = { uri: 6, dns: 2, address: 7 } as const;

/** A private key as PEM; its public part is certified. */
export function newKey(): { readonly key: string; readonly publicKey: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  };
}

/** A certificate that signs itself, and may sign certificates that sign no others. */
export function newAuthority({ title, ...validity }: Validity & { readonly title: string }): Pair {
  const { key, publicKey } = newKey();
  const spki = spkiOf(publicKey);
  const extensions = [
    extension(OID.basicConstraints, sequence(truth(), integer(new Uint8Array(1))), true),
    extension(OID.keyUsage, SIGNS_CERTIFICATES, true),
    extension(OID.subjectKey, octets(keyIdOf(spki))),
  ];
  const names = { issuer: title, subject: title };
  const cert = signed({ ...names, spki, extensions, ...validity }, createPrivateKey(key));
  return { cert, key };
}

/** Fails if the authority is none of `newAuthority`. */
export function issue(authority: Pair, wanted: Wanted): string {
  const parent = new X509Certificate(authority.cert);
  const [, issuer] = /^CN=([^\n]*)$/.exec(parent.subject) ?? [];
  const signer = createPrivateKey(authority.key);
  if (issuer === undefined || !parent.ca || !parent.checkPrivateKey(signer)) {
    throw new TypeError('this is not a certificate authority of ringkv with its key');
  }
  const spki = spkiOf(wanted.publicKey);
  const { uris = [], hosts = [], isServer, title } = wanted;
  const uses = [OID.clientAuth, ...(isServer ? [OID.serverAuth] : [])].map(oid);
  const parentKey = keyIdOf(parent.publicKey.export({ type: 'spki', format: 'der' }));
  const names = [...uris.map((uri) => named(KIND.uri, ascii(uri))), ...hosts.map(hostName)];
  const extensions = [
    extension(OID.basicConstraints, sequence(), true),
    extension(OID.keyUsage, SIGNS, true),
    extension(OID.extendedUsage, sequence(...uses)),
    extension(OID.subjectKey, octets(keyIdOf(spki))),
    extension(OID.authorityKey, sequence(named(0, parentKey))),
    ...(names.length === 0 ? [] : [extension(OID.alternativeName, sequence(...names))]),
  ];
  const { validFrom, validTo } = wanted;
  return signed({ issuer, subject: title, spki, extensions, validFrom, validTo }, signer);
}

interface Contents extends Validity {
  readonly issuer: string;
  readonly subject: string;
  readonly spki: Uint8Array;
  readonly extensions: readonly Uint8Array[];
}

/** RFC 5280 §4.1. */
function signed(contents: Contents, signer: KeyObject): string {
  const { issuer, subject, spki, extensions, validFrom, validTo } = contents;
  const algorithm = sequence(oid(OID.ecdsaWithSha256));
  const body = sequence(
    tagged(0, integer(new Uint8Array([2]))),
    integer(randomBytes(SERIAL_BYTES)),
    algorithm,
    nameOf(issuer),
    sequence(time(validFrom), time(validTo)),
    nameOf(subject),
    spki,
    tagged(3, sequence(...extensions)),
  );
  const certificate = sequence(body, algorithm, bits(sign('sha256', body, signer)));
  const lines =
    Buffer.from(certificate)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}

function extension(id: string, value: Uint8Array, isCritical = false): Uint8Array {
  return sequence(oid(id), ...(isCritical ? [truth()] : []), octets(value));
}

function nameOf(title: string): Uint8Array {
  return sequence(set(sequence(oid(OID.commonName), utf8(title))));
}

function spkiOf(publicKey: string): Uint8Array {
  return createPublicKey(publicKey).export({ type: 'spki', format: 'der' });
}

/** Any value that differs between keys (RFC 5280 §4.2.1.2). */
function keyIdOf(spki: Uint8Array): Uint8Array {
  return createHash('sha256').update(spki).digest().subarray(0, 20);
}

function hostName(host: string): Uint8Array {
  const version = isIP(host);
  if (version === 0) return named(KIND.dns, ascii(host));
  return named(KIND.address, version === 4 ? addressOfFour(host) : addressOfSix(host));
}

function addressOfFour(host: string): Uint8Array {
  return new Uint8Array(host.split('.').map(Number));
}

/** The URL parser expands nothing, but it writes an embedded IPv4 address as groups. */
function addressOfSix(host: string): Uint8Array {
  const [head = '', tail = ''] = new URL(`http://[${host}]`).hostname.slice(1, -1).split('::');
  const groupsOf = (text: string) => (text === '' ? [] : text.split(':'));
  const [left, right] = [groupsOf(head), groupsOf(tail)];
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0');
  const groups = [...left, ...zeros, ...right].map((group) => Number.parseInt(group, 16));
  return new Uint8Array(groups.flatMap((group) => [group >> 8, group & 0xff]));
}

function ascii(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'latin1'));
}
