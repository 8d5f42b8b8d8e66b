/**
 * Whether checks hold, all at one moment of the shard, with nobody else holding a key of them.
 *
 * What a check says of a key or a range with an index or a version has been so since it was seen:
 * versions name one value for ever, and of what came and went the replica knows.
 */

import type { ShardId } from '../base/ids.ts';
import type { CheckRange, Command, Operation } from '../machine/command.ts';
import { doesHold } from '../machine/execution.ts';
import type { Prepared } from '../machine/prepared.ts';
import { encodeReply, type Reply } from '../machine/reply.ts';
import { decodeRow, type Row } from '../machine/row.ts';
import { SECTION } from '../machine/section.ts';
import { type Contender, isElder, isSameId } from '../machine/transaction-id.ts';
import { StateDamage } from '../storage/state.ts';
import type { StateStore } from '../storage/state-store.ts';
import { type Asker, failAsker } from './proposals.ts';
import { type PlacedRange, RangeCheck } from './range-check.ts';
import type { Moment } from './read-moment.ts';

interface CheckReadOptions {
  readonly shard: ShardId;
  readonly store: StateStore;
  readonly asker: Asker;
  readonly checks: Command;
  /** It holds keys itself, and waits only for those with less right. */
  readonly owner: Contender | undefined;
  readonly moment: Moment;
  readonly onDamage: () => void;
  readonly onHeld: (holder: Prepared, isPressing: boolean) => void;
}

/** What stands in the way of a check. */
interface Obstacle {
  readonly position: number;
  readonly holder: Prepared;
}

export class CheckRead {
  readonly #options: CheckReadOptions;

  constructor(options: CheckReadOptions) {
    this.#options = options;
  }

  /** Answers, now or when the disk has, or says whom it has to wait for. */
  serve(): void {
    const { owner, checks, onHeld } = this.#options;
    const obstacle = this.#obstacle();
    if (obstacle !== undefined) {
      const { holder } = obstacle;
      const mustYield = owner !== undefined && isElder(holder, owner);
      if (mustYield) return this.#reply({ type: 'locked', ...obstacle });
      return onHeld(holder, owner !== undefined);
    }
    const ranges: PlacedRange[] = [];
    for (const [position, check] of checks.entries()) {
      if (check.type === 'check-range' && !isOneKey(check)) ranges.push({ range: check, position });
      const version = this.#brokenVersion(check);
      if (version !== undefined) return this.#reply({ type: 'check-failed', position, version });
    }
    this.#look(ranges);
  }

  #look(ranges: readonly PlacedRange[]): void {
    const { store, shard, moment, asker, onDamage } = this.#options;
    const holds: Reply = { type: 'done', version: moment.index, outputs: [] };
    if (ranges.length === 0) return this.#reply(holds);
    if (!store.hasViews) return failAsker(asker, 'overloaded', moment.time);
    const done = (verdict: PlacedRange | 'hold' | StateDamage) => {
      if (verdict === 'hold') return this.#reply(holds);
      if (!(verdict instanceof StateDamage)) {
        return this.#reply({ type: 'check-failed', position: verdict.position, version: 0 });
      }
      failAsker(asker, 'damaged', moment.time);
      onDamage();
    };
    new RangeCheck({ view: store.view(shard), ranges, done }).proceed();
  }

  /** The first key that another transaction holds. */
  #obstacle(): Obstacle | undefined {
    const { checks, owner, moment } = this.#options;
    const { prepared } = moment;
    if (prepared === undefined || prepared.size === 0) return undefined;
    const isOther = (holder: Prepared) => owner === undefined || !isSameId(holder.id, owner.id);
    for (const [position, check] of checks.entries()) {
      if (check.type === 'check-range' && !isOneKey(check)) {
        const lock = prepared.within(check.key, check.to).find(({ holder }) => isOther(holder));
        if (lock !== undefined) return { position, holder: lock.holder };
      } else {
        const holder = prepared.holderOf(check.key);
        if (holder !== undefined && isOther(holder)) return { position, holder };
      }
    }
    return undefined;
  }

  /** What stands there instead, if the check does not hold; 0 for nothing, or many keys. */
  #brokenVersion(check: Operation): number | undefined {
    switch (check.type) {
      case 'check-version':
      case 'check-value':
      case 'check-presence': {
        const row = this.#rowAt(check.key);
        return doesHold(check, row) ? undefined : (row?.version ?? 0);
      }
      case 'check-range': {
        const { key: from, to, seenAt, count } = check;
        const { removals, index } = this.#options.moment;
        const question = { from, to, since: seenAt, applied: index };
        if (removals?.mayHave(question) ?? true) return 0;
        if (!isOneKey(check)) return undefined;
        const row = this.#rowAt(from);
        const version = row?.version ?? 0;
        return (row === undefined ? 0 : 1) === count && version <= seenAt ? undefined : version;
      }
      default:
        return undefined;
    }
  }

  #rowAt(key: Uint8Array): Row | undefined {
    const { store, shard } = this.#options;
    const bytes = store.get(shard, SECTION.values, key);
    return bytes === undefined ? undefined : decodeRow(bytes);
  }

  #reply(reply: Reply): void {
    const { asker, moment } = this.#options;
    const { origin, id } = asker;
    origin.respond({ type: 'written', id, time: moment.time, replies: [encodeReply(reply)] });
  }
}

/** From a key to the least one behind it: how the absence of a key is told with its moment. */
function isOneKey({ key, to }: CheckRange): boolean {
  if (to.length !== key.length + 1 || to[key.length] !== 0) return false;
  return key.every((byte, at) => byte === to[at]);
}
