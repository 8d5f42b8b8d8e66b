/**
 * What each entry of a shard did to keys of users, read from the rows that it wrote: independent of
 * what the product tells of its changes.
 */

import type { ShardId } from '../../src/base/ids.ts';
import { decodeBatch } from '../../src/machine/batch.ts';
import type { MachineEntry } from '../../src/machine/entry.ts';
import { isWrite } from '../../src/machine/operation-codec.ts';
import { decodeReply } from '../../src/machine/reply.ts';
import type { Row } from '../../src/machine/row.ts';
import { idText } from '../../src/machine/transaction-id.ts';
import type { TicketPart } from '../checkers/tickets.ts';
import type { TrueChange } from '../checkers/watch-history.ts';
import { textOf } from './customer.ts';

/** The parts of transactions that an entry prepared, did or dropped. */
export interface PartEffects {
  readonly prepared: TicketPart | undefined;
  readonly released: readonly { readonly part: TicketPart; readonly isDone: boolean }[];
}

/** The row of a key before and after the entry. */
export interface RowEffect {
  readonly key: string;
  readonly before: Row | undefined;
  readonly after: Row | undefined;
}

export interface EntryEffect extends PartEffects {
  readonly shard: ShardId;
  readonly index: number;
  /** When the first replica applied it. */
  readonly at: number;
  readonly entry: MachineEntry;
  readonly replies: readonly Uint8Array[];
  readonly rows: readonly RowEffect[];
}

/** As a watcher of these keys has to be told of them. A touch is no change. */
export function changesOf(effect: EntryEffect): readonly TrueChange[] {
  const groupOf = groupsOf(effect);
  return effect.rows.flatMap(({ key, before, after }): readonly TrueChange[] => {
    const previous = before?.version ?? 0;
    if (previous === (after?.version ?? 0)) return [];
    const about = { key, previous, group: groupOf(key) };
    if (after !== undefined) {
      const { version, value } = after;
      return [{ ...about, type: 'set', version, value: hexOf(value) }];
    }
    const cause = causeOf(effect, key);
    if (cause === undefined) return [{ ...about, type: 'delete' }];
    return [{ ...about, type: 'expire', cause }];
  });
}

/** How what a replica told of the entry differs from its rows; undefined if it does not. */
export function untruthIn(effect: EntryEffect, told: readonly string[]): string | undefined {
  const due = changesOf(effect);
  const groups = new Map<string, string>();
  for (let at = 0; at < Math.max(due.length, told.length); at++) {
    const change = due[at];
    const words = told[at]?.split(' ');
    if (change === undefined) return `told ${told[at]}, which its rows do not show`;
    const { type, cause, key, previous, version = '', value = '', group } = change;
    const kind = type === 'expire' ? (cause === 'ttl' ? 'expired' : 'lease-ended') : type;
    const isLast = due[at + 1]?.group !== group;
    const rest = words?.slice(-2) ?? [];
    const fault = `told ${told[at]} of ${kind} ${key} ${previous} ${version} ${isLast}`;
    if (told[at] !== `${kind} ${key} ${previous} ${version} ${value} ${rest[0]} ${isLast}`) {
      return fault;
    }
    if ((groups.get(group) ?? rest[0]) !== rest[0]) return fault;
    groups.set(group, rest[0] ?? '');
  }
  const names = new Set(groups.values());
  return names.size === groups.size ? undefined : 'told two commands as one';
}

export function hexOf(value: Uint8Array): string {
  return Buffer.from(value).toString('hex');
}

/** Why a key went; undefined if a command deleted it. */
function causeOf({ entry, released }: EntryEffect, key: string): 'ttl' | 'lease' | undefined {
  if (entry.type === 'expire') return 'ttl';
  if (entry.type === 'end-leases') return 'lease';
  const isSet = released.some(({ part }) =>
    part.operations.some((one) => one.type === 'set' && textOf(one.key) === key),
  );
  // It was written by a transaction whose lease had ended.
  return isSet ? 'lease' : undefined;
}

/** The command or the transaction that wrote a key; an entry writes each key at most once. */
function groupsOf({
  shard,
  index,
  entry,
  replies,
  released,
}: EntryEffect): (key: string) => string {
  const groups = new Map<string, string>();
  if (entry.type === 'batch') {
    const commands = decodeBatch(entry.batch)?.commands ?? [];
    commands.forEach((command, place) => {
      const reply = decodeReply(replies[place] ?? new Uint8Array());
      if (reply?.type !== 'done' || reply.version !== index) return;
      for (const { key } of command.filter(isWrite)) {
        groups.set(textOf(key), `${shard}/${index}/${place}`);
      }
    });
  }
  for (const { part } of released) {
    for (const { key } of part.operations) groups.set(textOf(key), idText(part.holder.id));
  }
  return (key) => groups.get(key) ?? `${shard}/${index} ${key}`;
}
