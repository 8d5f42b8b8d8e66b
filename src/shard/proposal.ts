/** A command on its way to the log: what it weighs, which keys it touches, whom it ends. */

import { decodeBatch } from '../machine/batch.ts';
import type { Command } from '../machine/command.ts';
import { type EntryBody, encodeEntry } from '../machine/entry.ts';
import { decodeDecide, decodePrepare, decodeResolutions } from '../machine/transaction-codec.ts';
import type { Contender, TransactionId } from '../machine/transaction-id.ts';
import type { Requester } from './proposals.ts';

export interface Proposal {
  readonly requester: Requester;
  /** What it weighs while it waits. */
  readonly bytes: number;
  /** Stamped with the time of the log when it is proposed. */
  readonly payload: (time: number) => Uint8Array;
  /** Found out only where something is held. */
  readonly touch: () => Touch;
  /** The transactions that it ends here. */
  readonly ends: readonly TransactionId[];
  readonly hasHurry: boolean;
}

/** Which keys an entry will touch, and on whose behalf. */
interface Touch {
  readonly commands: readonly Command[];
  /** Undefined for what holds no keys: it may wait for anybody. */
  readonly contender: Contender | undefined;
  /** It writes at once: afterwards its transaction has no need of the keys. */
  readonly isLast?: boolean;
}

const NOTHING: Touch = { commands: [], contender: undefined };

/** One that needs no stamp, and touches no keys. */
export function plainProposal(requester: Requester, payload: Uint8Array): Proposal {
  const touch = () => NOTHING;
  const bytes = payload.length;
  return { requester, bytes, payload: () => payload, touch, ends: [], hasHurry: true };
}

interface StampedOptions {
  readonly requester: Requester;
  readonly epoch: number;
  /** What the leader takes in as one value. */
  readonly valueBytesMax: number;
  readonly body: EntryBody;
  /** Somebody waits in the shard for a key that is held. */
  readonly isAwaited: boolean;
}

export function stampedProposal(options: StampedOptions): Proposal {
  const { requester, epoch, valueBytesMax, body, isAwaited } = options;
  let touch: Touch | undefined;
  return {
    requester,
    bytes: bytesOf(body),
    payload: (time) => encodeEntry({ time, epoch, valueBytesMax }, body),
    touch: () => {
      touch ??= touchOf(body);
      return touch;
    },
    ends: endsOf(body),
    hasHurry: isAwaited || (body.type !== 'resolve' && body.type !== 'clear'),
  };
}

function bytesOf(body: EntryBody): number {
  if (body.type === 'batch') return body.batch.length;
  return 'bytes' in body ? body.bytes.length : 0;
}

function endsOf(body: EntryBody): readonly TransactionId[] {
  if (body.type !== 'resolve') return [];
  return (decodeResolutions(body.bytes) ?? []).map(({ id }) => id);
}

function touchOf(body: EntryBody): Touch {
  if (body.type === 'batch') {
    const commands = decodeBatch(body.batch)?.commands ?? [];
    // What is not asked for any more meets no key.
    return { commands: commands.filter(({ length }) => length > 0), contender: undefined };
  }
  if (body.type === 'prepare') {
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
