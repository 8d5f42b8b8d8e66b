/** Completion scripts for bash, zsh and fish: verbs, options and option values. */

import { longNameOf, namesOf, type OptionSpec, optionsOf, type Shell, type Verb } from '../verb.ts';

export function completionScript(shell: Shell, verbs: readonly Verb[]): string {
  switch (shell) {
    case 'bash':
      return bashScript(verbs);
    case 'zsh':
      // zsh runs the bash script with bashcompinit.
      return `#compdef kvctl\nautoload -Uz bashcompinit && bashcompinit\n${bashScript(verbs)}`;
    case 'fish':
      return fishScript(verbs);
  }
}

function bashScript(verbs: readonly Verb[]): string {
  const options = verbs.map((verb) => {
    const names = optionsOf(verb).map(longNameOf);
    return `    ${namesOf(verb).join('|')}) words="${[...names, '--help'].join(' ')}" ;;`;
  });
  return `# kvctl completion for bash: source <(kvctl completion bash)
_kvctl() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" words=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    words="${verbs.map(({ name }) => name).join(' ')} help --help --version"
    COMPREPLY=($(compgen -W "$words" -- "$word"))
    return
  fi
  case "\${COMP_WORDS[1]} $before" in
${choicesOf(verbs).join('\n')}
    *" --config") COMPREPLY=($(compgen -f -- "$word")); return ;;
    *" --data") COMPREPLY=($(compgen -d -- "$word")); return ;;
  esac
  case "$word" in
    -*) ;;
    *) return ;;
  esac
  case "\${COMP_WORDS[1]}" in
${options.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _kvctl kvctl
`;
}

function choicesOf(verbs: readonly Verb[]): readonly string[] {
  return verbs.flatMap((verb) => {
    const first = verb.words[0]?.choices;
    const ofWord = first === undefined ? [] : [offerFirst(verb, first)];
    const ofOptions = optionsOf(verb).flatMap((option) => {
      const { choices, flags } = option;
      if (choices === undefined) return [];
      const short = /^-(\w), /.exec(flags)?.[1];
      const names = [longNameOf(option), ...(short === undefined ? [] : [`-${short}`])];
      return [offer(names, verb, choices)];
    });
    return [...ofWord, ...ofOptions];
  });
}

/** The values after any of these words. */
function offer(words: readonly string[], verb: Verb, choices: readonly string[]): string {
  const pairs = namesOf(verb).flatMap((name) => words.map((word) => `"${name} ${word}"`));
  const patterns = pairs.join('|');
  return `    ${patterns}) ${givenOf(choices)}; return ;;`;
}

/** The values after the verb, unless the word is an option. */
function offerFirst(verb: Verb, choices: readonly string[]): string {
  const patterns = namesOf(verb).map((name) => `"${name} ${name}"`);
  const first = patterns.join('|');
  return `    ${first}) case "$word" in -*) ;; *) ${givenOf(choices)}; return ;; esac ;;`;
}

function givenOf(choices: readonly string[]): string {
  return `COMPREPLY=($(compgen -W "${choices.join(' ')}" -- "$word"))`;
}

function fishScript(verbs: readonly Verb[]): string {
  const lines = [
    '# kvctl completion for fish: kvctl completion fish | source',
    'complete -c kvctl -f',
    ...verbs.map(({ name, summary }) => {
      return `complete -c kvctl -n __fish_use_subcommand -a ${name} -d ${quoted(summary)}`;
    }),
    ...verbs.flatMap((verb) => optionsOf(verb).map((option) => fishOption(verb, option))),
    ...verbs.flatMap((verb) => {
      const choices = verb.words[0]?.choices;
      if (choices === undefined) return [];
      return [`complete -c kvctl -n ${behindVerb(verb)} -a '${choices.join(' ')}'`];
    }),
  ];
  return `${lines.join('\n')}\n`;
}

function behindVerb(verb: Verb): string {
  return `'__fish_seen_subcommand_from ${namesOf(verb).join(' ')}'`;
}

function fishOption(verb: Verb, option: OptionSpec): string {
  const { choices, description, flags } = option;
  const long = longNameOf(option).slice(2);
  const short = /^-(\w), /.exec(flags)?.[1];
  const values = choices === undefined ? '' : ` -a ${quoted(choices.join(' '))}`;
  const files = /<(?:file|folder)>/.test(flags) ? ' -F' : '';
  return [
    `complete -c kvctl -n ${behindVerb(verb)} -l ${long}`,
    short === undefined ? '' : ` -s ${short}`,
    flags.includes('<') ? ' -r' : '',
    files,
    values,
    ` -d ${quoted(description)}`,
  ].join('');
}

function quoted(text: string): string {
  return `'${text.replace(/['\\]/g, (character) => `\\${character}`)}'`;
}
