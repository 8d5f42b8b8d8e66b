/** `kvctl set`: writes a value, optionally under a condition. */

import { type Call, formatOf } from '../call.ts';
import { plainKeyOf } from '../document.ts';
import { bytesOf, encodeText, encodingOf } from '../encoding.ts';
import { EXIT, type Exit } from '../exit-codes.ts';
import { usageFailure } from '../failure.ts';
import { countOption, durationOption, textOption } from '../options.ts';
import { valueGiven } from '../value.ts';

export async function run(call: Call): Promise<Exit> {
  const { options, terminal, words } = call;
  const encoding = encodingOf(options);
  const key = bytesOf(words[0] ?? '', encoding);
  const ttlMilliseconds = durationOption(options, 'ttl');
  const ifVersion = conditionOf(call);
  const fence = textOption(options, 'fence');
  const store = await call.store();
  const value = await valueGiven(call, words[1] ?? '', store.codec);
  const written = await store.set({ key, value, ttlMilliseconds, ifVersion, fence });
  if (written === undefined) {
    const had =
      ifVersion === 0 ? 'the key already exists' : `the key does not have version ${ifVersion}`;
    terminal.note(`nothing was written to ${encodeText(key, encoding)}: ${had}`);
    return EXIT.no;
  }
  const { version } = written;
  const format = formatOf(call);
  if (format === 'json') {
    await terminal.write(`${JSON.stringify({ key: plainKeyOf(key), version })}\n`);
  } else await terminal.write(format === 'raw' ? `${version}\n` : `ok  version ${version}\n`);
  return EXIT.ok;
}

function conditionOf({ options }: Call): number | undefined {
  const ifVersion = countOption(options, 'ifVersion', { min: 0 });
  if (options.ifAbsent !== true) return ifVersion;
  if (ifVersion === undefined) return 0;
  throw usageFailure('--if-absent and --if-version are mutually exclusive', 'use one of them');
}
