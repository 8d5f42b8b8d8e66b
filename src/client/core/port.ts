/** The port between the core of a client and its network, and all that happens to the core. */

import type { KvErrorCode } from '../../base/errors.ts';
import type { NodeId } from '../../base/ids.ts';
import type { Call } from './call.ts';
import type { Scan } from './scan.ts';

/** What the core makes happen. None of it calls back. */
export interface ClientPort {
  /**
   * Ends in an `up` or a `down` of this number, which is never used again. A cluster that is
   * named is the only one that may answer; empty names none.
   */
  dial(connection: number, url: string, cluster: string): void;
  /** No event of it is listened to any more. */
  hangUp(connection: number): void;
  /** In order. Whether it arrives is told by answers alone. The bytes are given away. */
  send(connection: number, bytes: Uint8Array): void;
}

/** Why a dial went down where a node of another cluster than the one that was named answered. */
export const WRONG_CLUSTER = 'it belongs to another cluster';

/** What the other side says of itself when a connection is up. */
export interface Greeting {
  readonly cluster: string;
  readonly node: NodeId;
  readonly limits: NodeLimits;
}

export interface NodeLimits {
  readonly keyBytesMax: number;
  readonly valueBytesMax: number;
}

/** `now` is a monotone clock in milliseconds; it may stand still or jump ahead, never go back. */
export type ClientEvent =
  | { readonly type: 'call'; readonly call: Call; readonly now: number }
  /** The caller gave up. Nothing if the call has ended already. */
  | { readonly type: 'abort'; readonly call: Call }
  /** Nobody will ask for more rows of it. */
  | { readonly type: 'end-scan'; readonly scan: Scan }
  /** The end of a turn: what was asked in it leaves. */
  | { readonly type: 'flush'; readonly now: number }
  /** At least every `tickMilliseconds` as long as the core is busy. */
  | { readonly type: 'tick'; readonly now: number }
  | {
      readonly type: 'up';
      readonly connection: number;
      readonly greeting: Greeting;
      readonly now: number;
    }
  /** The bytes are the core's from now on. */
  | {
      readonly type: 'frame';
      readonly connection: number;
      readonly bytes: Uint8Array;
      readonly now: number;
    }
  | {
      readonly type: 'down';
      readonly connection: number;
      readonly reason: string;
      readonly now: number;
    }
  /** Everyone is told, now and later, and nothing is done any more. Only the first one counts. */
  | { readonly type: 'close'; readonly why: CloseReason };

/** What calls end with once there is nobody to ask any more. */
export interface CloseReason {
  readonly code: KvErrorCode;
  readonly message: string;
}
