/** Keys that many read, write, swap, append to and delete: each is linearizable. */

import { utf8 } from '../../../../src/index.ts';
import { checkLinearizability } from '../../../checkers/linearizability.ts';
import { REGISTER } from '../../../checkers/register.ts';
import type {
  RegisterInput,
  RegisterOperation,
  RegisterOutput,
} from '../../../checkers/register-operation.ts';
import { type Fields, microseconds, type Recorded } from '../history.ts';
import type { Worker } from '../worker.ts';
import { distinct, type Workload } from './workload.ts';

const NAME = 'register';
const KEYS = 6;
/** New keys after this time: then the search for an order covers few operations. */
const GENERATION_MICROSECONDS = 8_000_000;
const ENCODER = new TextEncoder();

export const REGISTERS: Workload = {
  name: NAME,
  weight: 40,

  async step(worker) {
    const generation = Math.floor(microseconds() / GENERATION_MICROSECONDS);
    const key = `register-${generation}-${worker.random.below(KEYS)}`;
    const dice = worker.random.fraction();
    if (dice < 0.4) await read(worker, key);
    else if (dice < 0.6) await swap(worker, key);
    else if (dice < 0.8) await append(worker, key);
    else await write(worker, key, dice < 0.95 ? worker.value() : undefined);
  },

  async finish(worker, history) {
    for (const key of keysIn(history)) await read(worker, key);
  },

  judge(history) {
    const operations = history.filter(({ workload }) => workload === NAME).map(operationOf);
    const report = checkLinearizability(operations, REGISTER);
    if (report.verdict === 'linearizable') return [];
    return [`${report.verdict}: ${report.lines.join('\n')}`];
  },
};

function keysIn(history: readonly Recorded[]): string[] {
  return distinct(history.filter(({ workload }) => workload === NAME).map(keyOf));
}

function keyOf({ input }: Recorded): string {
  return String(input.key);
}

function operationOf(recorded: Recorded): RegisterOperation {
  const { process, invoke, outcome, input, output } = recorded;
  const isAnswered = outcome === 'ok' && Object.keys(output).length > 0;
  return {
    client: process,
    key: keyOf(recorded),
    invoke,
    return: recorded.return,
    input: input as unknown as RegisterInput,
    output: isAnswered ? (output as unknown as RegisterOutput) : undefined,
    outcome,
  };
}

/** A value holds the elements of a list, each after a comma: so append makes a list. */
function spaceOf({ kv }: Worker) {
  return kv.space(NAME, { codec: utf8 });
}

async function read(worker: Worker, key: string) {
  const level = worker.random.chance(0.2) ? 'lease' : 'linearizable';
  const operation = { workload: NAME, input: { key, kind: 'read', level } };
  const ask = () => spaceOf(worker).get(key, { read: level });
  return await worker.call(operation, ask, (entry): Fields => {
    return { kind: 'value', value: entry?.value.slice(1) };
  });
}

async function write(worker: Worker, key: string, value: string | undefined): Promise<void> {
  const operation = { workload: NAME, input: { key, kind: 'write', value } };
  const space = spaceOf(worker);
  const work = async () => {
    if (value === undefined) await space.delete(key);
    else await space.set(key, `,${value}`);
  };
  await worker.call(operation, work, () => ({ kind: 'written' }));
}

/** By the version that was read, which identifies one value for ever. */
async function swap(worker: Worker, key: string): Promise<void> {
  const space = spaceOf(worker);
  let version = 0;
  let expected: string | undefined;
  const readInput = { workload: NAME, input: { key, kind: 'read', level: 'linearizable' } };
  const isRead = await worker.call(
    readInput,
    async () => {
      const entry = await space.get(key);
      version = entry?.version ?? 0;
      expected = entry?.value.slice(1);
      return true;
    },
    () => ({ kind: 'value', value: expected }),
  );
  if (isRead === undefined) return;
  await worker.pause(worker.random.below(5));
  const value = worker.value();
  await worker.call(
    { workload: NAME, input: { key, kind: 'cas', expected, value } },
    () => space.set(key, `,${value}`, { ifVersion: version }),
    ({ ok }) => ({ kind: 'swapped', isSwapped: ok }),
  );
}

async function append(worker: Worker, key: string): Promise<void> {
  const element = worker.value();
  const operation = { workload: NAME, input: { key, kind: 'append', element } };
  const bytes = ENCODER.encode(`,${element}`);
  const work = () => spaceOf(worker).atomic().append(key, bytes).commit();
  await worker.call(operation, work, () => ({ kind: 'written' }));
}
