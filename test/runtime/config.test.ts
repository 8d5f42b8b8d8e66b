/** A configuration is accepted, or every fault of it is reported at once. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { Random } from '../../src/base/random.ts';
import { type ClusterConfig, checkConfig, parseConfig } from '../../src/runtime/config.ts';
import { byEffort } from '../support/effort.ts';

const NODE = { name: 'n1', data: 'data/n1', listen: '127.0.0.1:7400' };

function configOf(value: unknown): ClusterConfig {
  const result = checkConfig(value);
  if (result.type === 'faulty') assert.fail(result.faults.join('\n'));
  return result.config;
}

function faultsOf(value: unknown): readonly string[] {
  const result = checkConfig(value);
  assert.equal(result.type, 'faulty', JSON.stringify(value));
  return result.type === 'faulty' ? result.faults : [];
}

test('the configuration at the top is three nodes on this machine', () => {
  const result = parseConfig(readFileSync('cluster.config.json', 'utf8'));
  assert.ok(result.type === 'config');
  assert.deepEqual(
    result.config.nodes.map(({ name, data, listen }) => `${name} ${data} ${listen}`),
    ['n1 data/n1 127.0.0.1:7400', 'n2 data/n2 127.0.0.1:7401', 'n3 data/n3 127.0.0.1:7402'],
  );
  assert.deepEqual(result.config.settings, { shards: 16, replicas: 3 });
});

test('missing fields have their defaults', () => {
  const { cluster, settings, limits, nodes } = configOf({ nodes: [NODE] });
  assert.equal(cluster, '', 'any cluster');
  assert.deepEqual(settings, { shards: 16, replicas: 3 });
  assert.deepEqual(limits, { valueBytesMax: 1_048_576, historyBytesMax: 67_108_864 });
  const defaults = { advertise: {}, weight: 1, zone: '', isInsecureAllowed: false, tls: undefined };
  assert.deepEqual(nodes, [{ ...NODE, ...defaults }]);
});

test('origins are checked, and by default no page may ask and metrics need no token', () => {
  const { http } = configOf({ nodes: [NODE] });
  assert.deepEqual(http, { origins: [], metricsTokenFile: '', isPortPrivate: false });
  const given = { origins: ['https://app.example'], metricsTokenFile: 'm', privatePort: true };
  const taken = { origins: given.origins, metricsTokenFile: 'm', isPortPrivate: true };
  assert.deepEqual(configOf({ nodes: [NODE], http: given }).http, taken);
  const faulty = { origins: ['https://app.example/'], privatePort: 'yes', origin: [] };
  assert.deepEqual(faultsOf({ nodes: [NODE], http: faulty }), [
    'http.origin is not a known field: did you mean origins?',
    'http.origins[0] is "https://app.example/", must be an origin as browsers send it, such as ' +
      '"https://app.example"',
    'http.privatePort is "yes", must be true or false',
  ]);
});

test('an advertised address is for peers and clients alike, or for each its own', () => {
  const advertiseOf = (advertise: unknown) =>
    configOf({ nodes: [{ ...NODE, advertise }] }).nodes[0]?.advertise;
  const both = { peerUrl: 'ws://db.example:80', clientUrl: 'ws://db.example:80' };
  assert.deepEqual(advertiseOf('db.example:80'), both);
  assert.deepEqual(advertiseOf('ws://db.example:80'), both);
  assert.deepEqual(advertiseOf({ client: 'wss://kv.example/a' }), {
    clientUrl: 'wss://kv.example/a',
  });
  assert.deepEqual(advertiseOf({ peer: '[::1]:7' }), { peerUrl: 'ws://[::1]:7' });
});

test('a fault names the field, what it is and what it may be', () => {
  const cases: readonly (readonly [value: unknown, fault: string])[] = [
    [
      7,
      'the file is 7, must be an object with cluster, secretFile, ' +
        'encryption, settings, nodes, limits, timing, leaders, audit, tls, http',
    ],
    [
      { nodes: [NODE], cluster: 'two words' },
      'cluster is "two words", must be the ID that `kvctl status` shows: ' +
        '1 to 64 visible characters',
    ],
    [{}, 'nodes is missing, must be a list of 1 to 256'],
    [{ nodes: [] }, 'nodes has 0 items, must be a list of 1 to 256'],
    [{ nodes: { n1: NODE } }, 'nodes is an object, must be a list of 1 to 256'],
    [
      { nodes: [NODE], settings: { shards: 0 } },
      'settings.shards is 0, must be a whole number from 1 to 1024',
    ],
    [
      { nodes: [NODE], settings: { replicas: null } },
      'settings.replicas is null, must be a whole number from 1 to 7',
    ],
    [
      { nodes: [NODE], limits: { historyBytesMax: -1 } },
      'limits.historyBytesMax is -1, must be a whole number from 0 to 1099511627776',
    ],
    [
      { nodes: [NODE], limits: { valueBytesMax: 1e9 } },
      'limits.valueBytesMax is 1000000000, must be a whole number from 1 to 16777216',
    ],
    [
      { nodes: [{ ...NODE, listen: ':7400' }] },
      'nodes[0].listen is ":7400", must be "host:port" with a port from 1 to 65535',
    ],
    [
      { nodes: [{ ...NODE, weight: 0.5 }] },
      'nodes[0].weight is 0.5, must be a whole number from 0 to 65536',
    ],
    [
      { nodes: [{ ...NODE, zone: 'é'.repeat(33) }] },
      `nodes[0].zone is "${'é'.repeat(33)}", must be a text of 0 to 64 bytes ` +
        'without control characters',
    ],
    [
      { nodes: [{ ...NODE, insecure: 'yes' }] },
      'nodes[0].insecure is "yes", must be true or false',
    ],
    [
      { nodes: [{ ...NODE, advertise: 'http://a' }] },
      'nodes[0].advertise is "http://a", must be "host:port", or a URL that begins with ws://',
    ],
    [
      { nodes: [{ ...NODE, lisen: 1 }] },
      'nodes[0].lisen is not a known field: did you mean listen?',
    ],
    [
      { nodes: [NODE], colour: 1 },
      'colour is not a known field: known fields are cluster, secretFile, encryption, ' +
        'settings, nodes, limits, timing, leaders, audit, tls, http',
    ],
    [
      { nodes: [NODE, { ...NODE, name: 'n2', data: './data//n1/', listen: 'b:1' }] },
      'nodes[1].data is "./data//n1/", the same as nodes[0].data: each node needs its own',
    ],
    [
      { nodes: [NODE, { ...NODE, name: 'n2', data: 'data/x/../n1', listen: 'b:1' }] },
      'nodes[1].data is "data/x/../n1", the same as nodes[0].data: each node needs its own',
    ],
    [
      { nodes: [NODE, { ...NODE, name: 'n2', data: 'data/n1/n2', listen: 'b:1' }] },
      'nodes[1].data is "data/n1/n2", inside nodes[0].data: each node needs its own folder',
    ],
    [
      { nodes: [NODE, { ...NODE, name: 'n2', data: 'data/n2', listen: 'localhost:7400' }] },
      'nodes[1].listen is "localhost:7400", the same as nodes[0].listen: each node needs its own',
    ],
    [{ nodes: [NODE], leaders: 'alone' }, 'leaders is "alone", must be "gathered" or "spread"'],
    [
      { nodes: [NODE], encryption: {} },
      'encryption names 0 keys, must name one of keyFile, keyCommand, keyEnv',
    ],
    [
      { nodes: [NODE], encryption: { keyFile: 'a', keyEnv: 'B' } },
      'encryption names 2 keys, must name one of keyFile, keyCommand, keyEnv',
    ],
    [
      { nodes: [NODE], audit: { data: [{ prefix: 'a/', verbs: ['steal'] }] } },
      'audit.data[0].verbs[0] is "steal", must be one of read, write, watch, lock',
    ],
    [
      { nodes: [NODE], audit: { bytesMax: 1_048_576, fileBytesMax: 524_288 } },
      'audit.fileBytesMax is 524288, must be a quarter of bytesMax (1048576) or less',
    ],
    [
      { nodes: [{ ...NODE, zone: 'a\u001b[2J' }] },
      'nodes[0].zone is "a\\u001b[2J", must be a text of 0 to 64 bytes without control characters',
    ],
  ];
  for (const [value, fault] of cases) assert.deepEqual(faultsOf(value), [fault]);
});

test('an audit trail is kept if the file has a part for it', () => {
  assert.equal(configOf({ nodes: [NODE] }).audit, undefined);
  const sizes = { bytesMax: 268_435_456, fileBytesMax: 16_777_216 };
  assert.deepEqual(configOf({ nodes: [NODE], audit: {} }).audit, {
    ...{ folder: undefined, ...sizes },
    ...{ syncMilliseconds: undefined, isFailClosed: false, rules: [] },
  });
  const small = configOf({ nodes: [NODE], audit: { bytesMax: 1_048_576 } }).audit;
  assert.equal(small?.fileBytesMax, 262_144, 'a quarter');
  const data = [{ prefix: 'a/' }, { prefix: 'b/', verbs: ['write'] }];
  const { audit } = configOf({ nodes: [NODE], audit: { failClosed: true, data } });
  assert.equal(audit?.isFailClosed, true);
  assert.deepEqual(
    audit?.rules.map(({ verbs }) => verbs.join()),
    ['read,write,watch,lock', 'write'],
  );
});

test('all faults are reported at once, in the order of the file', () => {
  const value = { nodes: [{ name: '', listen: 'x' }, 5], setings: {}, settings: { shards: 'a' } };
  assert.deepEqual(
    faultsOf(value).map((fault) => fault.split(' ')[0]),
    ['setings', 'settings.shards', 'nodes[0].name', 'nodes[0].data', 'nodes[0].listen', 'nodes[1]'],
  );
});

test('a byte order mark before the configuration is ignored', () => {
  assert.equal(parseConfig(`\uFEFF${JSON.stringify({ nodes: [NODE] })}`).type, 'config');
});

test('a text that is not JSON is one fault', () => {
  const result = parseConfig('{ "nodes": [ }');
  assert.ok(result.type === 'faulty' && result.faults.length === 1);
  assert.match(result.faults[0] ?? '', /^the file is not JSON: /);
});

/** Every accepted configuration is within the bounds of its fields. */
function assertSound({ settings, nodes, limits }: ClusterConfig): void {
  assert.ok(settings.shards >= 1 && settings.shards <= 1024);
  assert.ok(settings.replicas >= 1 && settings.replicas <= 7);
  assert.ok(limits.valueBytesMax >= 1 && nodes.length >= 1);
  assert.equal(new Set(nodes.map(({ name }) => name)).size, nodes.length);
  for (const { data, listen, weight } of nodes) {
    assert.ok(data.length > 0 && !data.includes('\0') && /:\d+$/.test(listen));
    assert.ok(Number.isInteger(weight) && weight >= 0);
  }
}

const WORDS = [
  'cluster',
  'settings',
  'shards',
  'replicas',
  'nodes',
  'name',
  'data',
  'listen',
  'advertise',
];
const MORE_WORDS = ['weight', 'zone', 'limits', 'valueBytesMax', 'insecure', '__proto__', 'nods'];
const SCALARS = [null, true, false, 0, 1, -1, 3, 1.5, 1e300, '', 'a:1', '[::1]:65535', 'x\0', '💥'];

/** Half of all values are nearly valid, so that deeper checks are reached. */
function randomValue(random: Random, depth: number): unknown {
  const scalar = SCALARS[random.below(SCALARS.length)];
  if (depth === 0) return scalar;
  switch (random.below(6)) {
    case 0:
      return Array.from({ length: random.below(4) }, () => randomValue(random, depth - 1));
    case 1:
    case 2: {
      const names = [...WORDS, ...MORE_WORDS];
      const pairs = Array.from({ length: random.below(6) }, () => [
        names[random.below(names.length)],
        randomValue(random, depth - 1),
      ]);
      return Object.fromEntries(pairs);
    }
    case 3:
      return { ...NODE, [WORDS[random.below(WORDS.length)] ?? '']: randomValue(random, depth - 1) };
    case 4:
      return { nodes: [NODE, randomValue(random, depth - 1)] };
    default:
      return scalar;
  }
}

const VALUES = byEffort({ full: 150_000, brief: 15_000 });
const TEXTS = byEffort({ full: 50_000, brief: 5000 });

test(`${VALUES + TEXTS} hostile configurations are accepted or refused, and never throw`, () => {
  const random = new Random(7);
  let taken = 0;
  for (let round = 0; round < VALUES; round++) {
    const result = checkConfig(randomValue(random, 4));
    if (result.type === 'config') {
      taken += 1;
      assertSound(result.config);
    } else assert.ok(result.faults.length > 0);
  }
  const text = JSON.stringify({ settings: { shards: 4 }, nodes: [NODE], limits: {} });
  for (let round = 0; round < TEXTS; round++) {
    const at = random.below(text.length);
    const cut = text.slice(0, at) + '"{}[]:,0ab'.charAt(random.below(11)) + text.slice(at + 1);
    const result = parseConfig(cut);
    if (result.type === 'config') {
      taken += 1;
      assertSound(result.config);
    } else assert.ok(result.faults.length > 0);
  }
  assert.ok(taken > (VALUES + TEXTS) / 200, `only ${taken} were accepted, so little was tested`);
});
