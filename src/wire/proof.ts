/** Proofs that a sender has the cluster secret, and their encoding. Pure. */

import { NO_BYTES } from '../base/message-pack.ts';
import { decode, encode, octets, truth } from '../base/schema.ts';
import { hmac } from '../base/sha256.ts';

/** No bytes for a cluster without a secret: it is open, and proofs prove nothing. */
export type Secret = Uint8Array;

export const NO_SECRET: Secret = NO_BYTES;

export const NONCE_BYTES = 16;
const PROOF = octets(32);

/** The first frames of a socket between nodes, byte by byte. */
export interface Hellos {
  readonly dialler: Uint8Array;
  readonly listener: Uint8Array;
}

const encoder = new TextEncoder();

/**
 * Each side proves itself with a MAC over both hellos: the two nodes, the cluster, the life, and a
 * nonce of each side, so that a proof is useless on another socket. The two sides use different
 * labels, so that a proof cannot be reflected to its sender.
 */
export function proofBy(side: keyof Hellos, secret: Secret, hellos: Hellos): Uint8Array {
  const word = encoder.encode(`ringkv peer ${side}\n`);
  return hmac(secret, word, hellos.dialler, hellos.listener);
}

/** Proves that a joining folder has the cluster secret. The same for every repetition. */
export function proofOfJoining(
  secret: Secret,
  { cluster, joinToken }: { readonly cluster: string; readonly joinToken: Uint8Array },
): Uint8Array {
  return hmac(secret, encoder.encode('ringkv join\n'), joinToken, encoder.encode(cluster));
}

/** A frame. */
export function encodeProof(proof: Uint8Array): Uint8Array {
  return encode(PROOF, proof);
}

/** The last frame of a handshake, from the listener: it accepts the dialler. */
export function encodeAdmission(): Uint8Array {
  return encode(truth, true);
}

export function isAdmission(bytes: Uint8Array): boolean {
  return decode(truth, bytes) === true;
}

/** Undefined if it is not exactly what `encodeProof` makes. Never throws. */
export function decodeProof(bytes: Uint8Array): Uint8Array | undefined {
  return decode(PROOF, bytes);
}
