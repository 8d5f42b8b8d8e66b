/** Web pages use a node only if their origin is listed, letter by letter. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { isOrigin } from '../../src/runtime/listen-address.ts';
import { headersFor, judgeOrigin } from '../../src/transport/origin-check.ts';

const LISTED = ['https://app.example', 'http://localhost:8080'];

test('programs, which name no origin, are no pages', () => {
  assert.deepEqual(judgeOrigin(undefined, []), { type: 'none' });
  assert.deepEqual(headersFor({ type: 'none' }), { vary: 'origin' });
});

test('only what is listed as a whole may ask', () => {
  for (const origin of LISTED) {
    const verdict = judgeOrigin(origin, LISTED);
    assert.deepEqual(verdict, { type: 'listed', origin });
    assert.equal(headersFor(verdict)['access-control-allow-origin'], origin);
  }
  const others = [
    ...['https://app.example.evil.example', 'https://app.example:8443', 'http://app.example'],
    ...['https://evil.example', 'null', '', 'http://localhost', 'http://127.0.0.1:7400'],
    ...['https://app.example/', 'HTTPS://app.example', 'https://app.example, https://app.example'],
  ];
  for (const origin of others) {
    const verdict = judgeOrigin(origin, LISTED);
    assert.equal(verdict.type, 'refused', origin);
    assert.equal('access-control-allow-origin' in headersFor(verdict), false);
  }
});

test('the refusal names the origin and the option, and prints nothing else of the page', () => {
  const verdict = judgeOrigin(`https://evil.example/\u001b[2J${'x'.repeat(999)}`, LISTED);
  assert.ok(verdict.type === 'refused');
  assert.match(verdict.text, /origin "https:\/\/evil\.example\/\\u001b\[2Jx+" are not allowed/);
  assert.match(verdict.text, /option origins \(--origins\)$/);
  assert.ok(verdict.text.length < 300);
});

test('an origin to list is written as browsers send it', () => {
  for (const text of LISTED) assert.ok(isOrigin(text), text);
  const faulty = [
    ...['*', 'app.example', 'https://app.example/', 'https://app.example/a', 'null', ''],
    ...['https://APP.example', 'ftp://a.example', 'https://a.example:443', 'https://*.example'],
  ];
  for (const text of faulty) assert.ok(!isOrigin(text), text);
});
