/** The event loop of a process: while it is held, input and timers wait, in their order. */

interface Time {
  readonly now: number;
  at(time: number, run: () => void): void;
}

export class HeldLoop {
  readonly #time: Time;
  readonly #guard: (work: () => void) => void;
  /** Number of processes that ran here; a hold ends with its process. */
  #life = 0;
  #heldFrom = 0;
  #heldUntil = 0;
  /** Timers that fell due meanwhile. Each runs once afterwards, however often it fell due. */
  readonly #owed = new Set<() => void>();
  #inbox: (() => void)[] = [];
  /** Work from outside of the process: it waits for a free loop, and outlives the process. */
  #outside: (() => void)[] = [];

  constructor(time: Time, guard: (work: () => void) => void) {
    this.#time = time;
    this.#guard = guard;
  }

  /** A new process begins, or the present one ends. */
  begin(): void {
    this.#life += 1;
    this.#inbox = [];
    this.#owed.clear();
    this.#heldUntil = 0;
    this.#time.at(this.#time.now, () => this.#goOn(this.#life));
  }

  get heldUntil(): number {
    return this.#heldUntil;
  }

  get isHeld(): boolean {
    return this.#heldUntil > this.#time.now;
  }

  /** Since when nothing has run; undefined if something may have run until now. */
  get heldFrom(): number | undefined {
    return this.#heldUntil >= this.#time.now && this.#heldUntil > 0 ? this.#heldFrom : undefined;
  }

  hold(milliseconds: number): void {
    if (!this.isHeld) this.#heldFrom = this.#time.now;
    this.#heldUntil = Math.max(this.#heldUntil, this.#time.now + milliseconds);
    const life = this.#life;
    this.#time.at(this.#heldUntil, () => this.#goOn(life));
  }

  /** It continues early. */
  resume(): void {
    this.#heldUntil = Math.min(this.#heldUntil, this.#time.now);
    this.#goOn(this.#life);
  }

  /** Handles input from outside, or queues it until the end of the hold. */
  arrive(take: () => void): void {
    if (this.isHeld || this.#inbox.length > 0) this.#inbox.push(take);
    else this.#guard(take);
  }

  /** The same for a timer that is due. */
  due(run: () => void): void {
    if (this.isHeld) this.#owed.add(run);
    else this.#guard(run);
  }

  whenFree(run: () => void): void {
    if (this.isHeld) this.#outside.push(run);
    else run();
  }

  /** A blocked loop handles its input before it evaluates time (`transport/ticker.ts`). */
  #goOn(life: number): void {
    if (this.#life !== life || this.isHeld) return;
    for (const take of this.#inbox.splice(0)) if (this.#life === life) this.#guard(take);
    const owed = [...this.#owed];
    this.#owed.clear();
    for (const run of owed) if (this.#life === life) this.#guard(run);
    for (const run of this.#outside.splice(0)) this.whenFree(run);
  }
}
