/** What a node audits beside administration and authentication, and what it does without a disk. */

import type { KeyVerb } from '../access/role.ts';

/** Requests that do one of these things with keys of this prefix. */
export interface AuditRule {
  readonly prefix: Uint8Array;
  readonly verbs: readonly KeyVerb[];
}

export interface AuditPolicy {
  /** Data requests that are audited. None by default. */
  readonly rules: readonly AuditRule[];
  /**
   * A request that has to be audited is served only behind a durable line that names it, and
   * refused while none can be written. Otherwise it is served, and lines may be lost and counted.
   */
  readonly isFailClosed: boolean;
}
