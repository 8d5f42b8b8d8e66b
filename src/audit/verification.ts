/** Verifies the chain over all files of a trail, and names each place where it does not hold. */

import { fileNumber, GENESIS, type Link, plainText, type ReadLine, readLine } from './chain.ts';

/**
 * - `changed`: the content of a line is not that of its hash, or it is no line at all.
 * - `removed`: lines are missing in front of it.
 * - `inserted`: it does not belong there: another line has its number.
 * - `reordered`: it belongs further to the front.
 * - `torn`: the last line is not complete, as after a power cut.
 * - `unanchored`: no line has the hash from which the trail was to be verified.
 */
type FaultKind = 'changed' | 'removed' | 'inserted' | 'reordered' | 'torn' | 'unanchored';

export interface ChainFault {
  readonly kind: FaultKind;
  readonly file: string;
  /** From 1; 0 for the file, or the trail, as a whole. */
  readonly line: number;
  readonly text: string;
}

export interface TrailVerdict {
  readonly isIntact: boolean;
  /** Lines that were verified. */
  readonly lines: number;
  /** The numbers of the first and the last one. */
  readonly first: number;
  readonly last: number;
  /** The hash of the last one; as the zeros of an empty trail without any. */
  readonly head: string;
  /** Lines that the trail itself reports as dropped. */
  readonly dropped: number;
  /** The first ones. */
  readonly faults: readonly ChainFault[];
}

export interface TrailFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

const FAULTS_MAX = 100;

interface VerificationOptions {
  /** The hash of a line that was noted before: one of the sound lines has to have it. */
  readonly from?: string | undefined;
  /** The files in front are not there on purpose. */
  readonly isPart?: boolean;
}

/** Lines between two that follow each other; they may appear later. */
interface Missing {
  readonly from: number;
  readonly to: number;
  /** Where the fault is in the list; undefined if it is beyond the bound. */
  readonly at: number | undefined;
}

/**
 * One for a trail: give it all files in order. No check misses lines that were cut off at the end:
 * that is what noting the hash of the last line elsewhere is for (`from`).
 */
export class Verification {
  readonly #faults: ChainFault[] = [];
  #count = 0;
  /** A hash that was noted before; undefined once it was found. */
  #awaited: string | undefined;
  readonly #isPart: boolean;
  #link: Link | undefined;
  /** The hash of a line that does not belong where it stands: the next line may continue it. */
  #aside: string | undefined;
  /** The line in front was changed: what it was is not known. */
  #isBlind = false;
  /** Changed lines in front of the first sound one. */
  #skipped = 0;
  #missing: Missing[] = [];
  #lines = 0;
  #first = 0;
  #dropped = 0;
  /** The last number that a line reports as removed with its file. */
  #removedThrough = 0;
  #start: { readonly file: string; readonly sequence: number } | undefined;
  #unfinished: ChainFault | undefined;

  constructor({ from, isPart = false }: VerificationOptions = {}) {
    this.#awaited = from;
    this.#isPart = isPart;
  }

  add({ name, bytes }: TrailFile): void {
    if (this.#unfinished !== undefined) this.#tell({ ...this.#unfinished, kind: 'changed' });
    this.#unfinished = undefined;
    const lines = plainText(bytes).split('\n');
    const rest = lines.pop() ?? '';
    for (const [at, line] of lines.entries()) this.#take(line, { name, line: at + 1 });
    if (rest === '') return;
    const line = lines.length + 1;
    const told = `the file ends within a line of ${rest.length} characters`;
    this.#unfinished = { kind: 'torn', file: name, line, text: told };
  }

  end(): TrailVerdict {
    if (this.#unfinished !== undefined) this.#tell(this.#unfinished);
    this.#judgeStart();
    if (this.#awaited !== undefined) {
      const text = `no sound line has the hash ${this.#awaited}: lines were removed or changed`;
      this.#tell({ kind: 'unanchored', file: '', line: 0, text });
    }
    const { sequence, hash } = this.#link ?? GENESIS;
    return {
      isIntact: this.#count === 0,
      lines: this.#lines,
      first: this.#first,
      last: sequence,
      head: hash,
      dropped: this.#dropped,
      faults: this.#faults.filter(({ text }) => text !== ''),
    };
  }

  #take(text: string, place: Place): void {
    const line = readLine(text);
    if (line === undefined) return this.#skip(place, 'it is no line of a trail');
    if (this.#link === undefined) this.#begin(line, place);
    this.#lines += 1;
    if (!line.isSound) return this.#skip(place, 'its content is not that of its hash');
    if (line.hash === this.#awaited) this.#awaited = undefined;
    this.#note(text);
    this.#follow(line, place);
  }

  #begin(line: ReadLine, { name }: Place): void {
    this.#link = { sequence: line.sequence - 1, hash: line.previous };
    this.#first = line.sequence;
    // The noted line was removed with its file, as a line says; or it is in front of a part.
    if (line.isSound && line.previous === this.#awaited) this.#awaited = undefined;
    const sequence = line.sequence - this.#skipped;
    if (!this.#isPart) this.#start = { file: name, sequence };
  }

  /** The next line continues what stood here, so one change is one fault. */
  #skip(place: Place, text: string): void {
    this.#fault('changed', place, text);
    if (this.#link === undefined) {
      this.#skipped += 1;
      return;
    }
    this.#link = { ...this.#link, sequence: this.#link.sequence + 1 };
    this.#isBlind = true;
  }

  #follow(line: ReadLine, place: Place): void {
    const before = this.#link ?? GENESIS;
    const { sequence, previous } = line;
    const isNext = sequence === before.sequence + 1;
    const fits = this.#isBlind || previous === before.hash || previous === this.#aside;
    this.#isBlind = false;
    if (isNext && fits) {
      this.#aside = undefined;
      this.#link = line;
      return;
    }
    if (sequence > before.sequence + 1) {
      const told = { from: before.sequence + 1, to: sequence - 1 };
      const what = `lines ${told.from} to ${told.to} are missing in front of line ${sequence}`;
      this.#missing.push({ ...told, at: this.#fault('removed', place, what) });
      this.#link = line;
      return;
    }
    if (isNext) {
      this.#fault('changed', place, `line ${sequence} does not continue the one in front of it`);
      this.#link = line;
      return;
    }
    this.#aside = line.hash;
    this.#misplace(sequence, place);
  }

  /** A number that was there before: one of the missing lines, or one too many. */
  #misplace(sequence: number, place: Place): void {
    const at = this.#missing.findIndex(({ from, to }) => from <= sequence && sequence <= to);
    const gap = this.#missing[at];
    if (gap === undefined) {
      this.#fault('inserted', place, `another line has the number ${sequence}`);
      return;
    }
    this.#fault('reordered', place, `line ${sequence} belongs further to the front`);
    const left = [
      { ...gap, to: sequence - 1 },
      { ...gap, from: sequence + 1 },
    ].filter(({ from, to }) => from <= to);
    this.#missing.splice(at, 1, ...left);
    // The lines are not missing after all.
    if (left.length === 0 && gap.at !== undefined) this.#withdraw(gap.at);
  }

  /** The file begins where the one that was removed ends, and a line says that it was removed. */
  #judgeStart(): void {
    if (this.#start === undefined) return;
    const { file, sequence } = this.#start;
    if (sequence - 1 <= this.#removedThrough) return;
    const text = `the trail begins with line ${sequence}, and no line says what was removed`;
    this.#tell({ kind: 'removed', file, line: 1, text });
  }

  /** What a line says of the trail itself. */
  #note(text: string): void {
    if (!/"kind":"(?:file|gap)"/.test(text)) return;
    const { kind, removedThrough, lost } = plainOf(text);
    if (kind === 'file' && typeof removedThrough === 'number') {
      this.#removedThrough = Math.max(this.#removedThrough, removedThrough);
    }
    if (kind === 'gap' && typeof lost === 'number') this.#dropped += lost;
  }

  #fault(kind: FaultKind, { name, line }: Place, text: string): number | undefined {
    return this.#tell({ kind, file: name, line, text });
  }

  /** Where it is in the list. */
  #tell(fault: ChainFault): number | undefined {
    this.#count += 1;
    if (this.#faults.length >= FAULTS_MAX) return undefined;
    return this.#faults.push(fault) - 1;
  }

  /** Another fault tells it better. */
  #withdraw(at: number): void {
    const fault = this.#faults[at];
    if (fault === undefined) return;
    this.#count -= 1;
    this.#faults[at] = { ...fault, text: '' };
  }
}

interface Place {
  readonly name: string;
  readonly line: number;
}

/** The fields of a line; none if it is no JSON. */
export function plainOf(text: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>;
  } catch {
    return {};
  }
}

/** Files in the order of their numbers; others, given by name, as they come. */
export function inOrder(names: readonly string[]): readonly string[] {
  return [...names].sort((one, other) => (fileNumber(one) ?? 0) - (fileNumber(other) ?? 0));
}
