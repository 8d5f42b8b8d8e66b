/** `kvctl txn` at a terminal: commands are asked for one by one, and sent all at once. */

import type { Call } from './call.ts';
import type { Question } from './dialogue.ts';
import { escapeText } from './encoding.ts';
import { EXIT, type Exit } from './exit.ts';
import { usageFailure } from './failure.ts';
import { keysBeginningWith } from './key-completion.ts';
import { reportFailure } from './report-failure.ts';
import { unfinishedWord } from './shell-words.ts';
import { STEP_FORMS, stepsText, writtenAs } from './step-forms.ts';
import { TxnBuilder } from './txn-builder.ts';
import { namesOf } from './verb.ts';

const OWN_WORDS = ['commit', 'show', 'undo', 'abort', 'help'];

const GREETING =
  'txn: commands that take effect together, or not at all; help lists them,\n' +
  'commit or an empty line sends them, abort or Ctrl-C leaves';

const OWN_HELP = `  commit, or an empty line: send all of it
  show: what is gathered; undo: take the last one back
  abort, or Ctrl-C: leave, and nothing is sent
`;

export async function buildByDialogue(call: Call): Promise<Exit> {
  const { terminal, options } = call;
  const dialogue = await call.dialogue?.();
  const gathering = new TxnBuilder({
    ...call,
    input: () => {
      throw usageFailure('the prompt itself reads standard input', 'use a value, or @file');
    },
  });
  const question: Omit<Question, 'prompt'> = {
    onInterrupt: 'end',
    complete: (line) => completionsOf(line, call),
    hint: hintFor,
  };
  let exit: Exit = EXIT.ok;
  terminal.note(GREETING);
  for (;;) {
    const count = gathering.texts.length;
    const prompt = `${terminal.paintNote(count === 0 ? 'txn' : `txn ${count}`, 'cyan')}> `;
    const line = (await dialogue?.ask({ ...question, prompt }))?.trim();
    if (line === undefined || line === 'abort') {
      terminal.note('nothing was sent');
      return exit;
    }
    try {
      if (line === '' || line === 'commit') {
        exit = await gathering.commit();
        if (exit === EXIT.ok) return exit;
        terminal.note('commit tries it once more, undo takes the last command back');
      } else await take(line, gathering, call);
    } catch (error) {
      const told = reportFailure(error, terminal, options);
      // Sent once more it could happen a second time.
      if (told === EXIT.unknown) return told;
      if (told !== EXIT.usage) exit = told;
    }
  }
}

async function take(line: string, gathering: TxnBuilder, { terminal }: Call): Promise<void> {
  switch (line) {
    case 'help':
      return terminal.note(`${stepsText()}${OWN_HELP}`.trimEnd());
    case 'undo':
      if (!gathering.drop()) terminal.note('nothing is gathered');
      return;
    case 'show':
      if (gathering.texts.length === 0) terminal.note('nothing is gathered');
      for (const [at, text] of gathering.texts.entries()) {
        terminal.note(`${String(at + 1).padStart(3)}  ${escapeText(text)}`);
      }
      return;
    default:
      if (!line.startsWith('#')) {
        await gathering.add(line, `command ${gathering.texts.length + 1}`);
      }
  }
}

async function completionsOf(line: string, call: Call): ReturnType<Question['complete']> {
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

/** The rest of what the command takes. */
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
