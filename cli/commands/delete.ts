/** `kvctl delete`: deletes keys. */

import { type Call, formatOf } from '../call.ts';
import { plainKeyOf } from '../document.ts';
import { bytesOf, encodeText, encodingOf } from '../encoding.ts';
import { EXIT, type Exit } from '../exit-codes.ts';
import { usageFailure } from '../failure.ts';
import { countOption, textOption } from '../options.ts';

export async function run(call: Call): Promise<Exit> {
  const { options, terminal, words } = call;
  const encoding = encodingOf(options);
  const keys = words.map((word) => bytesOf(word, encoding));
  const ifVersion = countOption(options, 'ifVersion', { min: 1 });
  if (ifVersion !== undefined && keys.length > 1) {
    throw usageFailure(
      `--if-version takes one key (got ${keys.length})`,
      'delete the keys one by one',
    );
  }
  const fence = textOption(options, 'fence');
  const store = await call.store();
  const ends = await Promise.all(keys.map((key) => store.delete(key, { ifVersion, fence })));
  if (formatOf(call) === 'json') {
    const told = keys.map((key, at) => ({ key: plainKeyOf(key), isDeleted: ends[at] === true }));
    await terminal.write(`${JSON.stringify(told)}\n`);
  } else await terminal.write(`${ends.filter((end) => end === true).length}\n`);
  for (const [at, key] of keys.entries()) {
    if (ends[at] === true) continue;
    const why = ends[at] === undefined ? `does not have version ${ifVersion}` : 'does not exist';
    terminal.note(`${encodeText(key, encoding)} ${why}`);
  }
  return ends.every((end) => end === true) ? EXIT.ok : EXIT.no;
}
