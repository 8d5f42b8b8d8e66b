/** What an oracle throws: the broken rule, the place and the time. */

export interface FailurePlace {
  readonly node?: number | undefined;
  readonly shard?: number | undefined;
  readonly time: number;
}

export class SimFailure extends Error {
  override readonly name = 'SimFailure';
  readonly oracle: string;
  readonly place: FailurePlace;

  constructor(oracle: string, message: string, place: FailurePlace) {
    super(message);
    this.oracle = oracle;
    this.place = place;
  }
}

/** A failure as part of a result: plain data, whichever error was thrown. */
export interface Failure {
  readonly oracle: string;
  readonly message: string;
  readonly node: number | undefined;
  readonly shard: number | undefined;
  readonly time: number;
  readonly stack: string;
}

/** Assertions of the core end a node in production; here they end the seed. */
export function failureOf(error: unknown, time: number): Failure {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  if (error instanceof SimFailure) {
    const { oracle, message, place } = error;
    return { oracle, message, node: place.node, shard: place.shard, time: place.time, stack };
  }
  const message = error instanceof Error ? error.message : String(error);
  const isAssertion = error instanceof Error && error.name === 'AssertionFailure';
  const oracle = isAssertion ? 'assertion' : 'exception';
  return { oracle, message, node: undefined, shard: undefined, time, stack };
}

/** Two failures with one signature count as one defect: numbers differ from run to run. */
export function signatureOf(failure: Failure): string {
  return `${failure.oracle}: ${failure.message.replaceAll(/\d+(\.\d+)?/g, '#')}`;
}
