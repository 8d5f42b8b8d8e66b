/** `kvctl completion SHELL`: prints a completion script generated from the verbs. */

import type { Call } from '../call.ts';
import { EXIT, type Exit } from '../exit-codes.ts';
import { usageFailure } from '../failure.ts';
import { completionScript } from '../printers/completion-script.ts';
import { SHELLS } from '../verb.ts';
import { VERBS } from '../verbs.ts';

export async function run({ terminal, words }: Call): Promise<Exit> {
  const shell = SHELLS.find((name) => name === words[0]);
  if (shell === undefined) {
    throw usageFailure(
      `no completion for the shell ${JSON.stringify(words[0] ?? '')}`,
      `supported shells: ${SHELLS.join(', ')}`,
    );
  }
  await terminal.write(completionScript(shell, VERBS));
  return EXIT.ok;
}
