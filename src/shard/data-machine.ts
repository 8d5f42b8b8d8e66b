/** The machine of users' data behind the port of a shard. */

import { decodeDueKey } from '../machine/expiry.ts';
import { Machine } from '../machine/machine.ts';
import { SECTION, type StateWrite } from '../machine/section.ts';
import type { Command, MachineView, ShardMachine, Verdict } from './shard-machine.ts';

export class DataMachine implements ShardMachine {
  readonly #view: MachineView;
  #machine: Machine;

  constructor(view: MachineView) {
    this.#view = view;
    this.#machine = new Machine({ source: view });
  }

  get time(): number {
    return this.#machine.affairs.logTime;
  }

  /** Of the arc that the shard has adopted; 0 before the first. */
  get epoch(): number {
    return this.#machine.affairs.epoch;
  }

  apply(command: Command): Verdict | 'unknown' {
    const outcome = this.#machine.apply(command);
    if (outcome.type === 'unknown') return 'unknown';
    return { writes: outcome.writes, replies: outcome.replies, dueAt: dueAtOf(outcome.writes) };
  }

  reload(): void {
    this.#machine = new Machine({ source: this.#view });
  }
}

function dueAtOf(writes: readonly StateWrite[]): number {
  let dueAt = Number.POSITIVE_INFINITY;
  for (const { section, key, value } of writes) {
    if (section !== SECTION.expiries || value === undefined) continue;
    dueAt = Math.min(dueAt, decodeDueKey(key)?.expiresAt ?? dueAt);
  }
  return dueAt;
}
