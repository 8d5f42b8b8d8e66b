/** Tokens for joining: read as they were made, or refused by an error that does not show them. */

import { deepEqual, equal, ok, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { type JoinToken, parseToken, textsIn, tokenText } from '../../cli/join-token.ts';
import { Random } from '../../src/base/random.ts';
import { byEffort } from '../support/effort.ts';
import { mutate } from '../support/mutate.ts';

const ROUNDS = byEffort({ full: 30_000, brief: 3000 });
const SECRET = 'c0ffee'.repeat(10);
const TOKEN: JoinToken = {
  ...{ host: '10.0.0.9', port: 7499, authority: 'ab'.repeat(32), secret: SECRET, name: 'n4' },
};

test('a token is read as it was made', () => {
  deepEqual(parseToken(`  ${tokenText(TOKEN)}\n`), TOKEN);
});

test(`${ROUNDS} mutated tokens have all fields, or are refused without being shown`, () => {
  const random = new Random(41);
  const json = Buffer.from(JSON.stringify(TOKEN));
  let whole = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const inner = Buffer.from(mutate(random, json));
    const text = random.chance(0.5)
      ? `ringkv-join-${inner.toString('base64url')}`
      : Buffer.from(mutate(random, Buffer.from(tokenText(TOKEN)))).toString('latin1');
    const read = attempt(text);
    if (read === undefined) continue;
    whole += 1;
    const { host, port, authority, secret, name } = read;
    for (const field of [host, authority, secret, name]) ok(field.length > 0);
    ok(Number.isInteger(port));
  }
  ok(whole > ROUNDS / 50 && whole < ROUNDS, `some are still tokens: ${whole}`);
});

test('lines of the other side that are no objects of JSON are nothing', () => {
  for (const text of ['', 'null', '1', '"a"', '{', '[1]x', '\u0000', `{"a":${'['.repeat(5000)}`]) {
    equal(textsIn(Buffer.from(text)), undefined, text.slice(0, 20));
  }
  throws(() => parseToken(`ringkv-join-${'A'.repeat(5000)}`), /not a token for joining/);
});

/** Undefined if it is refused. */
function attempt(text: string): JoinToken | undefined {
  try {
    return parseToken(text);
  } catch (error) {
    const { message, stack = '' } = error as Error;
    equal(message.includes(SECRET.slice(0, 12)) || stack.includes(SECRET), false, text);
    ok(message.includes('not a token for joining'), message);
    return undefined;
  }
}
