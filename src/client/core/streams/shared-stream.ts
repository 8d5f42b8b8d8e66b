/**
 * A stream at a node, and the shards of watches that it feeds: an event crosses the wire once for
 * all watches of a client with the same range.
 *
 * Invariant: its members have the same position. So each message is for all of them, and any of
 * them can go on alone with a stream of its own, and come back when it has the same position again.
 */

import { assert, present } from '../../../base/assert.ts';
import type { NodeId } from '../../../base/ids.ts';
import type { Connection } from '../connections.ts';
import { type Backlog, Credit } from './credit.ts';
import type { StreamReader } from './stream-reader.ts';

export interface StreamMember {
  readonly reader: StreamReader;
  readonly backlog: Backlog;
  /** The first page of its read is as of this index or a later one. */
  readonly leastIndex: number;
  /** Its place among the members of its stream. */
  seat: number;
}

interface SharedStreamOptions<Member> {
  /** The same for streams that send the same. */
  readonly name: string;
  readonly connection: Connection;
  readonly id: number;
  readonly node: NodeId;
  readonly first: Member;
  /** Its first page is as of this index or a later one. */
  readonly atLeast: number;
  readonly now: number;
}

export class SharedStream<Member extends StreamMember> {
  readonly name: string;
  readonly connection: Connection;
  readonly id: number;
  readonly node: NodeId;
  readonly openedAt: number;
  readonly credit: Credit;
  /** At least one while it is open. */
  readonly members: Member[];
  silentMilliseconds = 0;
  /** Its first page is as of this index or a later one; 0 if it began with a position. */
  readonly #atLeast: number;
  /** How many messages have come. */
  #received = 0;
  /** The index that its members have come to, as its peers know it. */
  place: number;
  /** The greatest index that the node was asked to tell about. */
  reachAsked: number;

  constructor(options: SharedStreamOptions<Member>) {
    const { name, connection, id, node, first, atLeast, now } = options;
    this.name = name;
    this.connection = connection;
    this.id = id;
    this.node = node;
    this.openedAt = now;
    this.#atLeast = atLeast;
    this.reachAsked = atLeast;
    this.credit = new Credit(first.backlog);
    this.place = first.reader.index;
    // Not pushed: an array that grows has room for sixteen more.
    first.seat = 0;
    this.members = [first];
  }

  /** The one whose reader takes the messages; those of the others follow it. */
  get leading(): Member {
    return present(this.members[0], 'a stream that is open has a member');
  }

  /**
   * Whether a message is the next one that the node has sent. Parts of an entry and pages of a
   * quiet shard move no position, so one that is lost or repeated is known by its number alone.
   */
  isNext(sequence: number): boolean {
    this.#received += 1;
    return sequence === this.#received;
  }

  /**
   * Whether this one lacks exactly what comes. A part of an entry is kept by the leading reader,
   * and told to all with the rest of it.
   */
  suits({ reader, leastIndex }: Member): boolean {
    const isLateEnough = reader.isPlaced || this.#atLeast >= leastIndex;
    return isLateEnough && this.leading.reader.isAtSamePlaceAs(reader);
  }

  /** Required: it suits. */
  join(member: Member): void {
    member.seat = this.members.push(member) - 1;
  }

  /** Returns whether it was the last one. */
  leave(member: Member): boolean {
    const { seat } = member;
    assert(this.members[seat] === member, 'only a member leaves');
    const last = present(this.members.pop(), 'there is a member');
    if (last !== member) {
      this.members[seat] = last;
      last.seat = seat;
    }
    if (this.members.length === 0) return true;
    // Of an entry that is not complete.
    if (seat === 0) this.leading.reader.takeParts(member.reader);
    return false;
  }

  /** Returns what may be granted to the node: as much as the fastest consumer has room for. */
  grant(): number {
    let granted = 0;
    for (const { backlog } of this.members) granted += this.credit.grantFor(backlog);
    return granted;
  }
}
