/** Reports a failure to the user and returns its exit code. */

import type { Options } from './call.ts';
import type { Exit } from './exit-codes.ts';
import { reportOf } from './failure.ts';
import { failureJson, failureText } from './printers/failure-text.ts';
import type { Terminal } from './terminal.ts';

export function reportFailure(
  error: unknown,
  { note, paintNote }: Terminal,
  options: Options,
): Exit {
  const told = reportOf(error);
  const isForPrograms = options.output === 'json' || options.output === 'ndjson';
  note(isForPrograms ? failureJson(told) : failureText(told, paintNote));
  if (options.debug === true && error instanceof Error) note(error.stack ?? '');
  return told.exit;
}
