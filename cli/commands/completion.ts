/** `kvctl completion SHELL`: a script made from the verbs. */

import type { Call } from '../call.ts';
import { EXIT, type Exit } from '../exit.ts';
import { usageFailure } from '../failure.ts';
import { completionScript } from '../printers/completion-script.ts';
import { SHELLS } from '../verb.ts';
import { VERBS } from '../verbs.ts';

export async function run({ terminal, words }: Call): Promise<Exit> {
  const shell = SHELLS.find((name) => name === words[0]);
  if (shell === undefined) {
    throw usageFailure(
      `there is no completion for ${JSON.stringify(words[0] ?? '')}`,
      `say which shell: ${SHELLS.join(', ')}`,
    );
  }
  await terminal.write(completionScript(shell, VERBS));
  return EXIT.ok;
}
