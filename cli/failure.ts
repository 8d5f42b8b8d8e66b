/** What went wrong, as people and scripts are told: what, on what, why, and what to do. */

import { EXIT, type Exit } from './exit.ts';

export interface Reason {
  /** What was tried: mostly the url of a node. */
  readonly endpoint: string;
  readonly what: string;
}

export interface Told {
  readonly code: string;
  readonly exit: Exit;
  readonly message: string;
  readonly reasons: readonly Reason[];
  /** Whether it took effect, in words; empty where nothing could. */
  readonly effect: string;
  readonly hint: string;
}

interface FailureOptions {
  readonly code: string;
  readonly exit: Exit;
  readonly message: string;
  readonly hint: string;
  readonly reasons?: readonly Reason[];
}

/** A failure that kvctl itself finds. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly told: Told;

  constructor({ code, exit, message, hint, reasons = [] }: FailureOptions) {
    super(message);
    this.told = { code, exit, message, reasons, effect: '', hint };
  }
}

/** Words that kvctl does not understand. Nothing was asked of anybody. */
export function usageFailure(message: string, hint: string): Failure {
  return new Failure({ code: 'usage', exit: EXIT.usage, message, hint });
}

const EFFECTS: Readonly<Record<string, string>> = {
  applied: 'it was applied',
  notApplied: 'nothing was applied',
  unknown: 'it is not known whether it was applied; it happens at most once',
};

/** A failure of the client library, by the form it has: the library may not be loaded yet. */
interface LibraryFailure {
  readonly code: string;
  readonly outcome: string;
  readonly message: string;
  readonly hint: string;
  readonly attempts: readonly Reason[];
}

export function toldOf(error: unknown): Told {
  if (error instanceof Failure) return error.told;
  if (isLibraryFailure(error)) {
    const { code, outcome, message, hint, attempts: reasons } = error;
    const exit = exitOf(code, outcome);
    return { code, exit, message, reasons, effect: EFFECTS[outcome] ?? '', hint };
  }
  const message = error instanceof Error ? error.message : String(error);
  return {
    code: 'internal',
    exit: EXIT.refused,
    message,
    reasons: [],
    effect: '',
    hint: 'run it again with --debug, and report what it says',
  };
}

function isLibraryFailure(error: unknown): error is LibraryFailure {
  return error instanceof Error && error.name === 'KvError' && 'outcome' in error;
}

const UNREACHABLE = new Set(['unreachable', 'wrong-cluster', 'closed']);
const USAGE = new Set(['invalid-argument', 'bad-cursor']);

function exitOf(code: string, outcome: string): Exit {
  if (outcome === 'unknown') return EXIT.unknown;
  if (UNREACHABLE.has(code)) return EXIT.unreachable;
  if (code === 'timeout') return EXIT.timeout;
  return USAGE.has(code) ? EXIT.usage : EXIT.refused;
}
