/** `login` and `setPassword`: what is refused before anything is sent. */

import { equal, match, rejects } from 'node:assert/strict';
import { createServer } from 'node:net';
import test from 'node:test';
import { login, setPassword } from '../../src/admin.ts';
import { isKvError } from '../../src/index.ts';

const WHO = { user: 'ann', password: 'correct horse' };
const SOON = { timeout: 300 };

/** The code and the message of the failure. */
async function faultOf(doing: Promise<unknown>): Promise<string> {
  const error = await doing.catch((cause: unknown) => cause);
  if (!isKvError(error)) throw error;
  equal(error.outcome, 'notApplied');
  return `${error.code}: ${error.message}`;
}

test('without TLS no password goes to another machine', async () => {
  const far = [
    'kv://10.255.255.1:7400',
    'kv://db.example',
    ['kvs://10.255.255.1', 'kv://10.1.2.3'],
  ];
  for (const urls of far) {
    const fault = await faultOf(login(urls, WHO, SOON));
    match(fault, /^invalid-argument: .* is another machine, .*It was not sent/);
    equal(fault.includes(WHO.password), false);
  }
  const near = ['kv://127.0.0.1:1', 'kv://localhost:1', 'kv://[::1]:1'];
  for (const url of near) match(await faultOf(login(url, WHO, SOON)), /^unreachable: /);
  match(await faultOf(login('kvs://127.0.0.1:1', WHO, SOON)), /^unreachable: /);
});

test('a connection to a server of no cluster gets nothing but a hello', async (t) => {
  const heard: string[] = [];
  const server = createServer((socket) => {
    socket.on('data', (bytes) => heard.push(bytes.toString('latin1')));
    socket.on('error', () => {});
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  t.after(() => server.close());
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  match(await faultOf(login(`kv://127.0.0.1:${port}`, WHO, SOON)), /^unreachable: /);
  equal(heard.length > 0, true);
  equal(heard.join('').includes(WHO.password), false);
});

test('arguments that cannot be right are refused, with the limit', async () => {
  const url = 'kv://127.0.0.1:1';
  const cases: readonly (readonly [change: object, reason: RegExp])[] = [
    [{ password: 'x'.repeat(1025) }, /has 1025 bytes; the limit is 1024/],
    [{ ttl: 31 * 86_400_000 }, /a login is good for 1 to 2592000000 milliseconds/],
    [{ ttl: 1.5 }, /ttl is 1.5/],
    [{ user: 'a b' }, /names of users and roles/],
    [{ scope: ['a/b'] }, /names of users and roles/],
    [
      { scope: Array.from({ length: 17 }, () => 'a') },
      /scope has 17 roles; a login has at most 16/,
    ],
  ];
  for (const [change, reason] of cases) {
    match(await faultOf(login(url, { ...WHO, ...change }, SOON)), reason);
  }
});

test('a new password has a least length, and never appears in an error', async () => {
  const url = 'kv://127.0.0.1:1';
  const short = await faultOf(setPassword(url, { user: 'ann', password: 'seven77' }, SOON));
  match(short, /^invalid-argument: the password has 7 characters; the minimum is 8/);
  equal(short.includes('seven77'), false);
  const long = setPassword(url, { user: 'ann', password: 'ä'.repeat(600) }, SOON);
  match(await faultOf(long), /has 1200 bytes; the limit is 1024/);
  await rejects(setPassword(url, { user: 'a b', password: 'correct horse' }, SOON), {
    code: 'invalid-argument',
  });
});
