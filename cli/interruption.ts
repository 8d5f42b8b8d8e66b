/**
 * SIGINT, SIGTERM and SIGHUP for the verbs that wait, or own something in the cluster: such a verb
 * gives back what it has, in bounded time, before kvctl ends. For all other verbs the signals keep
 * their usual effect.
 */

import { constants } from 'node:os';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** How long what is owned may take to be given back after the first signal. */
const CLOSING_MILLISECONDS = 2000;

/** What shells add to the number of the signal that ended a program. */
const SIGNALLED = 128;

/** The exit code of a program that a signal has ended. */
export function exitOfSignal(name: NodeJS.Signals): number {
  return SIGNALLED + constants.signals[name];
}

export class Interruption {
  readonly #aborting = new AbortController();
  readonly #listen = (name: NodeJS.Signals): void => this.#take(name);
  #isListening = false;
  #receiver: ((name: NodeJS.Signals) => void) | undefined;
  #name: NodeJS.Signals | undefined;
  #closing: NodeJS.Timeout | undefined;

  /** Aborts at the first signal, once `begin` was called. */
  get signal(): AbortSignal {
    return this.#aborting.signal;
  }

  /** The exit code of an interrupted call; undefined if there was no signal. */
  get exit(): number | undefined {
    return this.#name === undefined ? undefined : exitOfSignal(this.#name);
  }

  /** From now on a signal aborts `signal`; a second one ends the process. */
  begin(): AbortSignal {
    if (!this.#isListening) for (const name of SIGNALS) process.on(name, this.#listen);
    this.#isListening = true;
    return this.signal;
  }

  /** Signals go to a receiver, which decides what they do; undefined for none. */
  passTo(receiver: ((name: NodeJS.Signals) => void) | undefined): void {
    this.#receiver = receiver;
  }

  /** Ends the process if it does not end by itself within this time. `end` calls it off. */
  leaveWithin(milliseconds: number, exit: number): void {
    clearTimeout(this.#closing);
    this.#closing = setTimeout(() => process.exit(exit), milliseconds).unref();
  }

  /** Signals have their usual effect again. Safe to call twice. */
  end(): void {
    clearTimeout(this.#closing);
    for (const name of SIGNALS) process.off(name, this.#listen);
    this.#isListening = false;
  }

  #take(name: NodeJS.Signals): void {
    if (this.#receiver !== undefined) return this.#receiver(name);
    if (this.#name !== undefined) process.exit(exitOfSignal(name));
    this.#name = name;
    this.leaveWithin(CLOSING_MILLISECONDS, exitOfSignal(name));
    this.#aborting.abort();
  }
}
