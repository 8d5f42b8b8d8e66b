/** The transcripts of leases and locks, replayed: each one reads as documentation, and holds. */

import { equal, notEqual } from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { replayOn } from '../support/scenario/transcript.ts';
import { perform } from './lease-commands.ts';
import { LeaseStage } from './lease-stage.ts';

/** In the source tree: people review what changes there. */
const FOLDER = 'test/scenario/locks';

const names = readdirSync(FOLDER).filter((name) => name.endsWith('.txt'));

for (const name of names.sort()) {
  test(name.replace('.txt', '').replaceAll('-', ' '), () => {
    const path = `${FOLDER}/${name}`;
    const written = readFileSync(path, 'utf8');
    const stage = new LeaseStage();
    const replayed = replayOn(written, {
      perform: (line) => perform(stage, line),
      listen: () => stage.listen(),
    });
    if (process.env.UPDATE !== undefined) writeFileSync(path, replayed);
    else equal(replayed, written);
  });
}

test('there are transcripts', () => notEqual(names.length, 0));
