/** Planted bugs in how a node comes to its cluster: by them there would be two of it. */

import type { Bug } from './bug.ts';

const RULE = {
  file: 'src/runtime/founding.ts',
  profiles: [],
  tests: ['founding'],
  isFast: true,
};
const START = { ...RULE, tests: ['one-cluster'], isFast: false };

const STATUS = {
  file: 'cli/health.ts',
  profiles: [],
  tests: ['health'],
  isFast: true,
};

export const FOUNDING_BUGS: readonly Bug[] = [
  {
    ...RULE,
    name: 'founds-beside-silent',
    sentence: 'a cluster is founded though a silent node may have one',
    find: 'const obstacles = mayFound ? [...silent, ...rivals]',
    replace: 'const obstacles = mayFound ? [...rivals]',
  },
  {
    ...RULE,
    name: 'founds-after-one-round',
    sentence: 'the others are not queried again after the node has announced that it founds',
    find: "if (course.type !== 'found' || wasFounding || probes.length === 0)",
    replace: 'if (true)',
  },
  {
    ...RULE,
    name: 'overtakes-a-founder',
    sentence: 'the smallest candidate founds though another one is about to',
    find: 'const isFirst = affiliation.isFounding || (affiliation.candidate',
    replace: 'const isFirst = (affiliation.candidate',
  },
  {
    ...RULE,
    name: 'named-cluster-ignored',
    sentence: 'a cluster is joined that is not the one of the configuration',
    find: "pinned === '' || affiliation.cluster === pinned",
    replace: 'true',
  },
  {
    ...RULE,
    name: 'founds-beside-named',
    sentence: 'a cluster is founded though the configuration names one that exists',
    find: "const mayFound = candidate !== '' && pinned === '';",
    replace: "const mayFound = candidate !== '';",
  },
  {
    ...START,
    file: 'src/runtime/node-process.ts',
    name: 'joined-node-founds',
    sentence: 'a node that joined and lost its map begins the catalog a second time',
    find: 'if (founding !== undefined && core.state.map === undefined && isUnfounded(log)) {',
    replace: `if (core.state.map === undefined && isUnfounded(log)) {
      core.found(founding ?? { shards: 2, replicas: 3 }, cluster); } if (false) {`,
  },
  {
    ...START,
    file: 'src/runtime/identity.ts',
    name: 'settings-ignored',
    sentence: 'settings that differ from those of the cluster are ignored',
    find: 'const fault = settings && settingsFault(wanted, settings);',
    replace: 'const fault = undefined;',
  },
  {
    ...START,
    file: 'src/runtime/identity.ts',
    name: 'foreign-folder-starts',
    sentence: 'a node starts in its own cluster though the operator named nodes of another',
    find: 'if (foreign === undefined || isAtHome)',
    replace: 'if (true)',
  },
  {
    ...STATUS,
    name: 'split-not-told',
    sentence: 'nodes of two clusters are evaluated as if they were of one',
    find: 'const isSplit = clusters.length > 1;',
    replace: 'const isSplit = false;',
  },
  {
    ...STATUS,
    file: 'cli/clusters-seen.ts',
    name: 'named-cluster-not-missed',
    sentence: 'a configured cluster is not missed where another one answers',
    find: "const named = pinned === '' || found.length === 0 ? [] : [pinned];",
    replace: 'const named = [];',
  },
  {
    ...STATUS,
    name: 'growth-told-as-damage',
    sentence: 'new replicas that are being filled make a cluster degraded',
    find: '!isGrowing || blocked.includes(shard)',
    replace: 'true',
  },
  {
    ...STATUS,
    name: 'two-of-three-are-ok',
    sentence: 'a shard with a replica that is down is reported as ok',
    find: 'if (live < all)',
    replace: 'if (false)',
  },
  {
    ...STATUS,
    file: 'cli/inspect.ts',
    name: 'election-told-at-once',
    sentence: 'a change of leaders is reported as an outage',
    find: 'if (!health.isElecting || performance.now() >= until)',
    replace: 'if (true)',
  },
  {
    ...START,
    file: 'src/runtime/embedded.ts',
    tests: ['embedded'],
    name: 'damage-told-as-slowness',
    sentence: 'a store whose log is damaged waits for a minute and blames its disk',
    find: "if (fact.type !== 'raft' || fact.fact !== 'damage-prevented-campaign')",
    replace: 'if (true)',
  },
  {
    ...STATUS,
    file: 'cli/awaiting.ts',
    name: 'up-before-grown',
    sentence: 'a cluster is reported as up while the loss of one node would lose data',
    find: 'nodes.length >= nodesMin && growing(health).length === 0',
    replace: 'nodes.length >= nodesMin',
  },
];
