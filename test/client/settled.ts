/** What became of a call, and waiting until something is so. */

import { isKvError } from '../../src/index.ts';

/** Code and outcome of a call that fails; what is no error of the library as it is. */
export function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => (isKvError(error) ? `${error.code} ${error.outcome}` : error),
  );
}

/** Until it is so: tests have a timeout of their own. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resume) => setTimeout(resume, 5));
}
