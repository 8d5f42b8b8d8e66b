/** Counts of events that must occur: a fault without effect proves nothing. */

export class Probes {
  readonly #counts = new Map<string, number>();

  hit(name: string): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  add(other: ReadonlyMap<string, number>): void {
    for (const [name, count] of other)
      this.#counts.set(name, (this.#counts.get(name) ?? 0) + count);
  }
}
