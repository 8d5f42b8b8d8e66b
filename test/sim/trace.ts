/** The fingerprint of a run: two words over all events, in order. */

export class Trace {
  #one = 0x243f6a88;
  #other = 0x85a308d3;
  #events = 0;

  get events(): number {
    return this.#events;
  }

  /** One event: when, where, what kind, and a hash of what it carried. */
  note(time: number, node: number, kind: number, word: number): void {
    this.#events += 1;
    // Virtual time is in milliseconds with fractions; thousandths are enough to distinguish runs.
    this.#mix(Math.floor(time * 1000) | 0);
    this.#mix((node << 8) ^ kind);
    this.#mix(word | 0);
  }

  get hash(): string {
    return hex(this.#one) + hex(this.#other);
  }

  #mix(word: number): void {
    const one = Math.imul(this.#one ^ word, 0x9e3779b1);
    this.#one = (one << 13) | (one >>> 19);
    this.#other = Math.imul(this.#other + word, 0x85ebca77) ^ (this.#other >>> 15);
  }
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0');
}
