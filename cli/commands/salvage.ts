/** `kvctl salvage`: prints the intact data of a damaged folder as lines for `load`. */

import type { Call } from '../call.ts';
import { plainKeyOf, plainOf } from '../document.ts';
import { encodeText, encodingOf, escapeText } from '../encoding.ts';
import { encryptionOf } from '../encryption-options.ts';
import { EXIT, type Exit } from '../exit-codes.ts';
import { CliFailure } from '../failure.ts';

/** Maximum number of lost keys and damaged places that are listed. */
const NAMED_MAX = 100;

export async function run({ words, options, terminal }: Call): Promise<Exit> {
  const [folder = ''] = words;
  const encoding = encodingOf(options);
  const { salvageFolder } = await import('../../src/runtime/salvage.ts');
  const { places, logProblem, shards } = await salvageFolder(folder, encryptionOf(options)).catch(
    refuse,
  );
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
    const first = from === undefined ? 'the first key' : `after ${encodeText(from, encoding)}`;
    const last = to === undefined ? 'the last' : encodeText(to, encoding);
    named(`damaged: ${file} ${text}; affected are keys from ${first} to ${last}`);
  }
  if (logProblem !== '') note(`log: ${escapeText(logProblem)}; recovered only the last checkpoint`);
  for (const { shard, problem } of shards) if (problem !== '') note(`shard ${shard}: ${problem}`);
  const lost = shards.flatMap((each) => each.lost);
  for (const { key, text } of lost) named(`lost: ${encodeText(key, encoding)}: ${text}`);
  const whole = shards.filter(({ isWhole }) => isWhole).length;
  const isNothing = shards.length === 0 && places.length > 0;
  const isWhole = whole === shards.length && logProblem === '' && !isNothing;
  note(
    `recovered ${saved} keys; ${whole} of ${shards.length} shards are intact` +
      `${lost.length > 0 ? `; ${lost.length} keys are known to be lost` : ''}`,
  );
  return isWhole ? EXIT.ok : EXIT.no;
}

/** Notes of one kind, up to a limit. */
function noting(note: (text: string) => void): {
  readonly named: (text: string) => void;
  readonly note: (text: string) => void;
} {
  let left = NAMED_MAX;
  const named = (text: string) => {
    left -= 1;
    if (left > 0) note(text);
    else if (left === 0) note('... and more');
  };
  return { named, note };
}

function refuse(error: unknown): never {
  const message = error instanceof Error ? error.message : String(error);
  const hint = 'use the data folder of the node that cannot open its store';
  throw new CliFailure({ code: 'folder-unusable', exit: EXIT.refused, message, hint });
}
