/** The transcripts of transactions, replayed: each one reads as documentation, and holds. */

import { equal, notEqual } from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { replayOn } from '../support/scenario/transcript.ts';
import { perform } from './commands.ts';
import { Stage } from './stage.ts';

/** In the source tree: people review what changes there. */
const FOLDER = 'test/scenario/txn';

const names = readdirSync(FOLDER).filter((name) => name.endsWith('.txt'));

for (const name of names.sort()) {
  test(name.replace('.txt', '').replaceAll('-', ' '), () => {
    const path = `${FOLDER}/${name}`;
    const written = readFileSync(path, 'utf8');
    const stage = new Stage();
    const replayed = replayOn(written, {
      perform: (line) => perform(stage, line),
      listen: () => stage.listen(),
    });
    if (process.env.UPDATE !== undefined) writeFileSync(path, replayed);
    else equal(replayed, written);
  });
}

test('there are transcripts', () => notEqual(names.length, 0));
