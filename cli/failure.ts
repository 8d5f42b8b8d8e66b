/** A failure as kvctl reports it: what failed, on what, why, and what to do. */

import { EXIT, type Exit, exitOf } from './exit-codes.ts';

export interface Reason {
  /** The target of the attempt, usually the URL of a node. */
  readonly endpoint: string;
  readonly what: string;
  /** How many attempts ended so, if it was more than one. */
  readonly count?: number;
}

export interface FailureReport {
  readonly code: string;
  readonly exit: Exit;
  readonly message: string;
  readonly reasons: readonly Reason[];
  /** Whether the request took effect; empty if it could not. */
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

/** A failure that kvctl itself detects. */
export class CliFailure extends Error {
  override readonly name = 'CliFailure';
  readonly report: FailureReport;

  constructor({ code, exit, message, hint, reasons = [] }: FailureOptions) {
    super(message);
    this.report = { code, exit, message, reasons, effect: '', hint };
  }
}

/** Invalid usage: no request was sent. */
export function usageFailure(message: string, hint: string): CliFailure {
  return new CliFailure({ code: 'usage', exit: EXIT.usage, message, hint });
}

const EFFECTS: Readonly<Record<string, string>> = {
  applied: 'the write was applied',
  notApplied: 'nothing was applied',
  unknown: 'the outcome is unknown; the write is applied at most once',
};

/** A failure of the client library, recognized by shape: the library may not be loaded. */
interface LibraryFailure {
  readonly code: string;
  readonly outcome: string;
  readonly message: string;
  readonly hint: string;
  readonly attempts: readonly Reason[];
}

export function reportOf(error: unknown): FailureReport {
  if (error instanceof CliFailure) return error.report;
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
    hint: 'run the command again with --debug, and report the output',
  };
}

function isLibraryFailure(error: unknown): error is LibraryFailure {
  return error instanceof Error && error.name === 'KvError' && 'outcome' in error;
}
