/** One node's monotone clock: it starts anywhere, runs fast or slow, and may be suspended. */

export class NodeClock {
  #virtual: number;
  #reading: number;
  #rate: number;

  constructor(start: {
    readonly virtual: number;
    readonly reading: number;
    readonly rate: number;
  }) {
    this.#virtual = start.virtual;
    this.#reading = start.reading;
    this.#rate = start.rate;
  }

  read(virtual: number): number {
    return this.#reading + (virtual - this.#virtual) * this.#rate;
  }

  /** The world's time in which this clock advances by `milliseconds`. */
  virtualFor(milliseconds: number): number {
    return milliseconds / this.#rate;
  }

  setRate(virtual: number, rate: number): void {
    this.#reading = this.read(virtual);
    this.#virtual = virtual;
    this.#rate = rate;
  }

  /** The clock stood still from then until now: the machine was suspended. */
  skip(from: number, until: number): void {
    const reading = this.read(from);
    this.#reading = reading;
    this.#virtual = until;
  }
}
