/** What a data folder knows of its node before anything else is opened: whose it is. */

import type { NodeId } from '../base/ids.ts';
import { Reader, Writer } from '../base/message-pack.ts';

export interface Passport {
  /** Sixteen random bytes, drawn when the folder was made. */
  readonly joinToken: Uint8Array;
  /** Empty until the catalogue has given the node its number. */
  readonly cluster: string;
  readonly node: NodeId;
  /** The log was opened once: from then on an empty one means that it was lost. */
  readonly hasLived: boolean;
}

const FORMAT = 1;
const TOKEN_BYTES = 16;
const CLUSTER_BYTES_MAX = 64;

export function encodePassport({ joinToken, cluster, node, hasLived }: Passport): Uint8Array {
  const writer = new Writer();
  writer.array(5);
  writer.count(FORMAT);
  writer.bytes(joinToken);
  writer.bytes(new TextEncoder().encode(cluster));
  writer.count(node);
  writer.truth(hasLived);
  return writer.take();
}

/** Undefined for bytes that are none, or of a later version. */
export function decodePassport(bytes: Uint8Array): Passport | undefined {
  const reader = new Reader(bytes);
  reader.tuple(5);
  if (reader.count() !== FORMAT) return undefined;
  const joinToken = reader.bytes(TOKEN_BYTES);
  const cluster = new TextDecoder().decode(reader.bytes(CLUSTER_BYTES_MAX));
  const node = reader.count() as NodeId;
  const hasLived = reader.truth();
  if (reader.isBroken || reader.left > 0 || joinToken.length !== TOKEN_BYTES) return undefined;
  return { joinToken, cluster, node, hasLived };
}
