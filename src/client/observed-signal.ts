/**
 * A signal whose truth depends on the clock. A process that was stopped goes on with any callback,
 * maybe long before a timer of this client: so the signal looks at the clock when it is asked, also
 * by code that has read it from its lock or lease before the stop.
 */

export class ObservedSignal {
  readonly signal: AbortSignal;
  readonly #controller = new AbortController();
  #isAborted = false;

  /** `look` calls `abort` if it is time, and is called before each answer. */
  constructor(look: () => void) {
    const { signal } = this.#controller;
    this.signal = signal;
    const isAborted = () => {
      look();
      return this.#isAborted;
    };
    const reasonOf = (): unknown => {
      look();
      return Reflect.get(AbortSignal.prototype, 'reason', signal);
    };
    Object.defineProperties(signal, {
      aborted: { get: isAborted },
      reason: { get: reasonOf },
      throwIfAborted: {
        value: () => {
          if (isAborted()) throw reasonOf();
        },
      },
    });
  }

  /** Once: a second reason is ignored. */
  abort(reason: Error | undefined): void {
    if (this.#isAborted) return;
    this.#isAborted = true;
    this.#controller.abort(reason);
  }
}
