/**
 * How far the searches of the unit tests go. `make check` goes a part of the way, so that it ends
 * within a minute. Everything else goes all the way: `make test`, a test that is run by its name,
 * and the unit tests that look for a planted bug.
 */

const VARIABLE = 'RINGKV_TEST_EFFORT';

/** For the processes of tests that this process starts. */
export function chooseEffort(effort: 'full' | 'brief'): void {
  process.env[VARIABLE] = effort;
}

/** The same for a shell. */
export function effortSetting(effort: 'full' | 'brief'): string {
  return `${VARIABLE}=${effort}`;
}

/** How many rounds or cases to take, or one in how many, or which seeds. */
export function byEffort<Amount>(amount: {
  readonly full: Amount;
  readonly brief: Amount;
}): Amount {
  return isBrief() ? amount.brief : amount.full;
}

/** All cases, or the first few of them. */
export function casesByEffort<Case>(
  cases: readonly Case[],
  { brief }: { readonly brief: number },
): readonly Case[] {
  return isBrief() ? cases.slice(0, brief) : cases;
}

function isBrief(): boolean {
  return process.env[VARIABLE] === 'brief';
}
