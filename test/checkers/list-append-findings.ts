/** Anomalies that a single read or a single transaction proves, from the most basic one on. */

const LOCAL_NAMES = [
  /** A transaction contradicts itself. */
  'internal',
  /** A list has an element twice. */
  'duplicate-element',
  /** A list has an element that was never appended. */
  'garbage-read',
  /** A list has an element of a transaction that failed. */
  'G1a',
  /** An element that took effect follows one of a transaction that failed. */
  'dirty-update',
  /** A list ends amid the appends of another transaction. */
  'G1b',
  /** Two lists of one key of which neither is a start of the other. */
  'incompatible-order',
  /** An append that took effect is in no list, though a later read should show it. */
  'lost-append',
] as const;

export type LocalName = (typeof LOCAL_NAMES)[number];

/** The first of each name is kept. */
export class LocalFindings {
  readonly #explanations = new Map<LocalName, string>();

  add(name: LocalName, explanation: string): void {
    if (!this.#explanations.has(name)) this.#explanations.set(name, explanation);
  }

  names(): LocalName[] {
    return LOCAL_NAMES.filter((name) => this.#explanations.has(name));
  }

  explain(): string {
    return this.names()
      .map((name) => `${name}: ${this.#explanations.get(name)}`)
      .join('\n');
  }
}
