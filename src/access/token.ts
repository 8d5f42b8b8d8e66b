/**
 * Tokens: `id.secret`, both in hex. The id is no secret and names the token everywhere; of the
 * secret only its SHA-256 is kept. It is 32 random bytes, so a slow hash would protect nothing.
 */

import { sha256 } from '../base/sha256.ts';
import type { Credential } from './principal.ts';

export const TOKEN_ID_BYTES = 8;
const SECRET_BYTES = 32;
/** Id and secret, as a client sends them. */
export const TOKEN_BYTES = TOKEN_ID_BYTES + SECRET_BYTES;

const PATTERN = new RegExp(`^[0-9a-f]{${TOKEN_ID_BYTES * 2}}\\.[0-9a-f]{${SECRET_BYTES * 2}}$`);

/** The text of a token. Required: `TOKEN_BYTES` random bytes. */
export function tokenText(bytes: Uint8Array): string {
  return `${hexOf(bytes.subarray(0, TOKEN_ID_BYTES))}.${hexOf(bytes.subarray(TOKEN_ID_BYTES))}`;
}

/** Undefined for a text that is no token. */
export function tokenBytes(text: string): Uint8Array | undefined {
  return PATTERN.test(text) ? bytesOfHex(text.replace('.', '')) : undefined;
}

/** What is kept of a token. */
export function credentialOf(bytes: Uint8Array): Credential {
  const digest = sha256(bytes.subarray(TOKEN_ID_BYTES));
  return { token: bytes.slice(0, TOKEN_ID_BYTES), digest };
}

/** The id of a token as people see it. */
export function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Undefined for a text that is no id of a token. */
export function tokenIdOf(text: string): Uint8Array | undefined {
  const isId = text.length === TOKEN_ID_BYTES * 2 && /^[0-9a-f]+$/.test(text);
  return isId ? bytesOfHex(text) : undefined;
}

function bytesOfHex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}
