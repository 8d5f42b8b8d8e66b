/** `kvctl explain CODE`: explains an error code and its remedy. */

import { nearestName } from '../../src/base/nearest-name.ts';
import type { Call } from '../call.ts';
import { EXIT, type Exit } from '../exit-codes.ts';
import { EXPLANATIONS } from '../explanations.ts';
import { usageFailure } from '../failure.ts';

export async function run({ terminal, words }: Call): Promise<Exit> {
  const codes = Object.keys(EXPLANATIONS).sort();
  const [code] = words;
  if (code === undefined) {
    await terminal.write(`${codes.join('\n')}\n`);
    return EXIT.ok;
  }
  if (Object.hasOwn(EXPLANATIONS, code)) {
    const text = EXPLANATIONS[code as keyof typeof EXPLANATIONS];
    await terminal.write(`${terminal.paint(code, 'bold')}\n\n${text}\n`);
    return EXIT.ok;
  }
  const meant = nearestName(code, codes);
  throw usageFailure(
    `unknown code ${JSON.stringify(code)}`,
    meant === undefined ? '`kvctl explain` lists all codes' : `did you mean ${meant}?`,
  );
}
