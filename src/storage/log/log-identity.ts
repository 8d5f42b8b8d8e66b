/** The file that names the owner of the folder and counts its boots. */

import { crc32 } from 'node:zlib';
import type { NodeId } from '../../base/ids.ts';
import { BOOTS_KEPT, type Life } from '../../base/life.ts';
import type { LogOwner } from './log.ts';

export const IDENTITY = 'identity';
export const IDENTITY_NEW = 'identity.new';
/** Of all data in the folder, so it changes whenever rows or entries of the machine do. */
const FORMAT = 3;

/** What to do when nothing can be restored. */
export const START_ANEW = 'remove this node from the cluster and start it with an empty folder';

export interface Identity extends LogOwner {
  /** 0 until the first boot is complete. */
  readonly incarnation: number;
  /** A random word for each of the last boots that opened the log, and for the newest. */
  readonly boots: readonly number[];
}

/**
 * The boot words with that of a new boot. `announced` is the incarnation of this node that the
 * cluster map showed last, if the log has it: its word is kept, however many boots follow.
 */
export function wordsWith(
  { former, word }: { readonly former: readonly number[]; readonly word: number },
  announced: Life | undefined,
): readonly number[] {
  const words = [...former, word].slice(-BOOTS_KEPT);
  const isKept = announced === undefined || words.includes(announced.word);
  return isKept ? words : [announced.word, ...words];
}

/** Human-readable; the second line is the CRC of the first. */
export function encodeIdentity({ cluster, node, incarnation, boots }: Identity): Uint8Array {
  const line = JSON.stringify({ format: FORMAT, cluster, node, incarnation, boots });
  return new TextEncoder().encode(`${line}\n${crcOf(line)}\n`);
}

/** Returns the identity, or why it cannot be used and what to do. */
export function decodeIdentity(bytes: Uint8Array, owner: LogOwner): Identity | string {
  const [line = '', crc = ''] = new TextDecoder().decode(bytes).split('\n');
  if (crc !== crcOf(line)) {
    return `the identity file is damaged, so the owner of the folder is unknown: ${START_ANEW}`;
  }
  const found = JSON.parse(line) as Readonly<
    Record<'format' | 'cluster' | 'node' | 'incarnation' | 'boots', unknown>
  >;
  if (found.format !== FORMAT) {
    const theirs = `another version of ringkv has written the folder (format ${found.format}`;
    const ours = `this version reads format ${FORMAT})`;
    return `${theirs}; ${ours}: start the node with that version, or with an empty folder`;
  }
  const identity = {
    cluster: String(found.cluster),
    node: Number(found.node) as NodeId,
    incarnation: Number(found.incarnation),
    boots: Array.isArray(found.boots) ? found.boots.map(Number) : [],
  };
  if (identity.cluster !== owner.cluster || identity.node !== owner.node) {
    const theirs = `node ${identity.node} of cluster ${identity.cluster}`;
    const ours = `node ${owner.node} of cluster ${owner.cluster}`;
    return `the folder belongs to ${theirs}, not to ${ours}: point this node at its own folder`;
  }
  return identity;
}

/** Stored in the header of every segment to recognize a file of another node. */
export function ownerCrc({ cluster, node }: LogOwner): number {
  return crc32(`${node} ${cluster}`);
}

function crcOf(line: string): string {
  return crc32(line).toString(16).padStart(8, '0');
}
