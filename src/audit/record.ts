/** What a node tells of an event that the audit trail has to name. Never a secret or a value. */

/** Who made a request. `anonymous`: the client has shown neither a token nor a certificate. */
export type AuditActor =
  | 'anonymous'
  | {
      /** Known only if its token was accepted. */
      readonly user?: string;
      /** The id of the token, which is no secret. */
      readonly token?: string;
      /** The name in the certificate that the client has presented. */
      readonly certificate?: string;
    };

/**
 * - `begun`: it is about to be served, or a stream of it was opened.
 * - `ok`: it was answered. Of several commands some may have had no effect; `why` has the number.
 * - `refused`: it has had no effect. `why` has the reason.
 * - `unknown`: whether it has had an effect is not known here.
 * - `ended`: the stream has ended.
 */
type AuditOutcome = 'begun' | 'ok' | 'refused' | 'unknown' | 'ended';

export interface AuditRecord {
  readonly kind: 'authentication' | 'request';
  /** Of this life of the node; the same one where a request is `begun` and where it ends. */
  readonly request?: number;
  readonly who: AuditActor;
  /** The remote address. */
  readonly from: string;
  /** The type of the request, or of the command to the catalog. */
  readonly what: string;
  /** What it names: keys, ranges, a user, a role, a token, a node. */
  readonly on?: Readonly<Record<string, unknown>>;
  readonly outcome: AuditOutcome;
  readonly why?: string;
}

/** What the node learns from its trail. */
export interface AuditProgress {
  /** False while lines cannot be written, or were dropped and the gap is not recorded yet. */
  readonly isWorking: boolean;
  /** The last request whose line `begun` survives a power cut; 0 for none. */
  readonly durable: number;
  /** Lines written, lines dropped and bytes written, since the start of the node. */
  readonly lines: number;
  readonly dropped: number;
  readonly bytes: number;
  /** The number of the last line that survives a power cut, and its hash. */
  readonly sequence: number;
  readonly head: string;
}
