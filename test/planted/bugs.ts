/** Every planted bug. */

import type { Bug } from './bug.ts';
import { ELECTION_BUGS } from './bugs-elections.ts';
import { LOG_BUGS } from './bugs-log.ts';
import { MEMBERSHIP_BUGS } from './bugs-membership.ts';
import { READ_BUGS } from './bugs-reads.ts';

export const BUGS: readonly Bug[] = [
  ...ELECTION_BUGS,
  ...LOG_BUGS,
  ...MEMBERSHIP_BUGS,
  ...READ_BUGS,
];
