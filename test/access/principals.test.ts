/** Principals that are kept are the ones that would be computed anew. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { type AccessTable, NO_ACCESS } from '../../src/access/access-table.ts';
import { principalBy, principalNamed, principalOf } from '../../src/access/principal.ts';
import { Principals } from '../../src/access/principals.ts';
import { credentialOf } from '../../src/access/token.ts';

const SECRET = new Uint8Array(40).fill(7);
const { token: ID, digest: DIGEST } = credentialOf(SECRET);
const OTHER = new Uint8Array(32).fill(1);
const ROW = { id: ID, digest: DIGEST, user: 'ann', scope: [], expiresAt: 100, note: '' };

const TABLE: AccessTable = {
  ...{ ...NO_ACCESS, version: 1, isEnabled: true },
  users: [{ name: 'ann', roles: ['reader'] }],
  tokens: [ROW],
};

test('the first answer, a repetition and one after the end are as without it', () => {
  const kept = new Principals(TABLE);
  for (const wall of [50, 99, 100, 50]) {
    for (const digest of [DIGEST, OTHER, DIGEST]) {
      const credential = { token: ID, digest };
      deepEqual(kept.by(credential, wall), principalBy(TABLE, credential, wall), `${wall}`);
    }
    for (const token of [ID, ID.slice(1)]) {
      deepEqual(kept.of(token, wall), principalOf(TABLE, token, wall));
    }
    for (const user of ['ann', 'nemo', 'ann']) {
      for (const expiresAt of [0, 60, 100]) {
        const certified = { user, expiresAt };
        deepEqual(kept.named(certified, wall), principalNamed(TABLE, certified, wall));
      }
    }
  }
});

test('a wrong secret is none after the right one, nor is what another node has named', () => {
  const kept = new Principals(TABLE);
  equal(kept.of(ID, 0)?.user, 'ann');
  equal(kept.by({ token: ID, digest: OTHER }, 0), undefined);
  equal(kept.by({ token: ID, digest: DIGEST }, 0)?.user, 'ann');
  equal(kept.by({ token: ID, digest: OTHER }, 0), undefined);
  equal(kept.by({ token: ID, digest: DIGEST.slice(0, 31) }, 0), undefined);
});

test('many who ask share one principal', () => {
  const kept = new Principals(TABLE);
  const credential = { token: ID, digest: DIGEST };
  equal(kept.by(credential, 0), kept.by(credential, 1));
});
