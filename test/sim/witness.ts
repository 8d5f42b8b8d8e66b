/** The witness check: the applied order is known, so every answer is compared with a model. */

import type { ShardId } from '../../src/base/ids.ts';
import type { Call } from './clients.ts';
import { SimFailure } from './failure.ts';
import type { Invariants } from './invariants.ts';
import type { Values } from './operation.ts';

interface Step {
  readonly call: Call;
  /** Its place in the order: an entry's index; a read comes right after the entry that it saw. */
  readonly place: number;
}

export function judgeByWitness(history: readonly Call[], invariants: Invariants): void {
  const shards = new Map<ShardId, Call[]>();
  for (const call of history) {
    const calls = shards.get(call.shard);
    if (calls === undefined) shards.set(call.shard, [call]);
    else calls.push(call);
  }
  for (const [shard, calls] of shards) {
    const steps = orderOf(calls, invariants.truthOf(shard).indexOfOperation);
    judgeTimes(steps);
    judgeReplies(steps);
  }
}

/** Everything that took effect or was answered, in the order of the log. */
function orderOf(calls: readonly Call[], indexes: ReadonlyMap<number, number>): Step[] {
  const steps: Step[] = [];
  for (const call of calls) {
    const index = indexes.get(call.operation.id);
    if (call.operation.kind === 'read') {
      if (call.outcome === 'ok') steps.push({ call, place: call.index + 0.5 });
      continue;
    }
    if (call.outcome === 'failed' && index !== undefined) {
      fail(call, 'an operation that was reported as failed was applied');
    }
    if (call.outcome === 'ok' && index !== call.index) {
      fail(call, 'an operation was answered for another position than its own');
    }
    if (index !== undefined) steps.push({ call, place: index });
  }
  return steps.sort((one, other) => one.place - other.place || one.call.invoke - other.call.invoke);
}

/** An operation that returned before another was invoked comes before it in the order. */
function judgeTimes(steps: readonly Step[]): void {
  let latest = Number.NEGATIVE_INFINITY;
  for (const { call } of steps) {
    if (call.end < latest) {
      const what =
        call.operation.kind === 'read' ? 'a read saw the past' : 'an entry came too late';
      fail(call, what);
    }
    latest = Math.max(latest, call.invoke);
  }
}

function judgeReplies(steps: readonly Step[]): void {
  const model = new Map<number, Values>();
  for (const { call } of steps) {
    const { operation, reply, expected } = call;
    const held = model.get(operation.key) ?? [];
    let after = held;
    let isDone = true;
    if (operation.kind === 'write') after = [operation.value];
    else if (operation.kind === 'append') after = [...held, operation.value];
    else if (operation.kind === 'cas') {
      isDone = isEqual(held, expected);
      if (isDone) after = [operation.value];
    }
    model.set(operation.key, after);
    if (call.outcome !== 'ok' || reply === undefined) continue;
    if (reply.isDone !== isDone || !isEqual(reply.values, after)) {
      fail(call, `a ${operation.kind} was answered with what the model does not hold`);
    }
  }
}

function isEqual(one: Values, other: Values): boolean {
  return one.length === other.length && one.every((value, at) => value === other[at]);
}

function fail(call: Call, message: string): never {
  throw new SimFailure('witness', message, { shard: call.shard, time: call.end });
}
