/** The token with which a newcomer has its key signed once, and the lines that both sides send. */

import { createHash, timingSafeEqual } from 'node:crypto';
import { usageFailure } from './failure.ts';

export interface JoinToken {
  /** Where `kvctl node join-token` listens. */
  readonly host: string;
  readonly port: number;
  /** SHA-256 of the authority's certificate: only a server of that authority gets the secret. */
  readonly authority: string;
  /** Proves that the sender has the token. */
  readonly secret: string;
  /** The node that the certificate is for. */
  readonly name: string;
}

/** What a newcomer sends. Its private key stays with it. */
export interface SigningRequest {
  readonly secret: string;
  readonly publicKey: string;
  /** Over the secret and the public key: the newcomer has the private key. */
  readonly signature: string;
}

/** What it gets. */
export interface SigningAnswer {
  readonly cert: string;
  readonly ca: string;
}

export const LINE_BYTES_MAX = 16 * 1024;
const PREFIX = 'ringkv-join-';
const TOKEN_CHARACTERS_MAX = 2048;

export function tokenText(token: JoinToken): string {
  return PREFIX + Buffer.from(JSON.stringify(token)).toString('base64url');
}

/** Throws a failure that does not contain the token. */
export function parseToken(text: string): JoinToken {
  const given = text.trim();
  const isLike = given.startsWith(PREFIX) && given.length <= TOKEN_CHARACTERS_MAX;
  const fields = isLike ? textsIn(Buffer.from(given.slice(PREFIX.length), 'base64url')) : undefined;
  const { host, port, authority, secret, name } = fields ?? {};
  const isWhole =
    isText(host) && isText(authority) && isText(secret) && isText(name) && Number.isInteger(port);
  if (isWhole) return { host, port: port as number, authority, secret, name };
  throw usageFailure(
    'this is not a token for joining',
    'kvctl node join-token NAME prints one; give it in a file, or on standard input',
  );
}

/** The fields of an object in JSON; undefined if it is none. Never throws. */
export function textsIn(bytes: Uint8Array): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof value === 'object' && value !== null
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** In the same time for every wrong secret. */
export function isSameSecret(one: string, other: string): boolean {
  const digestOf = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digestOf(one), digestOf(other));
}

/** What a newcomer signs with its private key. */
export function signedBytes({ secret, publicKey }: Omit<SigningRequest, 'signature'>): Uint8Array {
  return new TextEncoder().encode(`ringkv join\n${secret}\n${publicKey}`);
}

export function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= LINE_BYTES_MAX;
}
