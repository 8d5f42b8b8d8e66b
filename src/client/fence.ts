/** Fences: the name of a lock and the token of one of its owners, and their form as a text. */

import { COORDINATION_LIMITS } from '../base/coordination-limits.ts';
import { isKvError, KvError } from '../base/errors.ts';
import { hash } from '../base/hash.ts';
import { NUMBER_MAX } from '../base/ids.ts';
import type { Guard } from './core/call.ts';

/**
 * Proves to the shards which owner of a lock a write comes from. The token of each owner is greater
 * than those of all owners before; shared owners that own the lock together have the same.
 *
 * A fence may be passed on as a text, to another process or in a message: the writes of that
 * process are then guarded as those of the owner.
 *
 * @example
 * ```ts
 * const lock = await kv.lock('report');
 * const text = String(lock.fence); // for a worker
 * await kv.set('report:today', 'done', { fence: text });
 * await lock.release();
 * ```
 */
export interface Fence {
  /** The name of the lock in bytes, with the prefix of its space. */
  readonly name: Uint8Array;
  /** Grows from owner to owner. */
  readonly token: number;
  /**
   * The text, which any client of the same cluster takes as a fence.
   *
   * @example
   * ```ts
   * const lock = await kv.lock('report');
   * const text = lock.fence.toString();
   * await kv.delete('report:today', { fence: text });
   * ```
   */
  toString(): string;
}

/** A lock, as the source of its fence. */
export interface FenceOwner {
  /** Of the owner. */
  readonly fence: Fence;
  /** Whether the lock is owned now. */
  readonly isOwned: boolean;
  /** Aborted if it is not, with the reason. */
  readonly signal: AbortSignal;
}

/** What a guarded write takes: a lock that is owned, its fence, or the text of a fence. */
export type FenceSource = FenceOwner | Fence | string;

interface FenceHome {
  /** The id of the cluster. */
  readonly cluster: string;
}

const TOKEN_BYTES = 8;
const DIGEST_BYTES = 8;
const CHECKSUM_BYTES = 4;

export function fenceOf({ name, token }: Guard, { cluster }: FenceHome): Fence {
  return { name, token, toString: () => textOf({ name, token }, cluster) };
}

/** Throws if nothing is guarded by it: a lock that was lost, or a text that is no fence. */
export function guardOf(source: FenceSource, { cluster }: FenceHome): Guard {
  if (typeof source === 'string') return parse(source, cluster);
  if (isLock(source)) {
    const { fence } = source;
    if (source.isOwned) return { name: fence.name, token: fence.token };
    const message = 'the lock is not owned any more; nothing was sent';
    const cause = source.signal.reason;
    const isReleased = isKvError(cause) && cause.code === 'lock-released';
    const code = isReleased ? 'lock-released' : 'lock-lost';
    throw new KvError({ code, outcome: 'notApplied', message, cause });
  }
  const { name, token } = (source ?? {}) as Partial<Fence>;
  const isName = ArrayBuffer.isView(name) && name.byteLength > 0;
  if (!isName || !isToken(token)) throw badFence('it has no name of a lock, or no token');
  return { name: new Uint8Array(name.buffer, name.byteOffset, name.byteLength), token };
}

export function badFence(why: string): KvError {
  const message = `it is no fence: ${why}`;
  return new KvError({ code: 'bad-fence', outcome: 'notApplied', message });
}

function isLock(source: FenceOwner | Fence): source is FenceOwner {
  return typeof source === 'object' && source !== null && 'isOwned' in source;
}

function isToken(token: unknown): token is number {
  return Number.isSafeInteger(token) && (token as number) > 0 && (token as number) <= NUMBER_MAX;
}

/** Cluster, token, name, and a checksum of all of it. */
function textOf({ name, token }: Guard, cluster: string): string {
  const bytes = new Uint8Array(DIGEST_BYTES + TOKEN_BYTES + name.length + CHECKSUM_BYTES);
  const view = new DataView(bytes.buffer);
  bytes.set(digestOf(cluster));
  view.setBigUint64(DIGEST_BYTES, BigInt(token));
  bytes.set(name, DIGEST_BYTES + TOKEN_BYTES);
  const end = bytes.length - CHECKSUM_BYTES;
  view.setUint32(end, hash(bytes.subarray(0, end)));
  return Buffer.from(bytes).toString('base64url');
}

function parse(text: string, cluster: string): Guard {
  const bytes = new Uint8Array(Buffer.from(text, 'base64url'));
  const nameBytes = bytes.length - DIGEST_BYTES - TOKEN_BYTES - CHECKSUM_BYTES;
  if (nameBytes < 1 || nameBytes > COORDINATION_LIMITS.lockNameBytesMax) {
    throw badFence(`the text has ${text.length} characters`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const end = bytes.length - CHECKSUM_BYTES;
  if (view.getUint32(end) !== hash(bytes.subarray(0, end))) {
    throw badFence('the text was changed, or comes from elsewhere');
  }
  const digest = digestOf(cluster);
  if (digest.some((byte, at) => byte !== bytes[at])) {
    throw badFence('the text comes from another cluster');
  }
  const token = Number(view.getBigUint64(DIGEST_BYTES));
  if (!isToken(token)) throw badFence('its token is out of range');
  return { name: bytes.slice(DIGEST_BYTES + TOKEN_BYTES, end), token };
}

function digestOf(cluster: string): Uint8Array {
  const bytes = Buffer.from(cluster);
  const digest = new Uint8Array(DIGEST_BYTES);
  const view = new DataView(digest.buffer);
  view.setUint32(0, hash(bytes, 1));
  view.setUint32(4, hash(bytes, 2));
  return digest;
}
