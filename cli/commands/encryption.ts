/** `kvctl encryption rewrap|rotate FOLDER`: changes the keys of an encrypted data folder. */

import type { Call } from '../call.ts';
import { encryptionOf, newKeyOf } from '../encryption-options.ts';
import { EXIT, type Exit } from '../exit-codes.ts';
import { CliFailure, usageFailure } from '../failure.ts';

export async function run({ words, options, terminal }: Call): Promise<Exit> {
  const [action = '', folder = ''] = words;
  const from = encryptionOf(options);
  if (action !== 'rewrap' && action !== 'rotate') {
    throw usageFailure(
      `unknown encryption action ${JSON.stringify(action)}`,
      'use kvctl encryption rewrap or rotate, and the data folder of the node',
    );
  }
  if (from === undefined) {
    throw usageFailure(
      'the present key is missing',
      'name it with --encryption-key-file, --encryption-key-command or --encryption-key-env',
    );
  }
  const { addDataKey, rewrapKeys } = await import('../../src/runtime/encryption.ts');
  if (action === 'rewrap') {
    const count = await rewrapKeys(folder, { from, to: newKeyOf(options) }).catch(refuse);
    await terminal.write(`${folder}: ${keys(count)} wrapped with the new key\n`);
    terminal.note('the next start needs the new key; the running node is not affected');
    return EXIT.ok;
  }
  const count = await addDataKey(folder, from).catch(refuse);
  await terminal.write(`${folder}: data key ${count} is added\n`);
  terminal.note('a running node seals new rows and files with it within 10 seconds');
  return EXIT.ok;
}

function keys(count: number): string {
  return count === 1 ? '1 data key is' : `${count} data keys are`;
}

function refuse(error: unknown): never {
  const message = error instanceof Error ? error.message : String(error);
  const hint = 'nothing was changed; use the data folder of an encrypted node and its present key';
  throw new CliFailure({ code: 'folder-unusable', exit: EXIT.refused, message, hint });
}
