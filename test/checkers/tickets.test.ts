/** The judge of tickets, on a log of one shard whose replies, grants and rows are spoilt. */

import { equal, match, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { Operation } from '../../src/machine/command.ts';
import { decodeEntry, type EntryBody, encodeEntry } from '../../src/machine/entry.ts';
import { encodeReply, type Reply } from '../../src/machine/reply.ts';
import {
  acquire,
  CoordinationRig,
  fence,
  lease,
  release,
  TTL,
} from '../machine/coordination-rig.ts';
import { bytesOf, clientOf, EPOCH } from '../machine/machine-rig.ts';
import { type TicketEntry, TicketsCheck } from './tickets.ts';

/** A shard whose every entry is judged, after it was spoilt. */
class Judged {
  readonly #rig = new CoordinationRig();
  readonly #check = new TicketsCheck();
  faults: string[] = [];

  do(operation: Operation, spoil: Spoiler = (one) => one): this {
    return this.entry({ type: 'batch', batch: this.#rig.shard.batch([[operation]]) }, spoil);
  }

  entry(body: EntryBody, spoil: Spoiler = (one) => one): this {
    const { shard } = this.#rig;
    shard.index += 1;
    const { index, machine, time, valueBytesMax } = shard;
    const payload = encodeEntry({ time, epoch: EPOCH, valueBytesMax }, body);
    const outcome = machine.apply({ index, payload });
    const entry = decodeEntry(payload);
    ok(outcome.type === 'applied' && typeof entry !== 'string');
    const { replies, grants } = outcome;
    const { coordination } = machine;
    const one = { index, entry, replies, grants, released: [], coordination };
    const fault = this.#check.take(spoil(one));
    if (fault !== undefined) this.faults.push(fault);
    shard.rows.apply(outcome.writes);
    return this;
  }

  /** Each second is stamped. */
  pass(milliseconds: number): this {
    for (let left = milliseconds; left > 0; left -= 1000) {
      this.#rig.pass(Math.min(left, 1000));
      this.entry({ type: 'expire', dueKeys: [] });
    }
    return this;
  }

  end(number: number): this {
    const ends = [{ lease: clientOf(number), seenAt: 0, isLast: false, keys: [] }];
    return this.entry({ type: 'end-leases', ends });
  }
}

type Spoiler = (entry: TicketEntry) => TicketEntry;

/** The shard's own first entry gave it its arc. */
const FIRST = 1;

const answered =
  (reply: Reply): Spoiler =>
  (one) => ({ ...one, replies: [encodeReply(reply)] });

const state = (number: number, token: number, position: number): Reply => ({
  type: 'done',
  version: FIRST + number,
  outputs: [{ type: 'ticket', fence: token && FIRST + token, number: FIRST + number, position }],
});

test('a sound log has no fault: queues, readers, a fence, leases that end', () => {
  const judged = new Judged()
    .do(acquire('cron', 1))
    .do(acquire('cron', 2))
    .do(acquire('cron', 3, lease(3), { kind: 'shared' }))
    .do(acquire('cron', 4, lease(4), { kind: 'shared' }))
    .do(release('cron', 1))
    .do(fence('cron', 5))
    .do(fence('cron', 4))
    .entry({ type: 'keep-leases', leases: [clientOf(3), clientOf(4)] })
    .pass(TTL - 500)
    .entry({ type: 'keep-leases', leases: [clientOf(3), clientOf(4), clientOf(9)] })
    .pass(1000)
    .end(2)
    .do(release('cron', 3))
    .do(release('cron', 4));
  equal(judged.faults.join(), '');
});

const SPOILT: readonly { readonly name: string; readonly fault: RegExp; judged: () => Judged }[] = [
  {
    name: 'a second owner of an exclusive lock',
    fault: /acquire of cron got/,
    judged: () =>
      new Judged().do(acquire('cron', 1)).do(acquire('cron', 2), answered(state(2, 2, 0))),
  },
  {
    name: 'a token that is that of the ticket before',
    fault: /acquire of cron got/,
    judged: () => new Judged().do(acquire('cron', 1), answered(state(1, 9, 0))),
  },
  {
    name: 'a place in the queue that is one too high',
    fault: /acquire of cron got/,
    judged: () =>
      new Judged().do(acquire('cron', 1)).do(acquire('cron', 2), answered(state(2, 0, 2))),
  },
  {
    name: 'a lock of another kind that is granted',
    fault: /acquire of cron got/,
    judged: () =>
      new Judged()
        .do(acquire('cron', 1))
        .do(
          acquire('cron', 2, lease(2), { kind: 'semaphore', permits: 3 }),
          answered(state(2, 2, 0)),
        ),
  },
  {
    name: 'a grant that no client is told of',
    fault: /told the grants {2}and not/,
    judged: () =>
      new Judged()
        .do(acquire('cron', 1))
        .do(acquire('cron', 2))
        .do(release('cron', 1), (one) => ({ ...one, grants: [] })),
  },
  {
    name: 'a grant to the second in the queue',
    fault: /told the grants/,
    judged: () =>
      new Judged()
        .do(acquire('cron', 1))
        .do(acquire('cron', 2))
        .do(acquire('cron', 3))
        .do(release('cron', 1), (one) => ({
          ...one,
          grants: [{ name: bytesOf('cron'), ticket: 3, fence: one.index }],
        })),
  },
  {
    name: 'a release that tells that there was nothing',
    fault: /release of cron got/,
    judged: () =>
      new Judged().do(acquire('cron', 1)).do(release('cron', 1), answered(state(2, 0, 0))),
  },
  {
    name: 'a lease that is told to have ended and is alive',
    fault: /other leases are told/,
    judged: () =>
      new Judged()
        .do(acquire('cron', 1))
        .entry({ type: 'keep-leases', leases: [clientOf(1)] }, (one) => ({
          ...one,
          replies: [Uint8Array.from([0x91, 0xc4, 16, ...clientOf(1)])],
        })),
  },
  {
    name: 'a guarded write with a token that is too old',
    fault: /got .* and not .*check-failed/,
    judged: () =>
      new Judged()
        .do(fence('cron', 7))
        .do(fence('cron', 5), answered({ type: 'done', version: FIRST + 2, outputs: [] })),
  },
  {
    name: 'a guarded write that is refused for a token that no owner has used',
    fault: /token 7 was refused for 9/,
    judged: () =>
      new Judged()
        .do(fence('cron', 7))
        .do(fence('cron', 7), answered({ type: 'check-failed', position: 0, version: 9 })),
  },
];

for (const { name, fault, judged } of SPOILT) {
  test(`found: ${name}`, () => {
    match(judged().faults[0] ?? 'nothing', fault);
  });
}

test('found: a lease that ends in the machine alone', () => {
  const judged = new Judged().do(acquire('cron', 1)).pass(TTL);
  const ended = {
    type: 'end-leases',
    ends: [{ lease: clientOf(1), seenAt: 0, isLast: true, keys: [] }],
  };
  judged.entry(ended as EntryBody, (one) => ({
    ...one,
    entry: { ...one.entry, type: 'expire', dueKeys: [] } as TicketEntry['entry'],
  }));
  match(judged.faults[0] ?? 'nothing', /there is \{|there is no/);
});
