/** What the logs say of leases: what hung on them, when they were renewed, and guarded writes. */

import type { ShardId } from '../../src/base/ids.ts';
import { decodeBatch } from '../../src/machine/batch.ts';
import type { Command } from '../../src/machine/command.ts';
import { decodeReply } from '../../src/machine/reply.ts';
import type { GuardedWrite } from '../checkers/beliefs.ts';
import type { Attached, Gap } from '../checkers/leases.ts';
import { textOf } from './customer.ts';
import type { EntryEffect, RowEffect } from './entry-effects.ts';
import type { Truth } from './truth.ts';

/** A leader stamps at least so often while its shard has leases. */
const STAMP_MILLISECONDS = 2000;

/** The commands that an entry executed, those of transactions included. */
export function executedIn(effect: EntryEffect): readonly Command[] {
  const { entry, index, replies, released } = effect;
  const commands: Command[] = [];
  if (entry.type === 'batch') {
    for (const [place, command] of (decodeBatch(entry.batch)?.commands ?? []).entries()) {
      const reply = decodeReply(replies[place] ?? new Uint8Array());
      if (reply?.type === 'done' && reply.version === index) commands.push(command);
    }
  }
  for (const { part, isDone } of released) if (isDone) commands.push(part.operations);
  return commands;
}

/** In the order of the log of each shard. */
export function guardedWritesIn(truth: Truth): readonly GuardedWrite[] {
  const writes: GuardedWrite[] = [];
  for (const effect of truth.effects) {
    const { shard, index } = effect;
    for (const command of executedIn(effect)) {
      for (const one of command) {
        if (one.type !== 'fence') continue;
        const { token } = one;
        writes.push({ name: textOf(one.name), shard, index, token, owner: `entry ${index}` });
      }
    }
  }
  return writes;
}

/** Each stay of a key under a lease. */
export function attachedIn(truth: Truth): readonly Attached[] {
  const ended: Attached[] = [];
  const open = new Map<string, Attached>();
  const heldFrom = new Map<string, number>();
  for (const effect of truth.effects) {
    const { shard, at, rows, prepared, released } = effect;
    for (const { key } of prepared?.operations ?? []) heldFrom.set(`${shard}/${textOf(key)}`, at);
    for (const { key } of released.flatMap(({ part }) => part.operations)) {
      const place = `${shard}/${textOf(key)}`;
      const stay = open.get(place);
      const from = heldFrom.get(place) ?? at;
      heldFrom.delete(place);
      if (stay !== undefined) {
        open.set(place, { ...stay, held: [...(stay.held ?? []), { from, to: at }] });
      }
    }
    for (const { key, before, after } of rows) {
      const place = `${shard}/${key}`;
      const stay = open.get(place);
      if (before?.version === after?.version && before !== undefined) continue;
      // A transaction that wrote it under another lease, which had ended, is another writer.
      const by = effect.entry.type === 'end-leases' ? 'lease' : 'client';
      if (stay !== undefined) ended.push({ ...stay, gone: { at, by } });
      if (isOfStranger(effect, { key, before })) {
        ended.push({ name: key, lease: '', shard, from: at, gone: { at, by } });
      }
      open.delete(place);
      if (after?.lease === undefined) continue;
      const lease = leaseName(after.lease);
      const isContinued = before?.lease !== undefined && leaseName(before.lease) === lease;
      open.set(place, { name: key, lease, shard, from: at, isContinued });
    }
  }
  return [...ended, ...open.values()];
}

/** The end of a lease took a key that did not hang on it. */
function isOfStranger({ entry }: EntryEffect, { key, before }: Gone): boolean {
  if (entry.type !== 'end-leases' || before === undefined) return false;
  const own = before.lease && leaseName(before.lease);
  return !entry.ends.some(({ lease, keys }) => {
    return leaseName(lease) === own && keys.some((one) => textOf(one) === key);
  });
}

type Gone = Pick<RowEffect, 'key' | 'before'>;

/** By shard and lease: when an entry that opened or renewed it was applied last. */
export function renewalsIn(truth: Truth): ReadonlyMap<string, number> {
  const renewals = new Map<string, number>();
  for (const { shard, at, entry, replies, index, prepared } of truth.effects) {
    const note = (lease: Uint8Array) => renewals.set(`${shard}/${leaseName(lease)}`, at);
    if (entry.type === 'keep-leases') for (const lease of entry.leases) note(lease);
    const commands = executedIn({
      shard,
      at,
      entry,
      replies,
      index,
      prepared,
      released: [],
      rows: [],
    });
    for (const command of [...commands, prepared?.operations ?? []]) {
      for (const one of command) {
        const isOpening = one.type === 'set' || one.type === 'acquire';
        if (isOpening && one.lease?.opening !== undefined) note(one.lease.id);
      }
    }
  }
  return renewals;
}

/** While nothing was applied in a shard for longer than its leader is silent. */
export function gapsIn(truth: Truth): readonly Gap[] {
  const gaps: Gap[] = [];
  const latest = new Map<ShardId, number>();
  const note = (shard: ShardId, to: number) => {
    const from = latest.get(shard);
    if (from !== undefined && to - from > STAMP_MILLISECONDS) gaps.push({ shard, from, to });
    latest.set(shard, to);
  };
  for (const { shard, at } of truth.effects) note(shard, at);
  for (const shard of [...latest.keys()]) note(shard, truth.now);
  return gaps;
}

export function leaseName(lease: Uint8Array): string {
  return Buffer.from(lease).toString('hex');
}
