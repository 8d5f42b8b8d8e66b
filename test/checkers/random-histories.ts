/** Histories of a real object under random clients, ways to spoil them, and a brute-force check. */

import { unreachable } from '../../src/base/assert.ts';
import type { Random } from '../../src/base/random.ts';
import type { Outcome } from './model.ts';
import type {
  RegisterInput,
  RegisterOperation,
  RegisterOutput,
  Value,
} from './register-operation.ts';

type Verb = RegisterInput['kind'];

export interface Workload {
  readonly operations: number;
  readonly clients: number;
  readonly keys: number;
  readonly verbs: readonly Verb[];
  /** Few values make ambiguous histories; infinitely many make every write unique. */
  readonly values: number;
  /** Of all operations that change something. */
  readonly unknownShare: number;
  readonly failedShare: number;
  /** How long an operation and a pause last at most. */
  readonly durationMax: number;
  readonly pauseMax: number;
}

/** The object keeps a list where the model keeps text, so that they do not share errors. */
type Elements = readonly string[] | undefined;

interface Deed {
  readonly elements: Elements;
  readonly output: RegisterOutput;
}

interface Slot {
  readonly client: number;
  readonly key: string;
  readonly verb: Verb;
  readonly invoke: number;
  readonly return: number;
  readonly outcome: Outcome;
  /** The instant of its effect; infinite if it never takes effect. */
  readonly effect: number;
}

/** A history that is linearizable, because it was made by doing one thing at a time. */
export function generateHistory(random: Random, workload: Workload): RegisterOperation[] {
  const slots = generateSlots(random, workload);
  const contents = new Map<string, Elements>();
  let valuesMade = 0;
  const makeValue = () => {
    valuesMade++;
    const isUnique = workload.values === Number.POSITIVE_INFINITY;
    return `v${isUnique ? valuesMade : random.below(workload.values)}`;
  };
  return slots
    .sort((one, other) => one.effect - other.effect)
    .map(({ effect, verb, ...slot }) => {
      const before = contents.get(slot.key);
      const input = generateInput(random, verb, before, makeValue);
      const { elements, output } = perform(before, input);
      if (effect !== Number.POSITIVE_INFINITY) contents.set(slot.key, elements);
      const hidesLength = input.kind === 'append' && random.chance(0.7);
      const told: RegisterOutput = hidesLength ? { kind: 'written' } : output;
      return { ...slot, input, output: slot.outcome === 'ok' ? told : undefined };
    });
}

function generateSlots(random: Random, workload: Workload): Slot[] {
  const clocks = Array.from({ length: workload.clients }, () =>
    random.below(workload.pauseMax + 1),
  );
  return Array.from({ length: workload.operations }, (_, index) => {
    const client = index % workload.clients;
    const invoke = (clocks[client] ?? 0) + random.below(workload.pauseMax + 1);
    const end = invoke + random.below(workload.durationMax + 1);
    clocks[client] = end + 1;
    const verb = random.pick(workload.verbs);
    const outcome = generateOutcome(random, workload, verb);
    const isEffective = outcome === 'ok' || (outcome === 'unknown' && random.chance(0.5));
    // An unknown operation may take effect long after its client gave up.
    const patience = outcome === 'unknown' ? random.pick([1, 10]) : 1;
    const effect = invoke + random.fraction() * (end - invoke) * patience;
    return {
      client,
      key: `k${random.below(workload.keys)}`,
      verb,
      invoke,
      return: outcome === 'unknown' ? Number.POSITIVE_INFINITY : end,
      outcome,
      effect: isEffective ? effect : Number.POSITIVE_INFINITY,
    };
  });
}

function generateOutcome(random: Random, workload: Workload, verb: Verb): Outcome {
  if (verb === 'read') return 'ok';
  if (random.chance(workload.unknownShare)) return 'unknown';
  return random.chance(workload.failedShare) ? 'failed' : 'ok';
}

function generateInput(
  random: Random,
  verb: Verb,
  elements: Elements,
  makeValue: () => string,
): RegisterInput {
  switch (verb) {
    case 'read':
      return { kind: 'read' };
    case 'write':
      return { kind: 'write', value: random.chance(0.05) ? undefined : makeValue() };
    case 'cas': {
      const expected = random.chance(0.6) ? elements?.join(',') : makeValue();
      return { kind: 'cas', expected, value: makeValue() };
    }
    case 'append':
      return { kind: 'append', element: makeValue() };
    default:
      return unreachable(verb);
  }
}

function perform(elements: Elements, input: RegisterInput): Deed {
  switch (input.kind) {
    case 'read':
      return { elements, output: { kind: 'value', value: elements?.join(',') } };
    case 'write':
      return { elements: input.value?.split(','), output: { kind: 'written' } };
    case 'cas': {
      const isSwapped = elements?.join(',') === input.expected;
      const output = { kind: 'swapped', isSwapped } as const;
      return { elements: isSwapped ? input.value?.split(',') : elements, output };
    }
    case 'append': {
      const longer = [...(elements ?? []), input.element];
      return { elements: longer, output: { kind: 'length', length: longer.length } };
    }
    default:
      return unreachable(input);
  }
}

/** Tries every order of every subset of the unknown operations. For seven operations at most. */
export function isLinearizableByForce(history: readonly RegisterOperation[]): boolean {
  const keys = new Set(history.map(({ key }) => key));
  return [...keys].every((key) =>
    canOrder(
      undefined,
      history.filter((operation) => operation.key === key && operation.outcome !== 'failed'),
    ),
  );
}

function canOrder(elements: Elements, rest: readonly RegisterOperation[]): boolean {
  if (rest.every(({ outcome }) => outcome === 'unknown')) return true;
  return rest.some((operation) => {
    const isLate = rest.some((other) => other.outcome === 'ok' && other.return < operation.invoke);
    const deed = perform(elements, operation.input);
    if (isLate || !isSame(operation.output, deed.output)) return false;
    return canOrder(
      deed.elements,
      rest.filter((other) => other !== operation),
    );
  });
}

function isSame(told: RegisterOutput | undefined, output: RegisterOutput): boolean {
  if (told === undefined || told.kind === 'written') return true;
  return JSON.stringify(told) === JSON.stringify(output);
}

/** Changes one thing at random; the result may still be linearizable. */
export function markCorrupt(
  random: Random,
  history: readonly RegisterOperation[],
): readonly RegisterOperation[] {
  if (history.length === 0) return history;
  const victim = random.pick(history);
  const other = random.pick(history);
  const swapFor = (changed: RegisterOperation) =>
    history.map((operation) => (operation === victim ? changed : operation));
  switch (random.below(6)) {
    case 0:
      return history.filter((operation) => operation !== victim);
    case 1: {
      const length = random.below(3);
      const invoke = Math.min(other.invoke, victim.return);
      const end = victim.outcome === 'unknown' ? victim.return : invoke + length;
      return swapFor({ ...victim, invoke, return: end });
    }
    default:
      return swapFor({ ...victim, output: spoilOutput(random, victim, other) });
  }
}

function spoilOutput(
  random: Random,
  { output }: RegisterOperation,
  other: RegisterOperation,
): RegisterOutput | undefined {
  switch (output?.kind) {
    case 'value':
      return { kind: 'value', value: spoilValue(random, output.value, other) };
    case 'swapped':
      return { kind: 'swapped', isSwapped: !output.isSwapped };
    case 'length':
      return { kind: 'length', length: output.length + random.pick([-1, 1]) };
    default:
      return output;
  }
}

/** Another value of the history, or a list with an element twice, without one, or turned round. */
function spoilValue(random: Random, value: Value, { input, output }: RegisterOperation): Value {
  const elements = value?.split(',') ?? [];
  switch (random.below(4)) {
    case 0:
      return elements.length > 1 ? elements.slice(1).join(',') : undefined;
    case 1:
      return [...elements, elements.at(-1) ?? 'v0'].join(',');
    case 2:
      return elements.length > 1 ? elements.reverse().join(',') : value;
    default:
      if (output?.kind === 'value') return output.value;
      return input.kind === 'write' || input.kind === 'cas' ? input.value : value;
  }
}
