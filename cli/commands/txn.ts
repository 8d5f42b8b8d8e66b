/** `kvctl txn`: runs an atomic transaction; lists and resolves pending ones. */

import type { Call } from '../call.ts';
import { textOf } from '../encoding.ts';
import type { Exit } from '../exit-codes.ts';
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
          '- reads all commands from standard input and cannot be combined with others',
          'pass the commands either as arguments or on standard input',
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
  const builder = new TxnBuilder({ ...call, input: once(call.input) });
  for (const [at, word] of call.words.entries()) await builder.add(word, `argument ${at + 1}`);
  return await builder.commit();
}

/** Every command has at least a key, so a name alone means missing quotes. */
function refuseScattered(words: readonly string[]): void {
  const [name] = words;
  if (words.length < 2 || !STEP_FORMS.some((form) => form.name === name)) return;
  throw usageFailure(
    `argument 1: ${name} has no operands; each command must be one argument`,
    `put quotes around each command: kvctl txn '${words.join(' ')}'`,
  );
}

/** Standard input can be read once. */
function once(input: Call['input']): Call['input'] {
  let isRead = false;
  return () => {
    if (isRead)
      throw usageFailure('standard input can supply only one value', 'use @file for the others');
    isRead = true;
    return input();
  };
}

async function fromInput(call: Call): Promise<Exit> {
  const text = textOf(await call.input());
  if (text === undefined) {
    throw usageFailure(
      'standard input is not valid UTF-8',
      'write binary keys and values with --hex or --base64',
    );
  }
  const builder = new TxnBuilder({
    ...call,
    input: () => {
      throw usageFailure('standard input supplies the commands', 'use a value, or @file');
    },
  });
  for (const [at, line] of text
    .replace(/^\ufeff/, '')
    .split('\n')
    .entries()) {
    const isEmpty = /^\s*(?:#|$)/.test(line);
    if (!isEmpty) await builder.add(line, `line ${at + 1}`);
  }
  return await builder.commit();
}
