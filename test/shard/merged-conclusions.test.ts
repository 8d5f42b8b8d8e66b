/** Resolutions that share an entry: each requester learns what became of its own. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { TRANSACTION_LIMITS } from '../../src/base/transaction-limits.ts';
import { decodeEntry } from '../../src/machine/entry.ts';
import { encodeReply, type Reply } from '../../src/machine/reply.ts';
import type { Resolution } from '../../src/machine/transaction.ts';
import {
  decodeConclusion,
  decodeResolutions,
  encodeConclusion,
  encodeDecide,
  encodeIds,
  encodeResolutions,
} from '../../src/machine/transaction-codec.ts';
import { mergeConclusions } from '../../src/shard/merged-conclusions.ts';
import { type Proposal, stampedProposal } from '../../src/shard/proposal.ts';
import type { Response } from '../../src/wire/response.ts';
import { contender } from './proposal-queue-rig.ts';

class Rig {
  readonly responses: Response[] = [];
  #id = 0;

  /** Resolutions of transactions with these numbers. */
  resolving(...numbers: readonly number[]): Proposal {
    const list = numbers.map((number): Resolution => {
      return { id: contender(number).id, isCommitted: true, deadline: 9 };
    });
    return this.#proposal({ type: 'resolve', bytes: encodeResolutions(list) });
  }

  /** Commits of staged transactions. */
  committing(...numbers: readonly number[]): Proposal {
    const proposal = { type: 'commit', versions: [1], outputs: [], operations: [] } as const;
    const participants = [{ position: 0, deadline: 9 }];
    const commits = numbers.map((number) =>
      encodeDecide({ ...contender(number), participants, proposal }),
    );
    const bytes = encodeConclusion({ commits, resolutions: [], cleared: [] });
    return this.#proposal({ type: 'conclude', bytes });
  }

  clearing(number: number): Proposal {
    return this.#proposal({ type: 'clear', bytes: encodeIds([contender(number).id]) });
  }

  other(): Proposal {
    return this.#proposal({ type: 'forget', clients: [] });
  }

  #proposal(body: Parameters<typeof stampedProposal>[0]['body']): Proposal {
    this.#id += 1;
    const respond = (response: Response) => void this.responses.push(response);
    const requester = { responder: { respond }, id: this.#id };
    const about = { epoch: 1, valueBytesMax: 9 };
    return stampedProposal({ ...about, requester, body });
  }
}

test('resolutions of several home shards share an entry, behind the other commands', () => {
  const rig = new Rig();
  const [first, other, second] = [rig.resolving(1, 2), rig.other(), rig.resolving(3)];
  const merged = mergeConclusions([first, other, second]);
  deepEqual([merged.length, merged[0]], [2, other]);
  deepEqual(numbersIn(merged[1]), [1, 2, 3]);
  deepEqual(
    merged[1]?.ends.map(({ id }) => id.client[0]),
    [1, 2, 3],
    'they all end with it',
  );
});

test('a single one stays as it is, and so do other commands', () => {
  const rig = new Rig();
  const proposals = [rig.other(), rig.resolving(1), rig.other()];
  equal(mergeConclusions(proposals), proposals);
});

test('no entry has more resolutions than are permitted', () => {
  const rig = new Rig();
  const { resolutionsMax } = TRANSACTION_LIMITS;
  const many = Array.from({ length: resolutionsMax - 1 }, () => 7);
  const merged = mergeConclusions([rig.resolving(...many), rig.resolving(1), rig.resolving(2, 3)]);
  deepEqual(
    merged.map((one) => numbersIn(one).length),
    [resolutionsMax, 2],
  );
});

test('all of them were resolved', () => {
  const rig = new Rig();
  const [merged] = mergeConclusions([rig.resolving(1, 2), rig.resolving(3)]);
  merged?.requester.responder.respond({ type: 'written', id: 0, time: 5, replies: [] });
  deepEqual(rig.responses, [
    { type: 'written', id: 1, time: 5, replies: [] },
    { type: 'written', id: 2, time: 5, replies: [] },
  ]);
});

test('an entry that is full says how many of each were resolved', () => {
  const rig = new Rig();
  const all = [rig.resolving(1, 2), rig.resolving(3, 4), rig.resolving(5)];
  const [merged] = mergeConclusions(all);
  const replies = [entryFull(3)];
  merged?.requester.responder.respond({ type: 'written', id: 0, time: 5, replies });
  deepEqual(
    rig.responses.map((response) => (response.type === 'written' ? response.replies : [])),
    [[], [entryFull(1)], [entryFull(0)]],
  );
});

test('commits, resolutions and clears share an entry, and each learns of its own', () => {
  const rig = new Rig();
  const all = [rig.resolving(1), rig.committing(2, 3), rig.clearing(4), rig.committing(5)];
  const [merged, ...others] = mergeConclusions(all);
  equal(others.length, 0);
  const entry = merged && decodeEntry(merged.payload(1));
  const bytes = typeof entry === 'object' && entry.type === 'conclude' ? entry.bytes : undefined;
  const what = bytes && decodeConclusion(bytes);
  deepEqual([what?.commits.length, what?.resolutions.length, what?.cleared.length], [3, 1, 1]);
  deepEqual(
    merged?.ends.map(({ id, isCommitted }) => [id.client[0], isCommitted]),
    [1, 2, 3, 5].map((number) => [number, true]),
  );
  const replies = [2, 3, 5].map((number) => Uint8Array.of(number));
  merged?.requester.responder.respond({
    type: 'written',
    id: 0,
    time: 5,
    replies: [...replies, entryFull(0)],
  });
  deepEqual(
    rig.responses.map((response) => (response.type === 'written' ? response.replies : [])),
    [[entryFull(0)], replies.slice(0, 2), [], replies.slice(2)],
  );
});

test('an entry holds no more bytes than are permitted', () => {
  const rig = new Rig();
  const { concludedBytesMax } = TRANSACTION_LIMITS;
  const large = { ...rig.clearing(1), bytes: concludedBytesMax };
  equal(mergeConclusions([large, rig.clearing(2), rig.clearing(3)]).length, 2);
});

test('a failure is the failure of each', () => {
  const rig = new Rig();
  const [merged] = mergeConclusions([rig.resolving(1, 2), rig.resolving(3)]);
  const about = { time: 5, leader: 3, retryAfterMilliseconds: 0 };
  merged?.requester.responder.respond({ type: 'failed', id: 0, failure: 'lost', ...about });
  deepEqual(
    rig.responses.map(({ type, id }) => `${type} ${id}`),
    ['failed 1', 'failed 2'],
  );
});

/** By the numbers of their clients. */
function numbersIn(proposal: Proposal | undefined): readonly number[] {
  const entry = proposal && decodeEntry(proposal.payload(1));
  const bytes = typeof entry === 'object' && entry.type === 'resolve' ? entry.bytes : undefined;
  const list = bytes && decodeResolutions(bytes);
  return (list ?? []).map(({ id }) => id.client[0] ?? 0);
}

function entryFull(position: number): Uint8Array {
  const reply: Reply = { type: 'refused', reason: 'entry-full', position };
  return encodeReply(reply);
}
