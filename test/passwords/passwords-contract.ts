/** What every port to a slow hash does. */

import { deepEqual, equal, notDeepEqual, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { PASSWORD_LIMITS } from '../../src/access/limits.ts';
import {
  NO_PASSWORD,
  PASSWORD_COST,
  type PasswordAnswer,
  type Passwords,
} from '../../src/access/password.ts';

export interface PasswordsUnderTest {
  readonly passwords: Passwords;
  readonly answers: PasswordAnswer[];
  /** Until there are so many answers. */
  readonly until: (count: number) => Promise<void>;
  /** As long as a computation takes. */
  readonly pause: () => Promise<void>;
}

const bytesOf = (text: string) => new TextEncoder().encode(text);
/** The least cost, so that a slow implementation is fast enough. */
const TERMS = { salt: new Uint8Array(16).fill(1), cost: { logN: 14, r: 8, p: 1 } };

export function passwordsContract(name: string, open: () => PasswordsUnderTest): void {
  test(`${name}: the same question has the same answer, any other one another`, async () => {
    const { passwords, answers, until } = open();
    const password = bytesOf('correct horse');
    const salt = new Uint8Array(16).fill(2);
    const questions = [
      { ...TERMS, password },
      { ...TERMS, password },
      { ...TERMS, password: bytesOf('correct hors') },
      { ...TERMS, password, salt },
      { ...TERMS, password, cost: { ...TERMS.cost, p: 2 } },
    ];
    for (const [at, question] of questions.entries()) passwords.ask({ id: at, ...question });
    await until(questions.length);
    const [one, same, ...others] = [...answers].sort((a, b) => a.id - b.id);
    equal(one?.verifier.length, PASSWORD_LIMITS.verifierBytes);
    deepEqual(one?.verifier, same?.verifier);
    const all = [one, ...others].map((answer) => String(answer?.verifier));
    equal(new Set(all).size, all.length);
    passwords.close();
  });

  test(`${name}: no answer comes from inside a call, and they come in order`, async () => {
    const { passwords, answers, until } = open();
    for (const id of [7, 8, 9]) passwords.ask({ id, password: bytesOf('x'), ...TERMS });
    equal(answers.length, 0);
    await until(3);
    deepEqual(
      answers.map(({ id }) => id),
      [7, 8, 9],
    );
    passwords.close();
  });

  test(`${name}: a bounded number waits`, async () => {
    const { passwords, answers, until, pause } = open();
    const { checksAtOnce, checksWaitingMax } = PASSWORD_LIMITS;
    let count = 0;
    while (!passwords.isFull && count < 1000) {
      count += 1;
      passwords.ask({ id: count, password: bytesOf('x'), ...TERMS });
    }
    equal(count, checksAtOnce + checksWaitingMax);
    await until(1);
    ok(!passwords.isFull, 'an answer makes room');
    passwords.close();
    passwords.close();
    const { length } = answers;
    await pause();
    equal(answers.length, length, 'no answer follows the end');
  });

  test(`${name}: what stands for no password is none, and costs as much`, async () => {
    const { passwords, answers, until } = open();
    passwords.ask({ id: 1, password: bytesOf(''), ...NO_PASSWORD });
    await until(1);
    notDeepEqual(answers[0]?.verifier, new Uint8Array(PASSWORD_LIMITS.verifierBytes));
    deepEqual(NO_PASSWORD.cost, PASSWORD_COST);
    passwords.close();
  });
}
