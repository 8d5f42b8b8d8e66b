/** scrypt and its twin in memory, by the same contract; scrypt also by the vectors of its RFC. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { PASSWORD_COST, type PasswordAnswer, passwordBytes } from '../../src/access/password.ts';
import { derive, newPassword } from '../../src/passwords/scrypt.ts';
import { ScryptPasswords } from '../../src/passwords/scrypt-passwords.ts';
import { ModelPasswords } from '../../src/testkit/model-passwords.ts';
import { VirtualTime } from '../../src/testkit/virtual-time.ts';
import { passwordsContract } from './passwords-contract.ts';

const pause = (milliseconds: number) => {
  return new Promise<void>((done) => setTimeout(done, milliseconds));
};
const bytesOf = (text: string) => new TextEncoder().encode(text);

passwordsContract('scrypt', () => {
  const answers: PasswordAnswer[] = [];
  const passwords = new ScryptPasswords({ onAnswer: (answer) => void answers.push(answer) });
  const until = async (count: number) => {
    while (answers.length < count) await pause(5);
  };
  return { passwords, answers, until, pause: () => pause(500) };
});

passwordsContract('its twin', () => {
  const answers: PasswordAnswer[] = [];
  const time = new VirtualTime();
  const onAnswer = (answer: PasswordAnswer) => void answers.push(answer);
  const passwords = new ModelPasswords({ time, onAnswer });
  const until = async (count: number) => {
    time.runUntil(time.now + 100_000, () => answers.length >= count);
    ok(answers.length >= count);
  };
  return { passwords, answers, until, pause: async () => time.runUntil(time.now + 5000) };
});

test('it is scrypt: the second vector of RFC 7914 §12', async () => {
  const terms = { salt: bytesOf('NaCl'), cost: { logN: 10, r: 8, p: 16 } };
  const verifier = await new Promise<Uint8Array | undefined>((done) => {
    derive(bytesOf('password'), terms, done);
  });
  const hex = Buffer.from(verifier ?? []).toString('hex');
  equal(hex, 'fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162');
});

test('a new password gets a salt of its own, and the cost that is usual now', async () => {
  const [one, other] = [
    await newPassword('ann', 'tr0ub4dor'),
    await newPassword('ann', 'tr0ub4dor'),
  ];
  deepEqual(one.cost, PASSWORD_COST);
  ok(String(one.salt) !== String(other.salt) && String(one.verifier) !== String(other.verifier));
  equal(one.user, 'ann');
});

test('a letter is the same however the keyboard composes it', () => {
  deepEqual(passwordBytes('caf\u00e9'), passwordBytes('cafe\u0301'));
  ok(String(passwordBytes('cafe')) !== String(passwordBytes('caf\u00e9')));
});
