/**
 * Where kvctl has a password from: a file of its owner, a prompt that shows nothing, or standard
 * input. Never from an argument or a variable: those are visible to others.
 */

import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import type { Call } from './call.ts';
import { usageFailure } from './failure.ts';
import { textOption } from './options.ts';
import { readPrivate } from './private-file.ts';

/** One line; what ends it is no part of it. A new one is asked for twice. */
export async function readPassword(
  call: Call,
  { isNew }: { readonly isNew: boolean },
): Promise<string> {
  const path = textOption(call.options, 'passwordFile');
  if (path !== undefined) {
    const hint = 'check the path in --password-file';
    return present(firstLineOf(readPrivate(path, { what: 'the password', hint })));
  }
  if (call.dialogue === undefined) {
    return present(firstLineOf(new TextDecoder().decode(await call.input())));
  }
  const password = await askUnseen(call, `${isNew ? 'new ' : ''}password (it is not shown):`);
  if (isNew && (await askUnseen(call, 'the same again:')) !== password) {
    throw usageFailure('the two passwords differ', 'nothing was changed; run the command again');
  }
  return present(password);
}

function firstLineOf(text: string): string {
  return text.split(/\r?\n/)[0] ?? '';
}

function present(password: string): string {
  if (password !== '') return password;
  throw usageFailure(
    'the password is empty',
    'type it, pass it on standard input, or name a file with --password-file',
  );
}

/** What is typed or pasted appears nowhere. */
export async function askUnseen({ terminal }: Call, question: string): Promise<string> {
  const unseen = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: unseen, terminal: true });
  // From now on the terminal itself shows nothing, so this is the time to ask.
  terminal.note(question);
  return await new Promise((resolve) => {
    lines.once('line', (line) => {
      // Before it is closed: that would resolve it with nothing.
      resolve(line);
      lines.close();
    });
    lines.once('close', () => resolve(''));
  });
}
