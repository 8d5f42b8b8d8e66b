/** `kvctl salvage`: what is sound in a folder that cannot be opened, as lines that `load` takes. */

import type { Call } from '../call.ts';
import { plainKeyOf, plainOf } from '../document.ts';
import { encodeText, encodingOf, escapeText } from '../encoding.ts';
import { EXIT, type Exit } from '../exit.ts';
import { Failure } from '../failure.ts';

/** Lost keys and places of damage that are named one by one. */
const NAMED_MAX = 100;

export async function run({ words, options, terminal }: Call): Promise<Exit> {
  const [folder = ''] = words;
  const spelling = encodingOf(options);
  const { salvageFolder } = await import('../../src/runtime/salvage.ts');
  const { places, logProblem, shards } = await salvageFolder(folder).catch(refuse);
  let saved = 0;
  for (const { rows } of shards) {
    for (const { key, value, version, lifeMilliseconds } of rows) {
      const life = lifeMilliseconds === 0 ? {} : { ttlMilliseconds: lifeMilliseconds };
      const line = { key: plainKeyOf(key), value: plainOf(value), version, ...life };
      await terminal.write(`${JSON.stringify(line)}\n`);
      saved += 1;
    }
  }
  const { named, note } = noting(terminal.note);
  for (const { file, text, from, to } of places) {
    const first = from === undefined ? 'the first key' : `behind ${encodeText(from, spelling)}`;
    const last = to === undefined ? 'the last' : encodeText(to, spelling);
    named(`damaged: ${file} ${text}; what it hides are keys from ${first} to ${last}`);
  }
  if (logProblem !== '') note(`log: ${escapeText(logProblem)}; only the last checkpoint was saved`);
  for (const { shard, problem } of shards) if (problem !== '') note(`shard ${shard}: ${problem}`);
  const lost = shards.flatMap((each) => each.lost);
  for (const { key, text } of lost) named(`lost: ${encodeText(key, spelling)}: ${text}`);
  const whole = shards.filter(({ isWhole }) => isWhole).length;
  const isWhole = whole === shards.length && logProblem === '';
  note(
    `saved ${saved} keys; ${whole} of ${shards.length} shards are whole` +
      `${lost.length > 0 ? `; ${lost.length} keys are known to be lost` : ''}`,
  );
  return isWhole ? EXIT.ok : EXIT.no;
}

/** Says so much of one kind and then no more. */
function noting(note: (text: string) => void): {
  readonly named: (text: string) => void;
  readonly note: (text: string) => void;
} {
  let left = NAMED_MAX;
  const named = (text: string) => {
    left -= 1;
    if (left > 0) note(text);
    else if (left === 0) note('... and more, which are not named');
  };
  return { named, note };
}

function refuse(error: unknown): never {
  const message = error instanceof Error ? error.message : String(error);
  const hint = 'name the data folder of the node that does not open its store';
  throw new Failure({ code: 'folder-unusable', exit: EXIT.refused, message, hint });
}
