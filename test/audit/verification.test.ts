/** The chain of an audit trail: whatever is changed in it is found, and named at its place. */

import { deepEqual, equal, match, ok } from 'node:assert/strict';
import test from 'node:test';
import { lineAfter, readLine } from '../../src/audit/chain.ts';
import type { TrailFile } from '../../src/audit/verification.ts';
import { Random } from '../../src/base/random.ts';
import { byEffort } from '../support/effort.ts';
import { linesOf, trailOf, verify } from './audit-rig.ts';

const NAMES = Array.from({ length: 12 }, (_, at) => `request-${at}`);
/** `file`, `start`, the requests, `stop`. */
const LINES = NAMES.length + 3;

const files = await trailOf(NAMES);
const [whole] = files as readonly [TrailFile];
const lines = new TextDecoder().decode(whole.bytes).split('\n').slice(0, -1);

function ofLines(changed: readonly string[]): readonly TrailFile[] {
  const bytes = new TextEncoder().encode(changed.map((line) => `${line}\n`).join(''));
  return [{ name: whole.name, bytes }];
}

function kindsOf(changed: readonly string[]): readonly string[] {
  return verify(ofLines(changed)).faults.map(({ kind, line }) => `${kind} ${line}`);
}

test('a trail that was left alone is intact', () => {
  const { isIntact, lines: count, first, last, head, faults } = verify(files);
  deepEqual([isIntact, count, first, last, faults], [true, LINES, 1, LINES, []]);
  equal(head, linesOf(files).at(-1)?.hash);
  deepEqual(
    linesOf(files).map(({ kind }) => kind),
    ['file', 'start', ...NAMES.map(() => 'request'), 'stop'],
  );
});

test('a changed line is named, and only that one', () => {
  const changed = lines.with(4, (lines[4] as string).replace('request-2', 'request-9'));
  deepEqual(kindsOf(changed), ['changed 5']);
  deepEqual(kindsOf(lines.with(4, 'no line')), ['changed 5']);
});

test('a line in the place of another one is named, and what is missing', () => {
  deepEqual(kindsOf(lines.with(4, lines[3] as string)), ['inserted 5', 'removed 6']);
});

test('a forged line with hashes of its own does not fit the line behind it', () => {
  const link = readLine(lines[3] as string);
  ok(link !== undefined);
  const { text } = lineAfter(link, JSON.stringify({ kind: 'request', who: 'anonymous' }));
  deepEqual(kindsOf(lines.with(4, text.trimEnd())), ['changed 6']);
});

test('removed lines are counted where they are missing', () => {
  const { faults } = verify(ofLines(lines.toSpliced(4, 3)));
  deepEqual(
    faults.map(({ kind, line }) => [kind, line]),
    [['removed', 5]],
  );
  match(faults[0]?.text ?? '', /lines 5 to 7 are missing/);
});

test('the first line is missed as well', () => {
  deepEqual(kindsOf(lines.slice(1)), ['removed 1']);
});

test('an inserted copy is named, and what follows is not', () => {
  deepEqual(kindsOf(lines.toSpliced(6, 0, lines[2] as string)), ['inserted 7']);
});

test('two lines that have changed places are one fault', () => {
  const swapped = lines.with(5, lines[6] as string).with(6, lines[5] as string);
  deepEqual(kindsOf(swapped), ['reordered 7']);
});

test('a torn last line is told apart from a changed one', () => {
  const bytes = whole.bytes.subarray(0, whole.bytes.length - 20);
  const { faults, isIntact } = verify([{ name: whole.name, bytes }]);
  equal(isIntact, false);
  deepEqual(
    faults.map(({ kind, line }) => [kind, line]),
    [['torn', LINES]],
  );
});

test('lines that are cut off at the end are missed by a noted hash only', () => {
  const noted = String(linesOf(files).at(-3)?.hash);
  const cut = ofLines(lines.slice(0, -4));
  equal(verify(cut).isIntact, true, 'nothing in the files shows it');
  deepEqual(
    verify(cut, { from: noted }).faults.map(({ kind }) => kind),
    ['unanchored'],
  );
  const { isIntact, lines: verified } = verify(files, { from: noted });
  deepEqual([isIntact, verified], [true, lines.length]);
});

test('a noted hash is no excuse for what was changed or removed in front of it or behind', () => {
  const noted = String(linesOf(files)[4]?.hash);
  for (const at of [2, 6]) {
    const changed = lines.with(at, (lines[at] as string).replace('ada', 'bob'));
    equal(verify(ofLines(changed), { from: noted }).isIntact, false, `${at}`);
  }
  for (const gone of [2, 5]) {
    equal(verify(ofLines(lines.slice(gone)), { from: noted }).isIntact, false, `${gone}`);
  }
});

test('any single change of bytes or of the order of lines is found', () => {
  const random = new Random(11);
  for (let round = 0; round < byEffort({ brief: 300, full: 3000 }); round++) {
    const at = random.below(lines.length);
    const to = random.below(lines.length);
    const copy = lines[at] as string;
    const without = lines.toSpliced(at, 1);
    const variants: Readonly<Record<string, readonly string[]>> = {
      removed: without,
      moved: without.toSpliced(to, 0, copy),
      copied: lines.toSpliced(to, 0, copy),
      swapped: lines.with(at, lines[to] as string).with(to, copy),
      replaced: lines.with(at, lines[to] as string),
    };
    for (const [how, variant] of Object.entries(variants)) {
      const isSame = variant.join('\n') === lines.join('\n');
      // Without an anchor the end may be cut off.
      const isCut = how === 'removed' && at === lines.length - 1;
      equal(verify(ofLines(variant)).isIntact, isSame || isCut, `${how} ${at} ${to}`);
    }
    const bytes = whole.bytes.slice();
    const place = random.below(bytes.length);
    bytes[place] = (bytes[place] as number) ^ (1 << random.below(8));
    ok(!verify([{ name: whole.name, bytes }]).isIntact, `a flipped bit at ${place}`);
  }
});

const TINY = { fileBytesMax: 1500, bytesMax: 1_000_000 };

test('the chain goes on over files, and a missing file is missed', async () => {
  const many = await trailOf(NAMES, TINY);
  ok(many.length >= 4, `${many.length} files`);
  deepEqual(verify(many).faults, []);
  const without = many.toSpliced(1, 1);
  deepEqual(
    verify(without).faults.map(({ kind, file, line }) => [kind, file, line]),
    [['removed', without[1]?.name, 1]],
  );
  deepEqual(
    verify(many.slice(1)).faults.map(({ kind }) => kind),
    ['removed'],
  );
  equal(verify(many.slice(1, 2), { isPart: true }).isIntact, true, 'a file alone is a part');
  equal(verify([...many].reverse()).isIntact, false);
});

test('a file that ends within a line is changed if another one follows', async () => {
  const many = await trailOf(NAMES, TINY);
  const [first, ...rest] = many as readonly [TrailFile, ...TrailFile[]];
  const cut = { ...first, bytes: first.bytes.subarray(0, first.bytes.length - 1) };
  const { faults } = verify([cut, ...rest]);
  equal(faults[0]?.kind, 'changed');
});
