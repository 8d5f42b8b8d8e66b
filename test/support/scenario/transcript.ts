/** A transcript as text: the rule, then commands, each with its output. */

import { perform } from './commands.ts';
import { World } from './world.ts';

const COMMAND = '> ';

/** Where a transcript is played. */
interface Player {
  perform(line: string): void;
  /** The output since the last call. */
  listen(): readonly string[];
}

/** The same transcript with the output of the present code. */
export function replay(text: string): string {
  const world = new World();
  return replayOn(text, { perform: (line) => perform(world, line), listen: () => world.listen() });
}

export function replayOn(text: string, player: Player): string {
  const blocks: string[] = [];
  const head = text.split('\n').filter((line) => line.startsWith('#'));
  if (head.length === 0 || !text.startsWith('#')) throw new Error('it does not say why it exists');
  blocks.push(head.join('\n'));
  // Commands without output are kept together.
  let silent: string[] = [];
  for (const line of text.split('\n')) {
    if (!line.startsWith(COMMAND)) continue;
    silent.push(line);
    const answer = answerTo(player, line.slice(COMMAND.length));
    if (answer.length === 0) continue;
    blocks.push([...silent, ...answer].join('\n'));
    silent = [];
  }
  if (silent.length > 0) blocks.push(silent.join('\n'));
  return `${blocks.join('\n\n')}\n`;
}

function answerTo(player: Player, line: string): readonly string[] {
  try {
    player.perform(line);
  } catch (failure) {
    throw new Error(`at "${line}"`, { cause: failure });
  }
  return player.listen();
}
