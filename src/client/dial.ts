/** The port between the library and the network: dials, and the connections that they become. */

import type { Greeting } from './core/port.ts';
import type { ClientSchedule } from './schedule.ts';

/** Called one at a time, never from inside a call on the connection. */
export interface ConnectionListener {
  /** At most once, before any frame. */
  readonly onUp: (greeting: Greeting) => void;
  /** The bytes belong to the listener. */
  readonly onFrame: (bytes: Uint8Array) => void;
  /** The last call, also if it was never up. Not after `close`. */
  readonly onDown: (reason: string) => void;
}

export interface DialedConnection {
  /** False if it was not sent, because the connection is gone or its buffer is full. */
  send(bytes: Uint8Array): boolean;
  close(): void;
}

/**
 * One attempt; only nodes of the cluster may answer, if one is named. The token says who dials.
 * Returns before any event.
 */
export type Dial = (
  url: string,
  listener: ConnectionListener,
  cluster: string,
  token?: Uint8Array,
) => DialedConnection;

/** What the process provides: a network, a monotone clock in milliseconds, unguessable bytes. */
export interface Surroundings {
  readonly dial: Dial;
  readonly now: () => number;
  /**
   * Milliseconds by a clock that goes on while this machine is suspended. Without it, leases depend
   * on the monotone clock alone.
   */
  readonly wallNow?: () => number;
  readonly secureBytes: (length: number) => Uint8Array;
  /** The timers of the process by default. */
  readonly schedule?: ClientSchedule;
  /** Of a store in this process: why it ended, if it ends by itself. */
  readonly ended?: Promise<string>;
  /** Releases what a store in this process holds. */
  readonly close?: () => Promise<void>;
}
