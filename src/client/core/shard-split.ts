/** A command split by shard, and the way back to the order of the caller. */

import type { ShardId } from '../../base/ids.ts';
import { bytesMaxOfCommand } from '../../machine/batch.ts';
import type { Command, Operation } from '../../machine/command.ts';
import { isWrite } from '../../machine/operation-codec.ts';
import type { Output } from '../../machine/reply.ts';
import { isLocking } from '../../machine/transaction.ts';
import type { Done, Guard, SeenRange } from './call.ts';
import { absenceSince, type Moments } from './range.ts';

/** The operations of one shard. */
interface Portion {
  readonly shard: ShardId;
  operations: Operation[];
  /** The position of each in the command. */
  readonly places: number[];
  /** Some of its keys are locked: the shard takes part in the decision. */
  isLocking: boolean;
}

interface SplitTerms {
  readonly command: readonly Operation[];
  readonly ranges: readonly SeenRange[];
  readonly moments: Moments;
  readonly shardOf: (key: Uint8Array) => ShardId;
  /** Each guards the operations in every shard that writes something. */
  readonly guards?: readonly Guard[];
}

export class ShardSplit {
  /**
   * In the order in which the command names their shards, except that the home shard is the first:
   * that of the first key that is written, or else locked.
   */
  readonly portions: readonly Portion[];
  /** Operations, ranges, and guards in each shard. */
  readonly count: number;
  /** An upper bound for all of its shards together. */
  readonly bytesMax: number;
  readonly #command: readonly Operation[];
  readonly #guards: readonly Guard[];
  /** The place of the first guard. */
  readonly #guardsFrom: number;

  constructor({ command, ranges, moments, shardOf, guards = [] }: SplitTerms) {
    const portions = new Map<ShardId, Portion>();
    const put = (shard: ShardId, operation: Operation, place: number): void => {
      let portion = portions.get(shard);
      if (portion === undefined) {
        portion = { shard, operations: [], places: [], isLocking: false };
        portions.set(shard, portion);
      }
      portion.operations.push(operation);
      portion.places.push(place);
    };
    for (const [place, operation] of command.entries()) {
      put(shardOf(operation.key), operation, place);
    }
    for (const [at, { shard, check }] of ranges.entries()) put(shard, check, command.length + at);
    const guardsFrom = command.length + ranges.length;
    for (const portion of portions.values()) guard(portion, guards, guardsFrom);
    for (const portion of portions.values()) settle(portion, moments);
    const first = command.find(isWrite) ?? command.find(isLocking);
    const home = first && portions.get(shardOf(first.key));
    const others = [...portions.values()].filter((portion) => portion !== home);
    this.portions = home === undefined ? others : [home, ...others];
    const bytesOfGuards = bytesMaxOfCommand(guards.map((one) => fenceOf(one, command)));
    this.bytesMax =
      bytesMaxOfCommand(command) + bytesMaxOfRanges(ranges) + portions.size * bytesOfGuards;
    this.#command = command;
    this.#guards = guards;
    this.#guardsFrom = guardsFrom;
    this.count = guardsFrom + guards.length * portions.size;
  }

  /** The position in the command of an operation with this position in all portions together. */
  placeAt(position: number): number | undefined {
    let left = position;
    for (const { places } of this.portions) {
      if (left < places.length) return places[left];
      left -= places.length;
    }
    return undefined;
  }

  /** The guard at this place, behind all operations and ranges. */
  guardAt(place: number): Guard | undefined {
    return this.#guards[place - this.#guardsFrom];
  }

  /** The result for the caller; undefined if the answer does not fit the command. */
  doneOf(versions: readonly number[], outputs: readonly Output[]): Done | undefined {
    const participants = this.portions.filter((portion) => portion.isLocking);
    if (versions.length !== participants.length) return undefined;
    const versionAt: number[] = new Array(this.#command.length).fill(0);
    const outputAt: (Output | undefined)[] = new Array(this.#command.length).fill(undefined);
    let consumed = 0;
    for (const [at, { operations, places }] of participants.entries()) {
      for (const [index, operation] of operations.entries()) {
        const place = places[index] as number;
        if (place < versionAt.length) versionAt[place] = versions[at] as number;
        if (!hasOutput(operation)) continue;
        outputAt[place] = outputs[consumed];
        consumed += 1;
      }
    }
    if (consumed !== outputs.length) return undefined;
    return {
      type: 'done',
      version: versions[0] as number,
      versions: versionAt,
      outputs: outputAt.filter((output) => output !== undefined),
    };
  }
}

/** The token of a lock is checked in each shard, and by each shard for itself. */
function guard({ operations, places }: Portion, guards: readonly Guard[], from: number): void {
  if (!operations.some(isWrite)) return;
  const written = [...operations];
  for (const [at, one] of guards.entries()) {
    operations.push(fenceOf(one, written));
    places.push(from + at);
  }
}

/** A command with the guards behind its operations, all in one shard. */
export function guardedCommand(command: Command, guards: readonly Guard[]): Command {
  return [...command, ...guards.map((one) => fenceOf(one, command))];
}

function fenceOf({ name, token }: Guard, guarded: Command): Operation {
  const key = guarded.find(isWrite)?.key ?? guarded[0]?.key ?? new Uint8Array(0);
  return { type: 'fence', key, name, token };
}

/**
 * A shard that is only read is no participant if nothing there has to be locked: so checks of
 * absence name the index at which it was seen. Where something is written, the key is locked.
 */
function settle(portion: Portion, moments: Moments): void {
  const { operations } = portion;
  const isReading = !operations.some((one) => isWrite(one) || one.type === 'get');
  if (isReading && moments.size > 0) {
    portion.operations = operations.map((one) => {
      const seenAt = moments.get(one);
      return seenAt === undefined ? one : absenceSince(one.key, seenAt);
    });
  }
  portion.isLocking = portion.operations.some(isLocking);
}

function bytesMaxOfRanges(ranges: readonly SeenRange[]): number {
  const ends = ranges.reduce((sum, { check }) => sum + check.to.length + RANGE_BYTES, 0);
  return bytesMaxOfCommand(ranges.map(({ check }) => check)) + ends;
}

/** A second key and a second number. */
const RANGE_BYTES = 12;

/** Whether the reply has an output for it. */
export function hasOutput(operation: Operation): boolean {
  return operation.type === 'get' || (isWrite(operation) && operation.type !== 'set');
}
