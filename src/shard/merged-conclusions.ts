/**
 * What no client waits for shares an entry: commits of staged transactions, resolutions of several
 * home shards, and decisions to be cleared. An entry costs every replica more than what it ends.
 */

import { TRANSACTION_LIMITS } from '../base/transaction-limits.ts';
import { type EntryBody, encodeEntry } from '../machine/entry.ts';
import { decodeReply, encodeReply } from '../machine/reply.ts';
import type { ConcludingSteps } from '../machine/transaction.ts';
import { encodeConclusion, encodeIds, encodeResolutions } from '../machine/transaction-codec.ts';
import type { Response } from '../wire/response.ts';
import type { Proposal } from './proposal.ts';

type Concluding = Proposal & { readonly concludes: NonNullable<Proposal['concludes']> };

/** The same proposals in the same order, but these stand at the end, and share entries. */
export function mergeConclusions(proposals: readonly Proposal[]): readonly Proposal[] {
  const concluding = proposals.filter(isConcluding);
  if (concluding.length < 2) return proposals;
  const others = proposals.filter((one) => !isConcluding(one));
  return [...others, ...groupsOf(concluding).map(merged)];
}

function isConcluding(proposal: Proposal): proposal is Concluding {
  return proposal.concludes !== undefined;
}

interface Size {
  readonly commits: number;
  readonly resolutions: number;
  readonly cleared: number;
  readonly bytes: number;
}

function groupsOf(concluding: readonly Concluding[]): readonly (readonly Concluding[])[] {
  const groups: Concluding[][] = [];
  let size: Size | undefined;
  for (const one of concluding) {
    const together = size && sumOf(size, sizeOf(one));
    const last = groups.at(-1);
    if (last === undefined || together === undefined || !fits(together)) {
      groups.push([one]);
      size = sizeOf(one);
    } else {
      last.push(one);
      size = together;
    }
  }
  return groups;
}

function sizeOf({ concludes, bytes }: Concluding): Size {
  const { commits, resolutions, cleared } = concludes.what;
  const counts = { commits: commits.length, resolutions: resolutions.length };
  return { ...counts, cleared: cleared.length, bytes };
}

function sumOf(one: Size, other: Size): Size {
  return {
    commits: one.commits + other.commits,
    resolutions: one.resolutions + other.resolutions,
    cleared: one.cleared + other.cleared,
    bytes: one.bytes + other.bytes,
  };
}

function fits({ commits, resolutions, cleared, bytes }: Size): boolean {
  const { resolutionsMax, concludedBytesMax } = TRANSACTION_LIMITS;
  const isShort = Math.max(commits, resolutions, cleared) <= resolutionsMax;
  return isShort && bytes <= concludedBytesMax;
}

function merged(group: readonly Concluding[]): Proposal {
  const [first] = group;
  if (first === undefined || group.length === 1) return first as Concluding;
  const { epoch, valueBytesMax } = first.concludes;
  const body = bodyOf({
    commits: group.flatMap(({ concludes }) => [...concludes.what.commits]),
    resolutions: group.flatMap(({ concludes }) => [...concludes.what.resolutions]),
    cleared: group.flatMap(({ concludes }) => [...concludes.what.cleared]),
  });
  return {
    requester: { id: 0, responder: { respond: (response) => answer(group, response) } },
    bytes: body.bytes.length,
    payload: (time) => encodeEntry({ time, epoch, valueBytesMax }, body),
    touch: first.touch,
    ends: group.flatMap(({ ends }) => ends),
    hasHurry: true,
  };
}

/** The shortest body that says it. */
function bodyOf(what: ConcludingSteps): Extract<EntryBody, { readonly bytes: Uint8Array }> {
  const { commits, resolutions, cleared } = what;
  const kinds = [commits, resolutions, cleared].filter(({ length }) => length > 0).length;
  if (kinds === 1 && resolutions.length > 0) {
    return { type: 'resolve', bytes: encodeResolutions(resolutions) };
  }
  if (kinds === 1 && cleared.length > 0) return { type: 'clear', bytes: encodeIds(cleared) };
  return { type: 'conclude', bytes: encodeConclusion(what) };
}

/** Each requester learns what became of its own commits, and how many were resolved. */
function answer(group: readonly Concluding[], response: Response): void {
  if (response.type !== 'written') {
    for (const { requester } of group) {
      requester.responder.respond({ ...response, id: requester.id });
    }
    return;
  }
  const { replies } = response;
  const commits = group.reduce((sum, { concludes }) => sum + concludes.what.commits.length, 0);
  let next = 0;
  let left = resolvedBy(replies[commits]);
  for (const { requester, concludes } of group) {
    const { what } = concludes;
    const own = replies.slice(next, next + what.commits.length);
    next += what.commits.length;
    const { length } = what.resolutions;
    const cut = length === 0 || left >= length ? [] : [partly(Math.max(0, left))];
    left -= length;
    requester.responder.respond({ ...response, id: requester.id, replies: [...own, ...cut] });
  }
}

/** All of them, unless the reply says otherwise. */
function resolvedBy(bytes: Uint8Array | undefined): number {
  if (bytes === undefined) return Number.POSITIVE_INFINITY;
  const reply = decodeReply(bytes);
  return reply?.type === 'refused' && reply.reason === 'entry-full' ? reply.position : 0;
}

function partly(resolved: number): Uint8Array {
  return encodeReply({ type: 'refused', reason: 'entry-full', position: resolved });
}
