/** A command on its way to the log: its size, the keys it touches, the transactions it ends. */

import { decodeBatch } from '../machine/batch.ts';
import type { Command } from '../machine/command.ts';
import { type EntryBody, encodeEntry } from '../machine/entry.ts';
import type { Resolution } from '../machine/transaction.ts';
import { decodeDecide, decodePrepare, decodeResolutions } from '../machine/transaction-codec.ts';
import type { Contender, TransactionId } from '../machine/transaction-id.ts';
import type { Requester } from './proposals.ts';

export interface Proposal {
  readonly requester: Requester;
  /** Its size while it waits. */
  readonly bytes: number;
  /** Stamped with the log time when it is proposed. */
  readonly payload: (time: number) => Uint8Array;
  /** Computed only if some key is locked or reserved. */
  readonly touch: () => Touch;
  /** The transactions that it ends here. */
  readonly ends: readonly TransactionId[];
  readonly hasHurry: boolean;
  /** It consists of these, so it may share an entry with others; undefined for other bodies. */
  readonly resolutions?: Resolutions | undefined;
}

interface Resolutions {
  readonly list: readonly Resolution[];
  readonly epoch: number;
  readonly valueBytesMax: number;
}

/** The keys that an entry touches, and the transaction that it belongs to. */
interface Touch {
  readonly commands: readonly Command[];
  /** Undefined for a request that holds no locks: it may wait for any holder. */
  readonly contender: Contender | undefined;
  /** It writes immediately: afterwards its transaction does not need the keys any more. */
  readonly isLast?: boolean;
}

const NO_ENDS: readonly TransactionId[] = [];
const NOTHING: Touch = { commands: [], contender: undefined };

/** A proposal that carries no stamp and touches no keys. */
export function plainProposal(requester: Requester, payload: Uint8Array): Proposal {
  const touch = () => NOTHING;
  const bytes = payload.length;
  return { requester, bytes, payload: () => payload, touch, ends: [], hasHurry: true };
}

interface StampedOptions {
  readonly requester: Requester;
  readonly epoch: number;
  /** The largest value that the leader accepts. */
  readonly valueBytesMax: number;
  readonly body: EntryBody;
  /** A request in the shard waits for a locked key. */
  readonly isAwaited: boolean;
}

export function stampedProposal(options: StampedOptions): Proposal {
  const { requester, epoch, valueBytesMax, body, isAwaited } = options;
  let touch: Touch | undefined;
  const list = body.type === 'resolve' ? decodeResolutions(body.bytes) : undefined;
  return {
    requester,
    bytes: bytesOf(body),
    payload: (time) => encodeEntry({ time, epoch, valueBytesMax }, body),
    touch: () => {
      touch ??= touchOf(body);
      return touch;
    },
    ends: list?.map(({ id }) => id) ?? NO_ENDS,
    resolutions: list && { list, epoch, valueBytesMax },
    hasHurry: isAwaited || (body.type !== 'resolve' && body.type !== 'clear'),
  };
}

function bytesOf(body: EntryBody): number {
  if (body.type === 'batch') return body.batch.length;
  return 'bytes' in body ? body.bytes.length : 0;
}

function touchOf(body: EntryBody): Touch {
  if (body.type === 'batch') {
    const commands = decodeBatch(body.batch)?.commands ?? [];
    // A command that is not asked for any more meets no lock.
    return { commands: commands.filter(({ length }) => length > 0), contender: undefined };
  }
  if (body.type === 'prepare' || body.type === 'stage') {
    const prepare = decodePrepare(body.bytes);
    return prepare ? { commands: [prepare.operations], contender: prepare } : NOTHING;
  }
  if (body.type === 'decide') {
    const decide = decodeDecide(body.bytes);
    if (decide?.proposal.type !== 'commit') return NOTHING;
    return { commands: [decide.proposal.operations], contender: decide, isLast: true };
  }
  return NOTHING;
}
