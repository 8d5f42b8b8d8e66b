/** The black-box check beside the witness: what clients saw, without knowledge of the log. */

import { checkLinearizability } from '../checkers/linearizability.ts';
import { REGISTER } from '../checkers/register.ts';
import type { RegisterInput, RegisterOperation, Value } from '../checkers/register-operation.ts';
import type { Call } from './clients.ts';
import { SimFailure } from './failure.ts';
import type { Values } from './operation.ts';
import type { Probes } from './probes.ts';

/** Search steps for one key: checking a seed must not take longer than running it. */
const NODES_MAX = 200_000;

export function judgeByClients(history: readonly Call[], probes: Probes): void {
  const report = checkLinearizability(history.map(operationOf), REGISTER, { nodesMax: NODES_MAX });
  if (report.verdict === 'unknown') probes.hit('checker undecided');
  if (report.verdict !== 'violation') return;
  throw new SimFailure('linearizability', report.lines.join('\n'), { time: Number.NaN });
}

function operationOf(call: Call): RegisterOperation {
  const { client, shard, operation, invoke, outcome, reply } = call;
  const { kind } = operation;
  const isOk = outcome === 'ok' && reply !== undefined;
  let output: RegisterOperation['output'];
  if (isOk && kind === 'read') output = { kind: 'value', value: textOf(reply.values) };
  else if (isOk && kind === 'cas') output = { kind: 'swapped', isSwapped: reply.isDone };
  else if (isOk && kind === 'append') output = { kind: 'length', length: reply.values.length };
  return {
    client,
    key: `${shard}/${operation.key}`,
    invoke,
    return: outcome === 'unknown' ? Number.POSITIVE_INFINITY : call.end,
    input: inputOf(call),
    output,
    outcome,
  };
}

function inputOf({ operation, expected }: Call): RegisterInput {
  const value = String(operation.value);
  switch (operation.kind) {
    case 'write':
      return { kind: 'write', value };
    case 'cas':
      return { kind: 'cas', expected: textOf(expected), value };
    case 'append':
      return { kind: 'append', element: value };
    default:
      return { kind: 'read' };
  }
}

function textOf(values: Values): Value {
  return values.length === 0 ? undefined : values.join(',');
}
