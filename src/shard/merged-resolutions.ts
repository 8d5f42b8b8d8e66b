/**
 * Resolutions from several home shards share an entry: an entry costs every replica more than what
 * it resolves.
 */

import { TRANSACTION_LIMITS } from '../base/transaction-limits.ts';
import { encodeEntry } from '../machine/entry.ts';
import { decodeReply, encodeReply } from '../machine/reply.ts';
import type { Resolution } from '../machine/transaction.ts';
import { encodeResolutions } from '../machine/transaction-codec.ts';
import type { Response } from '../wire/response.ts';
import type { Proposal } from './proposal.ts';

type Resolving = Proposal & { readonly resolutions: NonNullable<Proposal['resolutions']> };

/** The same proposals in the same order, but resolutions stand at the end, and share entries. */
export function mergeResolutions(proposals: readonly Proposal[]): readonly Proposal[] {
  const resolving = proposals.filter(isResolving);
  if (resolving.length < 2) return proposals;
  const others = proposals.filter((one) => !isResolving(one));
  return [...others, ...groupsOf(resolving).map(merged)];
}

function isResolving(proposal: Proposal): proposal is Resolving {
  return proposal.resolutions !== undefined;
}

function groupsOf(resolving: readonly Resolving[]): readonly (readonly Resolving[])[] {
  const groups: Resolving[][] = [];
  let left = 0;
  for (const one of resolving) {
    const { length } = one.resolutions.list;
    const last = groups.at(-1);
    if (last === undefined || length > left) {
      groups.push([one]);
      left = TRANSACTION_LIMITS.resolutionsMax - length;
    } else {
      last.push(one);
      left -= length;
    }
  }
  return groups;
}

function merged(group: readonly Resolving[]): Proposal {
  const [first] = group;
  if (first === undefined || group.length === 1) return first as Resolving;
  const { epoch, valueBytesMax } = first.resolutions;
  const bytes = encodeResolutions(group.flatMap((one): Resolution[] => [...one.resolutions.list]));
  return {
    requester: { id: 0, responder: { respond: (response) => answer(group, response) } },
    bytes: bytes.length,
    payload: (time) => encodeEntry({ time, epoch, valueBytesMax }, { type: 'resolve', bytes }),
    touch: first.touch,
    ends: group.flatMap(({ ends }) => ends),
    hasHurry: true,
  };
}

/** Each requester learns how many of its own were resolved. */
function answer(group: readonly Resolving[], response: Response): void {
  if (response.type !== 'written') {
    for (const { requester } of group) {
      requester.responder.respond({ ...response, id: requester.id });
    }
    return;
  }
  let left = resolvedBy(response.replies);
  for (const { requester, resolutions } of group) {
    const { length } = resolutions.list;
    const replies = left >= length ? [] : [partly(Math.max(0, left))];
    left -= length;
    requester.responder.respond({ ...response, id: requester.id, replies });
  }
}

/** All of them, unless the reply says otherwise. */
function resolvedBy([bytes]: readonly Uint8Array[]): number {
  if (bytes === undefined) return Number.POSITIVE_INFINITY;
  const reply = decodeReply(bytes);
  return reply?.type === 'refused' && reply.reason === 'entry-full' ? reply.position : 0;
}

function partly(resolved: number): Uint8Array {
  return encodeReply({ type: 'refused', reason: 'entry-full', position: resolved });
}
