/** `kvctl login`: checks a token, and stores it for the URLs. */

import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import type { Call } from '../call.ts';
import { EXIT, type Exit } from '../exit-codes.ts';
import { CliFailure } from '../failure.ts';
import { storeToken } from '../token-file.ts';

export async function run(call: Call): Promise<Exit> {
  const { terminal } = call;
  const isAsked = call.dialogue !== undefined;
  const text = isAsked ? await askUnseen(call) : new TextDecoder().decode(await call.input());
  const store = await call.store();
  const token = text.trim();
  const { isKnown, user, isEnabled } = await store.access.selfBy(token);
  if (!isKnown) {
    throw new CliFailure({
      code: 'unauthenticated',
      exit: EXIT.denied,
      message: 'the cluster does not know the token, or it is revoked or expired',
      hint: 'nothing was stored; an administrator makes tokens: kvctl token create',
    });
  }
  const path = storeToken(store.urls, token);
  const not = isEnabled ? '' : '; access control is not enabled';
  await terminal.write(`${user}\n`);
  terminal.note(`you are ${user} at ${store.urls.join(', ')}${not} (${path})`);
  return EXIT.ok;
}

/** What is typed or pasted appears nowhere. */
async function askUnseen({ terminal }: Call): Promise<string> {
  terminal.note('token (it is not shown):');
  const unseen = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: unseen, terminal: true });
  return await new Promise((resolve) => {
    lines.once('line', (line) => {
      lines.close();
      resolve(line);
    });
    lines.once('close', () => resolve(''));
  });
}
