/** Whether a node founds, joins, waits or gives up; and that there is never a second cluster. */

import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../src/base/random.ts';
import {
  type Affiliation,
  affiliationOf,
  NO_AFFILIATION,
  type Probe,
} from '../../src/runtime/affiliation.ts';
import { type Course, Seeking } from '../../src/runtime/founding.ts';

function said(url: string, affiliation: Partial<Affiliation>): Probe {
  return { type: 'affiliation', url, affiliation: { ...NO_AFFILIATION, ...affiliation } };
}

function silent(url: string): Probe {
  return { type: 'silent', url, why: 'connect ECONNREFUSED' };
}

/** The result of these answers once they have been given twice. */
function courseOf(probes: readonly Probe[], { candidate = 'b', pinned = '' } = {}): Course {
  const seeking = new Seeking({ candidate, pinned });
  const course = seeking.hear(probes);
  return course.type === 'ask-again' ? seeking.hear(probes) : course;
}

test('a node that knows no other founds at once', () => {
  deepEqual(new Seeking({ candidate: 'b', pinned: '' }).hear([]), { type: 'found' });
});

test('a cluster is founded when every other node has answered twice that it has none', () => {
  const seeking = new Seeking({ candidate: 'b', pinned: '' });
  const probes = [said('x', {}), said('y', {})];
  equal(seeking.affiliation.isFounding, false);
  equal(seeking.hear(probes).type, 'ask-again');
  equal(seeking.affiliation.isFounding, true);
  equal(seeking.hear(probes).type, 'found');
});

test('a node that does not answer prevents founding', () => {
  const course = courseOf([said('x', {}), silent('y')]);
  deepEqual(course, { type: 'wait', obstacles: ['y: connect ECONNREFUSED'] });
});

test('with one member among the others its cluster is joined, even if others are silent', () => {
  const course = courseOf([silent('x'), said('y', { cluster: 'c1', node: 2 }), said('z', {})]);
  deepEqual(course, { type: 'join', cluster: 'c1', urls: ['y'] });
});

test('nodes of two clusters are refused by their names', () => {
  const course = courseOf([said('x', { cluster: 'c1' }), said('y', { cluster: 'c2' })]);
  ok(course.type === 'refuse');
  match(course.text, /different clusters: x belongs to c1, y belongs to c2/);
});

test('only the named cluster is joined, and none is founded', () => {
  const both = [said('x', { cluster: 'c1' }), said('y', { cluster: 'c2' })];
  deepEqual(courseOf(both, { pinned: 'c2' }), { type: 'join', cluster: 'c2', urls: ['y'] });
  equal(courseOf([said('x', { cluster: 'c1' })], { pinned: 'c2' }).type, 'refuse');
  equal(courseOf([said('x', {}), said('y', {})], { pinned: 'c2' }).type, 'wait');
  equal(courseOf([], { pinned: 'c2' }).type, 'wait');
});

test('a node that may only join waits for others to found', () => {
  const course = courseOf([said('x', {})], { candidate: '' });
  deepEqual(course, { type: 'wait', obstacles: ['x: it belongs to no cluster yet'] });
});

test('of several that may found, the least does, and one that is about to is not overtaken', () => {
  equal(courseOf([said('x', { candidate: 'c' })]).type, 'found');
  equal(courseOf([said('x', { candidate: 'a' })]).type, 'wait');
  equal(courseOf([said('x', { candidate: 'c', isFounding: true })]).type, 'wait');
  equal(courseOf([said('x', { candidate: 'b' })]).type, 'found', 'its own address is in the list');
});

test('bytes that no node sends are no affiliation', () => {
  const sound = { cluster: 'c1', node: 2, candidate: '', isFounding: false };
  deepEqual(affiliationOf(JSON.stringify(sound)), sound);
  const broken = [
    '',
    'null',
    '[]',
    '{}',
    JSON.stringify({ ...sound, node: -1 }),
    JSON.stringify({ ...sound, node: '2' }),
    JSON.stringify({ ...sound, cluster: 'x'.repeat(65) }),
    JSON.stringify({ ...sound, cluster: 'a b' }),
    JSON.stringify({ ...sound, candidate: 7 }),
    JSON.stringify({ ...sound, isFounding: 1 }),
  ];
  for (const text of broken) equal(affiliationOf(text), undefined, text);
});

/** One process of a node; its folder outlives it. */
interface Process {
  seeking: Seeking | undefined;
  /** Answers of the present round, as they came; one is missing per node not asked. */
  probes: Map<number, Probe>;
}

const NODES = 3;

/**
 * Nodes that start, ask each other one by one, end and start again in any order. Folders are never
 * emptied, so a second cluster could come from a race alone.
 */
function race(seed: number): { readonly clusters: number; readonly founded: boolean } {
  const random = new Random(seed);
  const folders = Array.from({ length: NODES }, () => '');
  const processes: (Process | undefined)[] = Array.from({ length: NODES }, () => undefined);
  const founders = Array.from({ length: NODES }, () => random.chance(0.7));
  let clusters = 0;
  const start = (at: number) => {
    const candidate = founders[at] ? random.word().toString(16) : '';
    const isMember = folders[at] !== '';
    const seeking = isMember ? undefined : new Seeking({ candidate, pinned: '' });
    processes[at] = { seeking, probes: new Map() };
  };
  const answerOf = (at: number): Probe => {
    const process = processes[at];
    if (process === undefined) return silent(`${at}`);
    const affiliation = process.seeking?.affiliation ?? {
      ...NO_AFFILIATION,
      cluster: folders[at] as string,
    };
    return { type: 'affiliation', url: `${at}`, affiliation };
  };
  for (let step = 0; step < 400; step++) {
    const at = random.below(NODES);
    const process = processes[at];
    if (process === undefined) {
      start(at);
    } else if (random.chance(0.03)) {
      processes[at] = undefined;
      if (random.chance(0.3)) founders[at] = !founders[at];
    } else if (process.seeking !== undefined) {
      const others = [0, 1, 2].filter((one) => one !== at && !process.probes.has(one));
      if (others.length > 0) {
        const asked = random.pick(others);
        process.probes.set(asked, answerOf(asked));
        continue;
      }
      const course = process.seeking.hear([...process.probes.values()]);
      process.probes.clear();
      if (course.type === 'found') {
        clusters += 1;
        folders[at] = `c${clusters}`;
      } else if (course.type === 'join') folders[at] = course.cluster;
      if (folders[at] !== '') process.seeking = undefined;
    }
  }
  return { clusters, founded: folders.every((cluster) => cluster !== '') };
}

test('any interleaving of starts, ends and answers gives one cluster', (t) => {
  let founded = 0;
  for (let seed = 1; seed <= 4000; seed++) {
    const end = race(seed);
    ok(end.clusters <= 1, `seed ${seed}: ${end.clusters} clusters`);
    if (end.founded) founded += 1;
  }
  t.diagnostic(`${founded} of 4000 came to a cluster of all`);
  ok(founded > 3000, 'and mostly there is one');
});
