/** What an oracle throws: which rule was broken, where and when. */

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

/** A failure as a result carries it: plain data, whatever threw it. */
export interface Failure {
  readonly oracle: string;
  readonly message: string;
  readonly node: number | undefined;
  readonly shard: number | undefined;
  readonly time: number;
  readonly stack: string;
}

/** Errors of the core end a node in production; here they end the seed. */
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

/** Two failures with one signature are taken for one defect: numbers differ from run to run. */
export function signatureOf(failure: Failure): string {
  return `${failure.oracle}: ${failure.message.replaceAll(/\d+(\.\d+)?/g, '#')}`;
}
