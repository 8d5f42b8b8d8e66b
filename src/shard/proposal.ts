/** A command on its way to the log: its size, the keys it touches, the transactions it ends. */

import { decodeBatch } from '../machine/batch.ts';
import type { Command } from '../machine/command.ts';
import { type EntryBody, encodeEntry } from '../machine/entry.ts';
import type { ConcludingSteps } from '../machine/transaction.ts';
import {
  decodeConclusion,
  decodeDecide,
  decodeIds,
  decodePrepare,
  decodeResolutions,
} from '../machine/transaction-codec.ts';
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
  readonly ends: readonly End[];
  readonly hasHurry: boolean;
  /** It consists of this, so it may share an entry with others; undefined for other bodies. */
  readonly concludes?: Concludes | undefined;
}

/**
 * A transaction whose outcome is known: no failure changes it, whatever becomes of the proposal
 * that carries it out here.
 */
export interface End {
  readonly id: TransactionId;
  readonly isCommitted: boolean;
}

interface Concludes {
  readonly what: ConcludingSteps;
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

const NO_ENDS: readonly End[] = [];
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
}

export function stampedProposal(options: StampedOptions): Proposal {
  const { requester, epoch, valueBytesMax, body } = options;
  let touch: Touch | undefined;
  const what = conclusionIn(body);
  return {
    requester,
    bytes: bytesOf(body),
    payload: (time) => encodeEntry({ time, epoch, valueBytesMax }, body),
    touch: () => {
      touch ??= touchOf(body);
      return touch;
    },
    ends: what === undefined ? NO_ENDS : endsOf(what),
    concludes: what && { what, epoch, valueBytesMax },
    hasHurry: what === undefined,
  };
}

/** Undefined for a body that a request may wait for. */
function conclusionIn(body: EntryBody): ConcludingSteps | undefined {
  switch (body.type) {
    case 'resolve': {
      const resolutions = decodeResolutions(body.bytes);
      return resolutions && { ...NO_CONCLUSION, resolutions };
    }
    case 'clear': {
      const cleared = decodeIds(body.bytes);
      return cleared && { ...NO_CONCLUSION, cleared };
    }
    case 'conclude':
      return decodeConclusion(body.bytes);
    default:
      return undefined;
  }
}

const NO_CONCLUSION: ConcludingSteps = { commits: [], resolutions: [], cleared: [] };

/** Resolutions follow from a recorded decision, and these commits from parts that are ready. */
function endsOf({ commits, resolutions }: ConcludingSteps): readonly End[] {
  const committed = commits.flatMap((bytes) => decodeDecide(bytes) ?? []);
  return [...committed.map(({ id }) => ({ id, isCommitted: true })), ...resolutions];
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
