/** Proofs that a speaker has the secret of the cluster, and how they are spelled. Pure. */

import { Reader, Writer } from '../base/message-pack.ts';
import { hmac } from '../base/sha256.ts';

/** No bytes for a cluster without one: its doors stand open, and proofs prove nothing. */
export type Secret = Uint8Array;

export const NO_SECRET: Secret = new Uint8Array();

export const NONCE_BYTES = 16;
const PROOF_BYTES = 32;

/** The first frames of a socket between nodes, byte by byte. */
export interface Hellos {
  readonly dialler: Uint8Array;
  readonly listener: Uint8Array;
}

const encoder = new TextEncoder();
const writer = new Writer();

/**
 * Each side proves itself by both hellos: who speaks to whom, of which cluster, in which life, and
 * a nonce of each side, so that no proof is of any use on another socket. The sides have words of
 * their own, so that no proof can be sent back to where it came from.
 */
export function proofBy(side: keyof Hellos, secret: Secret, hellos: Hellos): Uint8Array {
  const word = encoder.encode(`ringkv peer ${side}\n`);
  return hmac(secret, word, hellos.dialler, hellos.listener);
}

/** That a data folder asks to join with the secret of its cluster. Said twice it is said once. */
export function proofOfJoining(
  secret: Secret,
  { cluster, joinToken }: { readonly cluster: string; readonly joinToken: Uint8Array },
): Uint8Array {
  return hmac(secret, encoder.encode('ringkv join\n'), joinToken, encoder.encode(cluster));
}

/** A frame. */
export function encodeProof(proof: Uint8Array): Uint8Array {
  writer.clear();
  writer.bytes(proof);
  return writer.take();
}

/** The last word of a handshake, by the listener: what the dialler says is taken. A frame. */
export function encodeAdmission(): Uint8Array {
  writer.clear();
  writer.truth(true);
  return writer.take();
}

export function isAdmission(bytes: Uint8Array): boolean {
  const reader = new Reader(bytes);
  return reader.truth() && !reader.isBroken && reader.left === 0;
}

/** Undefined if it is not exactly what `encodeProof` makes. Never throws. */
export function decodeProof(bytes: Uint8Array): Uint8Array | undefined {
  const reader = new Reader(bytes);
  const proof = reader.bytes(PROOF_BYTES);
  const isSound = !reader.isBroken && reader.left === 0 && proof.length === PROOF_BYTES;
  return isSound ? proof : undefined;
}
