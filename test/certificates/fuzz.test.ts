/** Mutated alternative names: read as written or not at all, and none becomes a name of a node. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../src/base/random.ts';
import { alternativesIn, nodeNameIn, nodeUri } from '../../src/certificates/node-name.ts';
import { byEffort } from '../support/effort.ts';
import { mutate } from '../support/mutate.ts';

const ROUNDS = byEffort({ full: 1_000_000, brief: 40_000 });
const URI = nodeUri({ cluster: 'shop', name: 'n1' });

/** As OpenSSL prints them: a value that could end a name early is in quotes. */
const NAMES = [
  `URI:${URI}`,
  'DNS:a.example',
  'IP Address:127.0.0.1',
  'email:a@b.example',
  `DNS:"a, URI:${URI}, DNS:b"`,
  'DNS:"quote \\" and backslash \\\\"',
  'URI:https://a.example/x,y',
  'DirName:CN = a + OU = b',
];

test(`${ROUNDS} mutated texts of alternative names are read as written, or not at all`, () => {
  const random = new Random(31);
  let understood = 0;
  let named = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const names = Array.from({ length: 1 + random.below(4) }, () => random.pick(NAMES));
    const text = names.join(', ');
    const mutant = Buffer.from(mutate(random, Buffer.from(text, 'latin1'))).toString('latin1');
    const found = alternativesIn(mutant);
    const name = nodeNameIn(mutant);
    if (found.length === 0) {
      equal(name, undefined);
      continue;
    }
    understood += 1;
    const spelled = found.map(({ kind, value }) => `${kind}:${value}`).join(', ');
    // Nothing is skipped; at most a separator at the end.
    if (spelled !== mutant) equal(`${spelled}, `, mutant);
    if (name === undefined) continue;
    named += 1;
    const uris = found.filter(({ kind, value }) => kind === 'URI' && value === nodeUri(name));
    equal(uris.length, 1, mutant);
  }
  ok(understood > ROUNDS / 20, `mutants stay close: ${understood}`);
  ok(named > ROUNDS / 100 && named < ROUNDS / 2, `some name a node: ${named}`);
});

test('quoted values never name a node, whatever is in them', () => {
  const random = new Random(32);
  const rounds = ROUNDS / 10;
  for (let round = 0; round < rounds; round++) {
    const inner = Buffer.from(mutate(random, Buffer.from(`a, URI:${URI}, DNS:b`))).toString();
    const quoted = inner.replaceAll(/["\\]/g, (special) => `\\${special}`);
    deepEqual(nodeNameIn(`DNS:"${quoted}"`), undefined, quoted);
  }
});
