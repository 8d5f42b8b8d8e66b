/** `kvctl txn` at a terminal: prompts for commands and commits them together. */

import type { Call } from './call.ts';
import type { Prompt } from './dialogue.ts';
import { escapeText } from './encoding.ts';
import { EXIT, type Exit } from './exit-codes.ts';
import { usageFailure } from './failure.ts';
import { keysBeginningWith } from './key-completion.ts';
import { reportFailure } from './report-failure.ts';
import { unfinishedWord } from './shell-words.ts';
import { STEP_FORMS, stepsText, writtenAs } from './step-forms.ts';
import { TxnBuilder } from './txn-builder.ts';
import { namesOf } from './verb.ts';

const OWN_WORDS = ['commit', 'show', 'undo', 'abort', 'help'];

const GREETING =
  'txn: enter the commands of one atomic transaction; help lists them,\n' +
  'commit or an empty line commits, abort or Ctrl-C discards';

const OWN_HELP = `  commit, or an empty line: commit the transaction
  show: list the commands so far; undo: remove the last one
  abort, or Ctrl-C: discard the transaction
`;

export async function buildByDialogue(call: Call): Promise<Exit> {
  const { terminal, options } = call;
  const dialogue = await call.dialogue?.();
  const builder = new TxnBuilder({
    ...call,
    input: () => {
      throw usageFailure('standard input is in use by the prompt', 'use a value, or @file');
    },
  });
  const question: Omit<Prompt, 'prompt'> = {
    onInterrupt: 'end',
    complete: (line) => completionsOf(line, call),
    hint: hintFor,
  };
  let exit: Exit = EXIT.ok;
  terminal.note(GREETING);
  for (;;) {
    const count = builder.texts.length;
    const prompt = `${terminal.paintNote(count === 0 ? 'txn' : `txn ${count}`, 'cyan')}> `;
    const line = (await dialogue?.ask({ ...question, prompt }))?.trim();
    if (line === undefined || line === 'abort') {
      terminal.note('nothing was sent');
      return exit;
    }
    try {
      if (line === '' || line === 'commit') {
        exit = await builder.commit();
        if (exit === EXIT.ok) return exit;
        terminal.note('commit tries again, undo removes the last command');
      } else await take(line, builder, call);
    } catch (error) {
      const told = reportFailure(error, terminal, options);
      // The outcome is unknown: a second commit could apply it twice.
      if (told === EXIT.unknown) return told;
      if (told !== EXIT.usage) exit = told;
    }
  }
}

async function take(line: string, builder: TxnBuilder, { terminal }: Call): Promise<void> {
  switch (line) {
    case 'help':
      return terminal.note(`${stepsText()}${OWN_HELP}`.trimEnd());
    case 'undo':
      if (!builder.drop()) terminal.note('nothing is gathered');
      return;
    case 'show':
      if (builder.texts.length === 0) terminal.note('nothing is gathered');
      for (const [at, text] of builder.texts.entries()) {
        terminal.note(`${String(at + 1).padStart(3)}  ${escapeText(text)}`);
      }
      return;
    default:
      if (!line.startsWith('#')) {
        await builder.add(line, `command ${builder.texts.length + 1}`);
      }
  }
}

async function completionsOf(line: string, call: Call): ReturnType<Prompt['complete']> {
  const { before, word } = unfinishedWord(line);
  const form = STEP_FORMS.find((one) => namesOf(one).includes(before[0] ?? ''));
  const beginning = (words: readonly string[]) => words.filter((one) => one.startsWith(word));
  if (before.length === 0) {
    const names = beginning([...STEP_FORMS.map(({ name }) => name), ...OWN_WORDS]);
    return [names.map((name) => (names.length === 1 ? `${name} ` : name)), word];
  }
  if (form === undefined) return [[], word];
  if (word.startsWith('--')) {
    return [beginning([...Object.keys(form.options), '--hex', '--base64']), word];
  }
  return [before.length === 1 ? await keysBeginningWith(word, call) : [], word];
}

/** The rest of the command's syntax. */
function hintFor(line: string): string {
  if (!line.includes(' ')) return '';
  const { before, word } = unfinishedWord(line);
  const form = STEP_FORMS.find((one) => namesOf(one).includes(before[0] ?? ''));
  if (form === undefined || before.concat(word).some((one) => one.startsWith('--'))) return '';
  const given = before.length - 1 + (word === '' ? 0 : 1);
  const rest = writtenAs(form)
    .split(' ')
    .slice(1 + given)
    .join(' ');
  return rest === '' || word === '' ? rest : ` ${rest}`;
}
