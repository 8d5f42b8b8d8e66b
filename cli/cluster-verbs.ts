/** Verbs for the cluster and its nodes. */

import { ENCODING_OPTIONS, type OptionSpec, type Verb } from './verb.ts';

const CONFIG_OPTION: OptionSpec = {
  flags: '--config <file>',
  description: 'the config file (default: cluster.config.json, if there is one)',
  environment: 'RINGKV_CONFIG',
};

const NODE_OPTIONS: readonly OptionSpec[] = [
  CONFIG_OPTION,
  {
    flags: '--node <name>',
    description: 'which node of the config file this is',
    environment: 'RINGKV_NODE',
  },
  { flags: '--data <folder>', description: 'its data folder', environment: 'RINGKV_DATA' },
  {
    flags: '--listen <address>',
    description: 'host:port (default: 127.0.0.1:7400)',
    environment: 'RINGKV_LISTEN',
  },
  {
    flags: '--advertise-peer <address>',
    description: 'where other nodes reach it, if elsewhere',
    environment: 'RINGKV_ADVERTISE_PEER',
  },
  {
    flags: '--advertise-client <address>',
    description: 'where clients reach it, if elsewhere',
    environment: 'RINGKV_ADVERTISE_CLIENT',
  },
  {
    flags: '--weight <n>',
    description: 'what it can carry, compared with others (default: 1)',
    environment: 'RINGKV_WEIGHT',
  },
  {
    flags: '--zone <name>',
    description: 'what fails together: a rack, a building',
    environment: 'RINGKV_ZONE',
  },
  {
    flags: '--join <urls>',
    description: 'other nodes, to join or to begin with (default: those of the config file)',
    environment: 'RINGKV_JOIN',
  },
  {
    flags: '--join-timeout <time>',
    description: 'how long a node without a cluster waits for them (default: 60s)',
    environment: 'RINGKV_JOIN_TIMEOUT',
  },
  {
    flags: '--tick <time>',
    description: "the unit of the node's time (default: 20ms)",
    environment: 'RINGKV_TICK',
  },
  {
    flags: '--election-timeout <time>',
    description: 'how long followers wait for a leader at least (default: 200ms)',
    environment: 'RINGKV_ELECTION_TIMEOUT',
  },
  {
    flags: '--cluster <id>',
    description: 'the only cluster that it may belong to (default: that of the config file)',
    environment: 'RINGKV_CLUSTER',
  },
  {
    flags: '--shards <n>',
    description: 'shards of a new cluster (default: 16); refused if an existing one has others',
    environment: 'RINGKV_SHARDS',
  },
  {
    flags: '--replicas <n>',
    description: 'replicas of each shard in a new cluster (default: 3); refused likewise',
    environment: 'RINGKV_REPLICAS',
  },
  {
    flags: '--value-bytes-max <n>',
    description: 'the largest value that it takes (default: 1048576)',
    environment: 'RINGKV_VALUE_BYTES_MAX',
  },
  {
    flags: '--secret-file <file>',
    description:
      'the secret that all nodes of the cluster share: without it, any process is a peer',
    environment: 'RINGKV_SECRET_FILE',
  },
  {
    flags: '--health-listen <address>',
    description: 'host:port where health and metrics answer too, however many clients there are',
    environment: 'RINGKV_HEALTH_LISTEN',
  },
  {
    flags: '--insecure',
    description: 'listen beyond loopback, where whoever reaches it reads and writes everything',
  },
  {
    flags: '--log-level <level>',
    description: 'what it tells on standard error (default: info)',
    choices: ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
    environment: 'RINGKV_LOG_LEVEL',
  },
];

const FORCE_OPTION: OptionSpec = {
  flags: '--force-new-cluster',
  description: 'with --init: begin one whatever the other nodes say; what they have stays theirs',
};

const LOCAL_OPTIONS: readonly OptionSpec[] = [CONFIG_OPTION];

export const CLUSTER_VERBS: readonly Verb[] = [
  {
    name: 'status',
    summary: 'how the cluster is; exit code 0 healthy, 1 degraded, 8 unavailable, 9 split',
    words: [],
    options: [],
    formats: ['table', 'json'],
    examples: ['kvctl status', 'kvctl status -o json'],
    isRemote: true,
    load: () => import('./commands/status.ts'),
  },
  {
    name: 'nodes',
    summary: 'the nodes of the cluster',
    words: [],
    options: [],
    formats: ['table', 'json', 'ndjson'],
    examples: ['kvctl nodes'],
    isRemote: true,
    load: () => import('./commands/nodes.ts'),
  },
  {
    name: 'node',
    summary: 'drain a node, take that back, or remove it from the cluster',
    words: [
      {
        form: '<action>',
        kind: 'command',
        description: 'drain, undrain or remove',
        choices: ['drain', 'undrain', 'remove'],
      },
      { form: '<node>', kind: 'number', description: 'its name or its number' },
    ],
    options: [
      { flags: '--force', description: 'remove it though shards will have fewer replicas' },
      { flags: '--wait', description: 'until it is done, as long as --timeout says (10m)' },
    ],
    formats: ['table', 'json'],
    details: `It is a goal that the catalog keeps: it goes on by itself, over restarts too,
and to say it twice is to say it once. kvctl status shows what moves.

drain    leadership goes to other nodes, and replicas where others have room
undrain  takes a drain back, or a removal that is not over
remove   replicas move first; then the node leaves the cluster, and ends if it
         runs. One that is down is replaced by what the others have. It is
         refused where data would be lost`,
    examples: [
      'kvctl node drain n2 --wait',
      'kvctl node undrain n2',
      'kvctl node remove 3',
      'kvctl node remove n3 --force -o json',
    ],
    isRemote: true,
    load: () => import('./commands/node.ts'),
  },
  {
    name: 'shards',
    summary: 'the shards: arcs, leaders, replicas',
    words: [],
    options: [],
    formats: ['table', 'json', 'ndjson'],
    examples: ['kvctl shards', 'kvctl shards -o ndjson'],
    isRemote: true,
    load: () => import('./commands/shards.ts'),
  },
  {
    name: 'ring',
    summary: 'where a key lies, and why there',
    words: [{ form: '<key>', kind: 'key', description: 'any key, there or not' }],
    options: ENCODING_OPTIONS,
    formats: ['table', 'json'],
    examples: ['kvctl ring user:7'],
    isRemote: true,
    load: () => import('./commands/ring.ts'),
  },
  {
    name: 'start',
    summary: 'run one node until it is told to stop',
    words: [],
    options: [
      {
        flags: '--init',
        description: 'begin a cluster, if the folder is new and no other node belongs to one',
      },
      FORCE_OPTION,
      ...NODE_OPTIONS,
    ],
    formats: [],
    examples: [
      'kvctl start --init --data ./n1',
      'kvctl start --data ./n2 --listen 127.0.0.1:7401 --join 127.0.0.1:7400',
      'kvctl start --config cluster.config.json --node n1',
    ],
    isRemote: false,
    load: () => import('./commands/start.ts'),
  },
  {
    name: 'init',
    summary: 'begin a cluster with this node: start --init',
    words: [],
    options: [FORCE_OPTION, ...NODE_OPTIONS],
    formats: [],
    examples: ['kvctl init --data ./n1 --shards 32'],
    isRemote: false,
    load: () => import('./commands/init.ts'),
  },
  {
    name: 'salvage',
    summary: 'save what is sound in a data folder that does not open any more',
    words: [{ form: '<folder>', kind: 'value', description: 'a data folder, or state.damaged-N' }],
    options: ENCODING_OPTIONS,
    formats: [],
    examples: ['kvctl salvage ./data > saved.ndjson', 'kvctl load saved.ndjson'],
    details: `Prints one line of JSON for each key, and tells on standard error which files
are damaged, which keys are lost and which shards are whole. Changes nothing in
the folder; no node may be running there. Exit code 1: something is lost, or it
is not known whether it is. Needs memory for all that is stored.`,
    isRemote: false,
    load: () => import('./commands/salvage.ts'),
  },
  {
    name: 'dev',
    summary: 'run the whole cluster of the config file, or three nodes, until Ctrl-C',
    words: [],
    options: LOCAL_OPTIONS,
    formats: [],
    examples: ['npx ringkv dev'],
    isRemote: false,
    load: () => import('./commands/dev.ts'),
  },
  {
    name: 'up',
    summary: 'the same in the background',
    words: [],
    options: LOCAL_OPTIONS,
    formats: [],
    examples: ['kvctl up'],
    isRemote: false,
    load: () => import('./commands/up.ts'),
  },
  {
    name: 'down',
    summary: 'stop what up started',
    words: [],
    options: LOCAL_OPTIONS,
    formats: [],
    examples: ['kvctl down'],
    isRemote: false,
    load: () => import('./commands/down.ts'),
  },
];
