/** Certificates of a node as texts: what is in them, and whether they can be used. */

import { constants, createPrivateKey, X509Certificate } from 'node:crypto';
import { alternativesIn, type NodeName, nodeNameIn } from './node-name.ts';
import { type UserName, userNameIn } from './user-name.ts';

/** The option of OpenSSL that has a server give out no session tickets. */
export const NO_TICKETS = constants.SSL_OP_NO_TICKET;

/** PEM texts. A certificate is followed by those between it and the authority, if there are any. */
export interface TlsTexts {
  /** The authorities that sign the other side's certificates. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** What a server presents that asks its clients for nothing. */
export type OwnTexts = Pick<TlsTexts, 'cert' | 'key'>;

/** Why these texts cannot be used; undefined if they can, at this time. */
export function faultOfTexts({ ca, ...own }: TlsTexts, now: number): string | undefined {
  const fault = faultOfOwn(own, now);
  if (fault !== undefined) return fault;
  try {
    const [authority] = certificatesIn(ca);
    if (authority !== undefined) return undefined;
    return 'the file of the authority has no certificate in PEM';
  } catch (error) {
    return `the certificate of the authority cannot be read: ${(error as Error).message}`;
  }
}

/** The same without an authority. */
export function faultOfOwn({ cert, key }: OwnTexts, now: number): string | undefined {
  try {
    const [own] = certificatesIn(cert);
    if (own === undefined) return 'the file of the certificate has no certificate in PEM';
    if (!isOfKey(own, key)) return 'the key is not that of the certificate';
    if (Date.parse(own.validTo) <= now) return `the certificate has expired (${own.validTo})`;
    if (Date.parse(own.validFrom) > now) return `it is valid from ${own.validFrom} on`;
    return undefined;
  } catch (error) {
    return `the certificate or its key cannot be read: ${(error as Error).message}`;
  }
}

/** What a certificate says. */
interface Holder {
  readonly node: NodeName | undefined;
  readonly user: UserName | undefined;
  /** In milliseconds since 1970. */
  readonly validTo: number;
  /** The common name. */
  readonly title: string;
  /** All alternative names, as OpenSSL prints them. */
  readonly names: ReturnType<typeof alternativesIn>;
  /** As PEM. */
  readonly publicKey: string;
  /** SHA-256 of the whole certificate in hex. */
  readonly fingerprint: string;
}

/** A user that a certificate names. */
export interface UserHolder extends UserName {
  /** The end of the certificate, in milliseconds since 1970. */
  readonly expiresAt: number;
}

/** Of a certificate that was accepted on a socket. */
export function userHolderOf(certificate: X509Certificate): UserHolder | undefined {
  const named = userNameIn(certificate.subjectAltName);
  return named && { ...named, expiresAt: Date.parse(certificate.validTo) };
}

/** Of the first certificate of a text, which `faultOfTexts` has accepted. */
export function holderOf({ cert }: Pick<TlsTexts, 'cert'>): Holder {
  const own = new X509Certificate(cert);
  const [, title = ''] = /^CN=([^\n]*)$/m.exec(own.subject) ?? [];
  return {
    node: nodeNameIn(own.subjectAltName),
    user: userNameIn(own.subjectAltName),
    validTo: Date.parse(own.validTo),
    title,
    names: alternativesIn(own.subjectAltName ?? ''),
    publicKey: own.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    fingerprint: own.fingerprint256.replaceAll(':', '').toLowerCase(),
  };
}

function certificatesIn(text: string): readonly X509Certificate[] {
  const blocks = text.match(CERTIFICATE) ?? [];
  return blocks.map((block) => new X509Certificate(block));
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

function isOfKey(certificate: X509Certificate, key: string): boolean {
  return certificate.checkPrivateKey(createPrivateKey(key));
}
