/** The port between the library and the network: dialling, and a line once it is up. */

import type { Greeting } from './core/port.ts';

/** Called one at a time, never from inside a call on the line. */
export interface ConnectionListener {
  /** At most once, before any frame. */
  readonly onUp: (greeting: Greeting) => void;
  /** The bytes are given away. */
  readonly onFrame: (bytes: Uint8Array) => void;
  /** The last call, also if it was never up. Not after `close`. */
  readonly onDown: (reason: string) => void;
}

export interface DialedConnection {
  /** False if it was not sent, for the line is gone or too much waits in it. */
  send(bytes: Uint8Array): boolean;
  close(): void;
}

/** One attempt, at a node of the cluster if one is named. Nothing is called before it returns. */
export type Dial = (url: string, listener: ConnectionListener, cluster: string) => DialedConnection;

/** What a process gives: a network, a monotone clock in milliseconds, bytes that nobody guesses. */
export interface Surroundings {
  readonly dial: Dial;
  readonly now: () => number;
  readonly secureBytes: (length: number) => Uint8Array;
  /** Of a store in this process: why it ended, if it ever does by itself. */
  readonly ended?: Promise<string>;
  /** Gives back what a store in this process holds. */
  readonly close?: () => Promise<void>;
}
