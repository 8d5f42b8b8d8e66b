/** The transcripts of the protocol, replayed: each one reads as documentation, and holds. */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { replay } from '../support/scenario/transcript.ts';

/** In the source tree: people review what changes there. */
const FOLDER = 'test/scenario/raft';

const names = readdirSync(FOLDER).filter((name) => name.endsWith('.txt'));

for (const name of names.sort()) {
  test(name.replace('.txt', '').replaceAll('-', ' '), () => {
    const path = `${FOLDER}/${name}`;
    const written = readFileSync(path, 'utf8');
    const replayed = replay(written);
    if (process.env.UPDATE !== undefined) writeFileSync(path, replayed);
    else assert.equal(replayed, written);
  });
}

test('there are transcripts', () => assert.notEqual(names.length, 0));
