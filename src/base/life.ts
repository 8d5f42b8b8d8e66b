/**
 * Lives of a node: each boot of its data folder is one, and has a random word.
 *
 * A copy of a folder from an earlier time, booted often enough, has the present number but not the
 * present words. So words decide which life follows which, and numbers decide nothing.
 */

/** A life as other nodes know it. */
export interface Life {
  /** The number of the boot. */
  readonly incarnation: number;
  readonly word: number;
}

/** A life and those before it, as a node reports them. */
export interface Lineage {
  readonly incarnation: number;
  /** The oldest first; the last one is the life itself. Never empty. */
  readonly words: readonly number[];
}

/**
 * Boots whose words a folder keeps. The word that the cluster's map showed last is kept beyond
 * them, so that a folder stays known to its cluster however many boots no other node heard of.
 */
export const BOOTS_KEPT = 1024;
export const WORDS_MAX = BOOTS_KEPT + 1;

export function wordOf({ words }: Lineage): number {
  return words[words.length - 1] ?? 0;
}

export function lifeOf(lineage: Lineage): Life {
  return { incarnation: lineage.incarnation, word: wordOf(lineage) };
}

/**
 * The first known life that is missing in a lineage; undefined if it follows all of them.
 *
 * A known life that is older than the words reach is not missing, as long as another known one is
 * there. The first word may be one that was kept beyond the others, so it reaches no further.
 */
export function lifeMissingIn(lineage: Lineage, known: readonly Life[]): Life | undefined {
  const { incarnation, words } = lineage;
  const missing = known.filter(({ word }) => !words.includes(word));
  const isKin = missing.length < known.length;
  const reach = incarnation - words.length + 1;
  return missing.find((life) => !isKin || life.incarnation > reach);
}
