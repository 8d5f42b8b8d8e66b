/** `kvctl txn`: commands that take effect together; and what waits of such, of whomever. */

import type { Call } from '../call.ts';
import { textOf } from '../encoding.ts';
import type { Exit } from '../exit.ts';
import { usageFailure } from '../failure.ts';
import { STEP_FORMS } from '../step-forms.ts';
import { TxnBuilder } from '../txn-builder.ts';

export async function run(call: Call): Promise<Exit> {
  const { words } = call;
  switch (words[0]) {
    case 'list': {
      const { list } = await import('../pending-verbs.ts');
      return await list(call);
    }
    case 'resolve': {
      const { resolve } = await import('../pending-verbs.ts');
      return await resolve(call);
    }
    case '-':
      if (words.length > 1) {
        throw usageFailure(
          '- stands for all commands, so it stands alone',
          'give the commands as arguments, or in standard input',
        );
      }
      return await fromInput(call);
    case undefined: {
      if (call.dialogue === undefined) return await fromInput(call);
      const { buildByDialogue } = await import('../txn-dialogue.ts');
      return await buildByDialogue(call);
    }
    default:
      return await fromArguments(call);
  }
}

async function fromArguments(call: Call): Promise<Exit> {
  refuseScattered(call.words);
  const gathering = new TxnBuilder({ ...call, input: once(call.input) });
  for (const [at, word] of call.words.entries()) await gathering.add(word, `argument ${at + 1}`);
  return await gathering.commit();
}

/** Every command has a key at least, so a name alone is one that lost its quotes. */
function refuseScattered(words: readonly string[]): void {
  const [name] = words;
  if (words.length < 2 || !STEP_FORMS.some((form) => form.name === name)) return;
  throw usageFailure(
    `argument 1: ${name} stands alone, and what belongs to it are other arguments`,
    `put quotes around each command: kvctl txn '${words.join(' ')}'`,
  );
}

/** What was read by one value is gone for the next. */
function once(input: Call['input']): Call['input'] {
  let isRead = false;
  return () => {
    if (isRead) throw usageFailure('standard input is one value', 'use @file for the others');
    isRead = true;
    return input();
  };
}

async function fromInput(call: Call): Promise<Exit> {
  const text = textOf(await call.input());
  if (text === undefined) {
    throw usageFailure(
      'what came from standard input is not UTF-8',
      'spell keys and values that are no text with --hex or --base64',
    );
  }
  const gathering = new TxnBuilder({
    ...call,
    input: () => {
      throw usageFailure('standard input holds the commands', 'use a value, or @file');
    },
  });
  for (const [at, line] of text
    .replace(/^\ufeff/, '')
    .split('\n')
    .entries()) {
    const isEmpty = /^\s*(?:#|$)/.test(line);
    if (!isEmpty) await gathering.add(line, `line ${at + 1}`);
  }
  return await gathering.commit();
}
