/** The explorer itself: its results in the smallest worlds, and its tools. */

import { deepEqual, equal, notEqual, ok } from 'node:assert/strict';
import { register } from 'node:module';
import { test } from 'node:test';
import { copyGraph, freezeGraph, printGraph } from './graph.ts';
import { OPEN_HOOK } from './open-hook.ts';
import { Visited } from './visited.ts';

register(OPEN_HOOK);

const NOTHING = {
  name: 'smallest',
  campaigns: 0,
  proposals: 0,
  crashes: 0,
  duplicates: 0,
  beats: 0,
  reads: 0,
  isDiskInstant: false,
};

const ORIGIN = { parent: 0, step: 0 };

test('without a campaign nothing ever happens', async () => {
  const { explore } = await import('./search.ts');
  const { worlds, violation } = explore(NOTHING);
  deepEqual({ worlds, violation }, { worlds: 1, violation: undefined });
});

test('with a campaign and a proposal every world keeps the rules', async () => {
  const { explore } = await import('./search.ts');
  const bounds = { ...NOTHING, campaigns: 1, proposals: 1, isDiskInstant: true };
  const { worlds, depth, violation } = explore(bounds);
  equal(violation, undefined);
  ok(worlds > 1000, `${worlds} worlds`);
  ok(depth > 10, `${depth} steps deep`);
});

test('two explorations of the same bounds are the same', async () => {
  const { explore } = await import('./search.ts');
  const bounds = { ...NOTHING, campaigns: 1 };
  deepEqual(explore(bounds), explore(bounds));
});

test('a copy of a graph has its shape and shares nothing that can change', () => {
  const inner = { list: [1, 2], bytes: new Uint8Array([3]) };
  const graph = {
    inner,
    again: inner,
    map: new Map([[1, inner]]),
    frozen: freezeGraph({ a: [1] }),
  };
  const copied = copyGraph(graph);
  equal(printGraph(copied), printGraph(graph));
  notEqual(copied.inner, graph.inner);
  equal(copied.inner, copied.again);
  equal(copied.inner, copied.map.get(1));
  equal(copied.frozen, graph.frozen);
  copied.inner.list.push(4);
  notEqual(printGraph(copied), printGraph(graph));
});

test('a world with fewer messages is not visited again', () => {
  const visited = new Visited(2);
  ok(visited.add([1, 1, 5, 6, 6], ORIGIN));
  ok(!visited.add([1, 1, 5, 6], ORIGIN));
  ok(!visited.add([1, 1], ORIGIN));
  ok(visited.add([1, 1, 6, 6, 6], ORIGIN));
  ok(visited.add([1, 2, 5], ORIGIN));
});

test('a world with more messages outdoes the one before', () => {
  const visited = new Visited(2);
  ok(visited.add([1, 1, 5], ORIGIN));
  ok(visited.add([1, 1, 7], ORIGIN));
  ok(visited.add([1, 1, 4, 5], ORIGIN));
  deepEqual(
    [visited.isOutdone(0), visited.isOutdone(1), visited.isOutdone(2)],
    [true, false, false],
  );
  deepEqual(visited.worldOf(2), [1, 1, 4, 5]);
});
