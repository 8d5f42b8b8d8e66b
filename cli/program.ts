/** The argument parser with its help, made from the verbs. It runs nothing: it returns the call. */

import { Argument, Command, Option } from 'commander';
import { nearestName } from '../src/base/nearest-name.ts';
import type { Options } from './call.ts';
import { EXIT_MEANINGS } from './exit-codes.ts';
import { usageFailure } from './failure.ts';
import { namesOf, type OptionSpec, optionsOf, usageOf, type Verb } from './verb.ts';

export type Parsed =
  | {
      readonly type: 'verb';
      readonly verb: Verb;
      readonly words: string[];
      /** What stands behind `--`, for a verb that runs a command. */
      readonly command: readonly string[];
      readonly options: Options;
    }
  /** Help or the version: a text and no verb to run. */
  | { readonly type: 'text'; readonly text: string };

interface ProgramOptions {
  readonly verbs: readonly Verb[];
  readonly version: string;
  readonly environment: NodeJS.ProcessEnv;
}

/** Parses the arguments after `kvctl`. Fails with the error and a suggestion. */
export function parse(words: readonly string[], program: ProgramOptions): Parsed {
  const texts: string[] = [];
  const faults: string[] = [];
  let parsed: Parsed | undefined;
  const root = rootOf(program, { texts, faults });
  const { own, command } = splitCommand(verbFirst(words, program.verbs), program.verbs);
  for (const verb of program.verbs) {
    root.addCommand(
      commandOf(verb, program.environment).action(function (this: Command) {
        refuseUnknownEnvironment(this, optionsOf(verb), program.environment);
        parsed = { type: 'verb', verb, words: this.args, command, options: this.opts() };
      }),
    );
  }
  silence(root, { texts, faults });
  try {
    root.parse(own, { from: 'user' });
  } catch (error) {
    if (!isParserEnd(error)) throw error;
    if (error.exitCode !== 0) throw usageFailureOf(faults.join('').trim(), words, program.verbs);
  }
  return parsed ?? { type: 'text', text: texts.join('') };
}

/** The words of the command behind `--` are not those of kvctl, whatever they are. */
function splitCommand(
  words: readonly string[],
  verbs: readonly Verb[],
): { readonly own: readonly string[]; readonly command: readonly string[] } {
  const verb = verbs.find((one) => namesOf(one).includes(words[0] ?? ''));
  const at = words.indexOf('--');
  if (verb?.runsCommand !== true || at < 0) return { own: words, command: [] };
  return { own: words.slice(0, at), command: words.slice(at + 1) };
}

/**
 * Moves options from before the verb to after it: `kvctl --url URL get KEY`. They belong to
 * the verb, which declares its options.
 */
function verbFirst(words: readonly string[], verbs: readonly Verb[]): string[] {
  const specs = [...new Set(verbs.flatMap(optionsOf))];
  let at = 0;
  while (words[at]?.startsWith('-') === true) {
    const word = words[at] ?? '';
    const named = specs.find(({ flags }) => flags.split(/[ ,]+/).includes(word));
    at += named?.flags.includes('<') === true ? 2 : 1;
  }
  const verb = words[at];
  const isVerb = verbs.some((one) => namesOf(one).includes(verb ?? ''));
  if (at === 0 || verb === undefined || !isVerb) return [...words];
  return [verb, ...words.slice(0, at), ...words.slice(at + 1)];
}

interface Sinks {
  readonly texts: string[];
  readonly faults: string[];
}

function rootOf({ version }: ProgramOptions, sinks: Sinks): Command {
  const codes = EXIT_MEANINGS.map((meaning, code) => `  ${String(code).padEnd(2)} ${meaning}`).join(
    '\n',
  );
  const root = new Command('kvctl')
    .description('ringkv: a strongly consistent, sharded key-value store')
    .version(version)
    .helpCommand('help [verb]', 'show the help of a verb')
    .showSuggestionAfterError(true)
    .addHelpText('after', `\nExit codes:\n${codes}\n`)
    .addHelpText('after', 'Examples:\n  kvctl dev\n  kvctl set greeting hello\n  kvctl status');
  silence(root, sinks);
  return root;
}

/** The parser never exits or writes by itself; the caller does. */
function silence(command: Command, { texts, faults }: Sinks): void {
  command.exitOverride().configureOutput({
    writeOut: (text) => texts.push(text),
    writeErr: (text) => faults.push(text),
  });
  for (const child of command.commands) silence(child, { texts, faults });
}

function commandOf(verb: Verb, environment: NodeJS.ProcessEnv): Command {
  const command = new Command(verb.name).aliases(verb.aliases ?? []).description(verb.summary);
  for (const { form, description } of verb.words)
    command.addArgument(new Argument(form, description));
  for (const spec of optionsOf(verb)) command.addOption(optionOf(spec, environment));
  if (verb.runsCommand === true) {
    const [, ...forms] = usageOf(verb).split(' ');
    command.usage(`[options] ${forms.join(' ')}`);
  }
  if (verb.details !== undefined) command.addHelpText('after', `\n${verb.details}`);
  const examples = verb.examples.map((example) => `  ${example}`).join('\n');
  return command.addHelpText(
    'after',
    `\nExample${verb.examples.length > 1 ? 's' : ''}:\n${examples}`,
  );
}

/** An environment variable acts as a default, so a flag overrides it. */
function optionOf(
  { flags, description, choices, isRepeatable, environment: name }: OptionSpec,
  environment: NodeJS.ProcessEnv,
): Option {
  const text = name === undefined ? description : `${description} [${name}]`;
  const option = new Option(flags, text);
  if (choices !== undefined) option.choices(choices);
  if (isRepeatable === true) {
    option.argParser((word: string, before: readonly string[] = []) => [...before, word]);
  }
  const value = name === undefined ? undefined : environment[name];
  if (name === undefined || value === undefined || value === '') return option;
  if (choices !== undefined && !choices.includes(value)) return option;
  return option.default(value, `${value}, from ${name}`);
}

/** A value that only other verbs accept leaves this verb at its default. */
function refuseUnknownEnvironment(
  command: Command,
  specs: readonly OptionSpec[],
  environment: NodeJS.ProcessEnv,
): void {
  for (const option of command.options) {
    const spec = specs.find(({ flags }) => flags === option.flags);
    const known = spec?.environmentChoices ?? spec?.choices;
    const value = environment[spec?.environment ?? ''];
    if (known === undefined || value === undefined || value === '' || known.includes(value))
      continue;
    if (command.getOptionValueSource(option.attributeName()) === 'cli') continue;
    throw usageFailure(
      `${spec?.environment} is ${JSON.stringify(value)}; allowed are ${known.join(', ')}`,
      `set ${spec?.environment} to one of these, or unset it`,
    );
  }
}

function isParserEnd(error: unknown): error is Error & { readonly exitCode: number } {
  return error instanceof Error && 'exitCode' in error && 'code' in error;
}

/** Names of verbs in other stores, for suggestions. */
const SYNONYMS: ReadonlyMap<string, string> = new Map([
  ['write', 'set'],
  ['read', 'get'],
  ['remove', 'delete'],
  ['rm', 'delete'],
  ['list', 'scan'],
  ['ls', 'scan'],
  ['keys', 'scan'],
  ['range', 'scan'],
  ['increment', 'add'],
  ['transaction', 'txn'],
  ['multi', 'txn'],
  ['cluster', 'status'],
  ['health', 'status'],
  ['info', 'status'],
  ['member', 'nodes'],
  ['members', 'nodes'],
  ['stop', 'down'],
  ['server', 'start'],
]);

function usageFailureOf(fault: string, words: readonly string[], verbs: readonly Verb[]): Error {
  const [first = 'invalid usage', suggestion] = fault.replace(/^error: /, '').split('\n');
  const unknown = /^unknown command '(.*)'$/.exec(first)?.[1];
  const isHelp = first.startsWith('Usage:') && words[0] === 'help';
  if (isHelp || unknown !== undefined) {
    const verb = unknown ?? words[1] ?? '';
    const names = verbs.flatMap(namesOf);
    const meant = SYNONYMS.get(verb) ?? nearestName(verb, names);
    const advice = '`kvctl --help` lists the verbs';
    return usageFailure(
      `there is no verb ${JSON.stringify(verb)}`,
      meant === undefined ? advice : `did you mean ${meant}? ${advice}`,
    );
  }
  const called = verbs.find((one) => words.some((word) => namesOf(one).includes(word)));
  const meant = suggestion?.replace(/[()]/g, '').trim().toLowerCase();
  if (called?.runsCommand === true) {
    return usageFailure(first, `use kvctl ${usageOf(called)}. See \`kvctl ${called.name} --help\``);
  }
  const help = called === undefined ? '`kvctl --help`' : `\`kvctl ${called.name} --help\``;
  return usageFailure(first, meant ? `${meant} See ${help}` : `see ${help}`);
}
