/** The public surface: users import nothing else. */

export type { Attempt, KvErrorCode, Outcome } from './base/errors.ts';
export { KvError } from './base/errors.ts';
