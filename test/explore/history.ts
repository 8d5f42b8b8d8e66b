/** Every sequence of entries that was ever committed in some world, each by a number. */

interface Sequence {
  readonly entries: readonly number[];
  /** The term in which each of them was first known to be committed. */
  readonly terms: readonly number[];
}

export class History {
  readonly #sequences: Sequence[] = [{ entries: [], terms: [] }];
  readonly #numbers = new Map<string, number>();

  entriesOf(number: number): readonly number[] {
    return (this.#sequences[number] as Sequence).entries;
  }

  termsOf(number: number): readonly number[] {
    return (this.#sequences[number] as Sequence).terms;
  }

  /** The number of a sequence with one entry more. */
  extend(number: number, entry: number, term: number): number {
    const key = `${number}/${entry}/${term}`;
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const { entries, terms } = this.#sequences[number] as Sequence;
    const longer = this.#sequences.push({ entries: [...entries, entry], terms: [...terms, term] });
    this.#numbers.set(key, longer - 1);
    return longer - 1;
  }
}
