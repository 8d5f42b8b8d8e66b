/**
 * Leases, tickets and fences of one shard beside their reference (`test/machine`): it is given each
 * entry of a log with the replies to it, and says where the machine differs, or breaks K1 to K7.
 */

import { AssertionError } from 'node:assert';
import { isDeepStrictEqual } from 'node:util';
import { decodeBatch } from '../../src/machine/batch.ts';
import type { Operation } from '../../src/machine/command.ts';
import type { MachineEntry } from '../../src/machine/entry.ts';
import { decodeLeaseIds } from '../../src/machine/lease.ts';
import type { Machine } from '../../src/machine/machine.ts';
import { decodeReply, type Reply } from '../../src/machine/reply.ts';
import { locksKey } from '../../src/machine/transaction.ts';
import type { Contender } from '../../src/machine/transaction-id.ts';
import { CoordinationInvariants } from '../machine/coordination-invariants.ts';
import {
  type Changed,
  CoordinationReference,
  newChanged,
  type ToldGrant,
  textOf,
} from '../machine/coordination-reference.ts';
import { Probes } from '../sim/probes.ts';

/** A part of a transaction in this shard. */
export interface TicketPart {
  readonly holder: Contender;
  /** Of the entry that prepared it. */
  readonly version: number;
  readonly operations: readonly Operation[];
}

export interface TicketEntry {
  readonly index: number;
  readonly entry: MachineEntry;
  readonly replies: readonly Uint8Array[];
  readonly grants: readonly { readonly name: Uint8Array; ticket: number; fence: number }[];
  /** The part that this entry prepared. */
  readonly prepared?: TicketPart | undefined;
  /** Parts that it did or dropped; one of another version is done by this entry at once. */
  readonly released: readonly { readonly part: TicketPart; readonly isDone: boolean }[];
  /** The machine behind this entry; undefined if it wrote no row of a lease, ticket or fence. */
  readonly coordination: Machine['coordination'] | undefined;
}

/** Refusals that depend on leases and tickets alone. */
const JUDGED = ['lease-ended', 'lock-kind'];
const LONE = ['acquire', 'release', 'end-lease'];

export class TicketsCheck {
  readonly #reference = new CoordinationReference();
  readonly #invariants = new CoordinationInvariants(this.#reference);
  /** By client, sequence and place: what was answered before is not executed again. */
  readonly #answered = new Set<string>();
  readonly probes = new Probes();

  /** What is wrong with it; undefined if nothing is. */
  take(one: TicketEntry): string | undefined {
    try {
      return this.#take(one);
    } catch (error) {
      if (error instanceof AssertionError) return error.message;
      throw error;
    }
  }

  #take(one: TicketEntry): string | undefined {
    const { entry, index, prepared, released, grants } = one;
    const reference = this.#reference;
    reference.passTo(entry.stamp.time);
    const fault = this.#execute(one);
    if (fault !== undefined) return fault;
    if (prepared !== undefined) this.#prepare(prepared);
    for (const { part, isDone } of released) this.#release(part, { isDone, index });
    const told = reference.finish(index);
    for (const { fence } of told) this.probes.hit(fence > 0 ? 'granted a waiter' : 'waiter gone');
    const names = grants.map(({ name, ticket, fence }) => ({ name: textOf(name), ticket, fence }));
    const [is, due] = [names.map(said).sort().join(), told.map(said).sort().join()];
    if (is !== due) return `told the grants ${is} and not ${due}`;
    this.#invariants.check({ body: entry }, index);
    const { coordination } = one;
    const isChanged = coordination !== undefined;
    if (told.length > 0 && !isChanged) return 'tickets were granted, and no row was written';
    return isChanged ? this.#compare(coordination) : undefined;
  }

  #execute({ entry, index, replies }: TicketEntry): string | undefined {
    const reference = this.#reference;
    switch (entry.type) {
      case 'batch':
        return this.#batch(entry.batch, { index, replies });
      case 'keep-leases': {
        const due = reference.keep(entry.leases).map(textOf);
        const is = decodeLeaseIds(replies[0] ?? new Uint8Array())?.map(textOf);
        return isDeepStrictEqual(is, due) ? undefined : 'other leases are told to have ended';
      }
      case 'end-leases': {
        const alive = entry.ends.filter(({ lease }) => reference.isAlive(textOf(lease)));
        reference.end(entry.ends, index);
        const spared = alive.filter(({ lease }) => reference.isAlive(textOf(lease))).length;
        if (spared > 0) this.probes.hit('a keep saved a lease before its end');
        if (alive.length > spared) this.probes.hit('a lease ended');
        return undefined;
      }
      case 'forget-fences':
        reference.forget(entry.names);
        return undefined;
      default:
        return undefined;
    }
  }

  #batch(
    bytes: Uint8Array,
    { index, replies }: Pick<TicketEntry, 'index' | 'replies'>,
  ): string | undefined {
    const batch = decodeBatch(bytes);
    const changed = newChanged();
    for (const [place, command] of (batch?.commands ?? []).entries()) {
      const name = `${textOf(batch?.client ?? bytes)} ${batch?.sequence} ${place}`;
      const reply = decodeReply(replies[place] ?? new Uint8Array());
      if (reply === undefined || this.#answered.has(name)) continue;
      const asker = { client: textOf(batch?.client ?? bytes), index };
      const fault = this.#command(command, reply, { changed, asker, name });
      if (fault !== undefined) return fault;
    }
    return undefined;
  }

  #command(command: readonly Operation[], reply: Reply, about: Commanded): string | undefined {
    const { changed, asker, name } = about;
    const [first] = command;
    const isDone = reply.type === 'done' && reply.version === asker.index;
    const isRefused = reply.type === 'refused' && JUDGED.includes(reply.reason);
    if (isDone || isRefused) this.#answered.add(name);
    if (reply.type === 'check-failed') return this.#failed(command, reply);
    if (first === undefined || !(isDone || isRefused)) return undefined;
    // Sets of several keys may be refused for another reason first.
    if (isRefused && command.length > 1) return undefined;
    const due = this.#reference.command(command.filter(hasEffect), changed, asker);
    if (isDone && due.type === 'done') this.#invariants.guarded(command);
    const isSame = LONE.includes(first.type)
      ? isDeepStrictEqual(reply, due)
      : reply.type === due.type;
    if (isSame) return undefined;
    return `${first.type} of ${textOf(first.key)} got ${said(reply)} and not ${said(due)}`;
  }

  /** A fence that is refused has met a greater token. */
  #failed(
    command: readonly Operation[],
    { position, version }: Extract<Reply, { readonly type: 'check-failed' }>,
  ): string | undefined {
    const fence = command[position];
    if (fence?.type !== 'fence') return undefined;
    this.probes.hit('a guarded write was fenced');
    const highest = this.#reference.fences.get(textOf(fence.name))?.token ?? 0;
    if (version <= highest && fence.token < version) return undefined;
    return `token ${fence.token} was refused for ${version}, and the highest is ${highest}`;
  }

  #prepare({ holder, version, operations }: TicketPart): void {
    const client = textOf(holder.id.client);
    const held = operations
      .filter((one) => locksKey(one) || one.type === 'fence')
      .map(withoutCheck);
    this.#reference.prepare(held, holder, { client, index: version });
    if (held.some(({ type }) => type === 'fence')) this.probes.hit('a fence was held by a part');
  }

  #release(part: TicketPart, { isDone, index }: { isDone: boolean; index: number }): void {
    const { holder, version, operations } = part;
    const client = textOf(holder.id.client);
    const reference = this.#reference;
    if (isDone) this.#invariants.guarded(operations);
    if (version === index && isDone) {
      reference.command(operations.filter(hasEffect), newChanged(), { client, index });
      return;
    }
    for (const one of operations) {
      const isLeased = one.type === 'set' && one.lease !== undefined;
      if (!isDone || !isLeased || reference.isAlive(textOf(one.lease.id))) continue;
      this.probes.hit('a lease ended before its part was resolved');
    }
    reference.resolve(holder.id.sequence, isDone, client);
  }

  #compare(is: Machine['coordination']): string | undefined {
    const { leases, tombstones, tickets, fences } = is;
    const reference = this.#reference;
    const alive = [...leases.all()].map((lease) => {
      const { id, ttlMilliseconds: ttl, expiresAt, endedAt, client } = lease;
      return said({ id: textOf(id), ttl, expiresAt, endedAt, client: textOf(client) });
    });
    const due = [...reference.leases].map(([id, lease]) => said({ id, ...lease }));
    const over = [...tombstones.all()].map(({ id, until }) => said({ id: textOf(id), until }));
    const dead = [...reference.tombstones].map(([id, until]) => said({ id, until }));
    const standing = [...tickets.all()].map((ticket) => {
      const { name, lease, id, kind, permits, number, fence } = ticket;
      return said({ name: textOf(name), lease: textOf(lease), id, kind, permits, number, fence });
    });
    const wanted = reference.tickets.map(said);
    const unlike =
      differenceOf(alive, due) ?? differenceOf(over, dead) ?? differenceOf(standing, wanted);
    if (unlike !== undefined) return unlike;
    const isSame = fences.size === reference.fences.size;
    return isSame ? undefined : `there are ${fences.size} fences, not ${reference.fences.size}`;
  }
}

interface Commanded {
  readonly changed: Changed;
  readonly asker: { readonly client: string; readonly index: number };
  readonly name: string;
}

function hasEffect({ type }: Operation): boolean {
  return type !== 'get' && !type.startsWith('check');
}

/** What was judged by the machine is not judged again, and holds its key all the same. */
function withoutCheck(operation: Operation): Operation {
  const isOfValues = operation.type.startsWith('check');
  return isOfValues ? { type: 'get', key: operation.key } : operation;
}

function differenceOf(is: readonly string[], due: readonly string[]): string | undefined {
  const more = is.find((one) => !due.includes(one));
  if (more !== undefined) return `there is ${more}`;
  const missing = due.find((one) => !is.includes(one));
  return missing === undefined ? undefined : `there is no ${missing}`;
}

/** Ids are bytes: in a message each of them stands for two digits. */
function said(told: ToldGrant | object): string {
  const text = JSON.stringify(Object.fromEntries(Object.entries(told).sort()));
  return text.replace(/\\u00([0-9a-f]{2})|[^ -~]/g, (sign, digits: string | undefined) => {
    return digits ?? sign.charCodeAt(0).toString(16);
  });
}
