/** A planted bug: a patch of the compiled product that exists in tests only. */

export interface Bug {
  readonly name: string;
  /** What the broken product does. */
  readonly sentence: string;
  /** The section of the Raft paper (extended version) that states the broken rule. */
  readonly paper?: string;
  /** The source file; the patch applies to its compiled form. */
  readonly file: string;
  /** Code that occurs once in the compiled file. Any white space matches any other. */
  readonly find: string;
  readonly replace: string;
  /** Profiles of the simulator that should find it, each in turn; none if it cannot yet. */
  readonly profiles: readonly string[];
  /** Test files of its room that should find it, the most specific first. All others follow. */
  readonly tests?: readonly string[];
  /** Found within seconds: part of every run of the tests. */
  readonly isFast: boolean;
}

/** One of a list whose tests and profiles follow from the file. */
export type Planted = Omit<Bug, 'profiles' | 'isFast'> & { readonly isFast?: boolean };

/** The compiled text with the bug in it. Throws unless it is planted exactly once. */
export function plant(bug: Bug, text: string): string {
  const words = bug.find.trim().split(/\s+/).map(literal);
  const pattern = new RegExp(words.join('\\s+'), 'g');
  const places = [...text.matchAll(pattern)];
  if (places.length !== 1) {
    throw new Error(`${bug.name} has ${places.length} places in ${bug.file}, it needs one`);
  }
  const planted = text.replace(pattern, () => bug.replace);
  if (planted === text) throw new Error(`${bug.name} changes nothing`);
  return planted;
}

/** The part of a URL that names the compiled file. */
export function compiledPath(bug: Bug): string {
  return `/build/${bug.file.replace(/\.ts$/, '.js')}`;
}

function literal(word: string): string {
  return word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
