/** Verbs for the cluster and its nodes. */

import { ENCRYPTION_OPTIONS, NEW_KEY_OPTIONS } from './encryption-options.ts';
import { HTTP_OPTIONS } from './http-options.ts';
import { ENCODING_OPTIONS, type OptionSpec, TLS_OPTIONS, type Verb } from './verb.ts';

const CONFIG_OPTION: OptionSpec = {
  flags: '--config <file>',
  description: 'config file (default: cluster.config.json, if it exists)',
  environment: 'RINGKV_CONFIG',
};

const NODE_OPTIONS: readonly OptionSpec[] = [
  CONFIG_OPTION,
  {
    flags: '--node <name>',
    description: 'name of this node in the config file',
    environment: 'RINGKV_NODE',
  },
  { flags: '--data <folder>', description: 'data folder of the node', environment: 'RINGKV_DATA' },
  {
    flags: '--listen <address>',
    description: 'host:port to listen on (default: 127.0.0.1:7400)',
    environment: 'RINGKV_LISTEN',
  },
  {
    flags: '--advertise-peer <address>',
    description: 'address for other nodes, if it differs from --listen',
    environment: 'RINGKV_ADVERTISE_PEER',
  },
  {
    flags: '--advertise-client <address>',
    description: 'address for clients, if it differs from --listen',
    environment: 'RINGKV_ADVERTISE_CLIENT',
  },
  {
    flags: '--weight <n>',
    description: 'capacity relative to the other nodes (default: 1)',
    environment: 'RINGKV_WEIGHT',
  },
  {
    flags: '--zone <name>',
    description: 'failure domain of the node: a rack, a building',
    environment: 'RINGKV_ZONE',
  },
  {
    flags: '--join <urls>',
    description: 'nodes to join or to found the cluster with (default: those of the config file)',
    environment: 'RINGKV_JOIN',
  },
  {
    flags: '--join-timeout <time>',
    description: 'how long a new node waits for the nodes of --join (default: 60s)',
    environment: 'RINGKV_JOIN_TIMEOUT',
  },
  {
    flags: '--tick <time>',
    description: "length of one tick, the unit of the node's timers (default: 20ms)",
    environment: 'RINGKV_TICK',
  },
  {
    flags: '--election-timeout <time>',
    description: 'minimum time without a leader before an election (default: 200ms)',
    environment: 'RINGKV_ELECTION_TIMEOUT',
  },
  {
    flags: '--cluster <id>',
    description: 'ID of the only cluster to join (default: that of the config file)',
    environment: 'RINGKV_CLUSTER',
  },
  {
    flags: '--shards <n>',
    description: 'number of shards of a new cluster (default: 16); must match an existing cluster',
    environment: 'RINGKV_SHARDS',
  },
  {
    flags: '--replicas <n>',
    description: 'replicas per shard of a new cluster (default: 3); must match an existing cluster',
    environment: 'RINGKV_REPLICAS',
  },
  {
    flags: '--value-bytes-max <n>',
    description: 'maximum size of a value in bytes (default: 1048576)',
    environment: 'RINGKV_VALUE_BYTES_MAX',
  },
  {
    flags: '--history-bytes-max <n>',
    description: 'memory in bytes for the changes that watches continue from (default: 67108864)',
    environment: 'RINGKV_HISTORY_BYTES_MAX',
  },
  {
    flags: '--leaders <how>',
    description: 'one node leads while it has time to spare, or all nodes do (default: gathered)',
    choices: ['gathered', 'spread'],
    environment: 'RINGKV_LEADERS',
  },
  {
    flags: '--secret-file <file>',
    description:
      'secret shared by all nodes of the cluster; without it, peers are not authenticated',
    environment: 'RINGKV_SECRET_FILE',
  },
  ...ENCRYPTION_OPTIONS,
  {
    flags: '--audit',
    description: 'keep an audit trail in the data folder (default: that of the config file)',
  },
  {
    flags: '--audit-folder <folder>',
    description: 'keep the audit trail in this folder',
    environment: 'RINGKV_AUDIT_FOLDER',
  },
  {
    flags: '--audit-fail-closed',
    description: 'refuse what has to be audited while the audit trail cannot be written',
  },
  {
    flags: '--health-listen <address>',
    description: 'extra host:port for health and metrics, independent of client connections',
    environment: 'RINGKV_HEALTH_LISTEN',
  },
  ...HTTP_OPTIONS,
  {
    flags: '--insecure',
    description:
      'listen beyond loopback without TLS: any client of the port can read and write all data',
  },
  ...TLS_OPTIONS,
  {
    flags: '--tls-clients <whether>',
    description:
      'whether clients have to present a certificate (default: required beyond loopback)',
    choices: ['required', 'optional'],
    environment: 'RINGKV_TLS_CLIENTS',
  },
  {
    flags: '--log-level <level>',
    description: 'minimum level of log lines on standard error (default: info)',
    choices: ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
    environment: 'RINGKV_LOG_LEVEL',
  },
];

const CERTIFICATE_OPTIONS: readonly OptionSpec[] = [
  {
    flags: '--certs <folder>',
    description: 'folder of the certificates (default: certs beside the config file)',
    environment: 'RINGKV_CERTS',
  },
  { flags: '--days <count>', description: 'days for which certificates are valid (default: 365)' },
  {
    flags: '--hosts <hosts>',
    description: 'host names and addresses of a new node, comma-separated',
  },
];

const FORCE_OPTION: OptionSpec = {
  flags: '--force-new-cluster',
  description:
    'with --init: found a new cluster without asking other nodes; their data stay theirs',
};

const LOCAL_OPTIONS: readonly OptionSpec[] = [CONFIG_OPTION];

export const CLUSTER_VERBS: readonly Verb[] = [
  {
    name: 'status',
    summary:
      'show the health of the cluster; exit code 0 healthy, 1 degraded, 8 unavailable, 9 split',
    words: [],
    options: [],
    formats: ['table', 'json'],
    examples: ['kvctl status', 'kvctl status -o json'],
    isRemote: true,
    load: () => import('./commands/status.ts'),
  },
  {
    name: 'nodes',
    summary: 'list the nodes of the cluster',
    words: [],
    options: [],
    formats: ['table', 'json', 'ndjson'],
    examples: ['kvctl nodes'],
    isRemote: true,
    load: () => import('./commands/nodes.ts'),
  },
  {
    name: 'node',
    summary: 'drain or remove a node, or let a new one have its key signed',
    words: [
      {
        form: '<action>',
        kind: 'command',
        description: 'drain, undrain, remove or join-token',
        choices: ['drain', 'undrain', 'remove', 'join-token'],
      },
      { form: '<node>', kind: 'number', description: 'name or number of the node' },
    ],
    options: [
      { flags: '--force', description: 'remove the node even if shards will have fewer replicas' },
      { flags: '--wait', description: 'wait until it is done, at most --timeout (default: 10m)' },
      ...CERTIFICATE_OPTIONS,
      {
        flags: '--listen <address>',
        description: 'join-token: host:port at which newcomers reach this kvctl',
      },
    ],
    formats: ['table', 'json'],
    details: `The catalog stores the request as a goal, and the cluster works toward it, also
after restarts. Repeating the command has no further effect. kvctl status shows
the progress.

drain    moves leadership to other nodes, and replicas to nodes with free quota
undrain  cancels a drain, or a removal that is still in progress
remove   moves the replicas, then removes the node from the cluster; its process
         exits. The replicas of a node that is down are rebuilt from the other
         replicas. Refused if data would be lost
join-token  prints a token and waits, at most --timeout (default: 10m), until a new
         node has had its key signed with it once (kvctl cert join). It runs where
         the authority is; the token is a secret`,
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
    summary: 'list the shards: arcs, leaders, replicas',
    words: [],
    options: [],
    formats: ['table', 'json', 'ndjson'],
    examples: ['kvctl shards', 'kvctl shards -o ndjson'],
    isRemote: true,
    load: () => import('./commands/shards.ts'),
  },
  {
    name: 'ring',
    summary: 'show which shard and nodes store a key, and why',
    words: [{ form: '<key>', kind: 'key', description: 'any key; it need not exist' }],
    options: ENCODING_OPTIONS,
    formats: ['table', 'json'],
    examples: ['kvctl ring user:7'],
    isRemote: true,
    load: () => import('./commands/ring.ts'),
  },
  {
    name: 'start',
    summary: 'run one node in the foreground until SIGINT or SIGTERM',
    words: [],
    options: [
      {
        flags: '--init',
        description: 'found a cluster if the data folder is empty and no other node has a cluster',
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
    summary: 'found a cluster with this node (same as start --init)',
    words: [],
    options: [
      FORCE_OPTION,
      ...NODE_OPTIONS,
      {
        flags: '--secure',
        description: 'make an authority and certificates for the nodes of the config file',
      },
      { flags: '--name <cluster>', description: 'with --secure: name of the cluster' },
      ...CERTIFICATE_OPTIONS.filter(({ flags }) => !flags.startsWith('--hosts')),
    ],
    formats: [],
    details: `With --secure no node is started: kvctl makes an authority, certificates of all
nodes of the config file and one for kvctl, and adds tls to the file. What exists
stays as it is.`,
    examples: ['kvctl init --data ./n1 --shards 32', 'kvctl init --secure --name shop'],
    isRemote: false,
    load: () => import('./commands/init.ts'),
  },
  {
    name: 'cert',
    summary: 'list, renew and make certificates of the cluster',
    words: [
      {
        form: '<action>',
        kind: 'command',
        description: 'ls, renew, node, client or join',
        choices: ['ls', 'renew', 'node', 'client', 'join'],
      },
      { form: '[names...]', kind: 'value', description: 'names of nodes and clients' },
    ],
    options: [
      CONFIG_OPTION,
      ...CERTIFICATE_OPTIONS,
      { flags: '--new-key', description: 'renew: with a new key' },
      { flags: '--user <name>', description: 'client: the user of the cluster that it is' },
      { flags: '--token-file <file>', description: 'join: the token (default: standard input)' },
    ],
    formats: ['table', 'json', 'ndjson'],
    details: `ls      lists the certificates in the folder, and when they expire
renew   signs them anew, all but the authority, or those that are named
node    makes the certificate of one more node; --hosts names its addresses
client  makes the certificate of a client; with --user it needs no token
join    makes a key here and has it signed by a token of kvctl node join-token`,
    examples: [
      'kvctl cert ls',
      'kvctl cert renew n1 --days 90',
      'kvctl cert client app --user app',
    ],
    isRemote: false,
    load: () => import('./commands/cert.ts'),
  },
  {
    name: 'salvage',
    summary: 'recover the intact data of a damaged data folder',
    words: [{ form: '<folder>', kind: 'value', description: 'a data folder, or state.damaged-N' }],
    options: [...ENCODING_OPTIONS, ...ENCRYPTION_OPTIONS],
    formats: [],
    examples: ['kvctl salvage ./data > saved.ndjson', 'kvctl load saved.ndjson'],
    details: `Prints one line of JSON per key. Standard error lists damaged files, lost keys
and intact shards. Does not change the folder; stop the node first. Exit code 1
means that data are lost or may be lost. Needs memory for all stored data.`,
    isRemote: false,
    load: () => import('./commands/salvage.ts'),
  },
  {
    name: 'encryption',
    summary: 'change the keys of an encrypted data folder',
    words: [
      {
        form: '<action>',
        kind: 'command',
        description: 'rewrap or rotate',
        choices: ['rewrap', 'rotate'],
      },
      { form: '<folder>', kind: 'value', description: 'the data folder of a node' },
    ],
    options: [...ENCRYPTION_OPTIONS, ...NEW_KEY_OPTIONS],
    formats: [],
    examples: [
      'kvctl encryption rewrap ./n1 --encryption-key-file old.key --new-key-file new.key',
      'kvctl encryption rotate ./n1 --encryption-key-file ringkv.key',
    ],
    details: `The data of a folder are encrypted with data keys, which the files keys and
keys.copy of the folder contain, wrapped with the key of the operator.

rewrap  wraps the data keys with another key, also while the node runs; the next
        start needs the new key
rotate  adds a data key, which the node uses for what it writes after its next
        start; older data stay readable`,
    isRemote: false,
    load: () => import('./commands/encryption.ts'),
  },
  {
    name: 'dev',
    summary: 'run a local cluster (the config file, or three nodes) until Ctrl-C',
    words: [],
    options: LOCAL_OPTIONS,
    formats: [],
    examples: ['npx ringkv dev'],
    isRemote: false,
    load: () => import('./commands/dev.ts'),
  },
  {
    name: 'up',
    summary: 'start the local cluster in the background',
    words: [],
    options: LOCAL_OPTIONS,
    formats: [],
    examples: ['kvctl up'],
    isRemote: false,
    load: () => import('./commands/up.ts'),
  },
  {
    name: 'down',
    summary: 'stop the local cluster that up started',
    words: [],
    options: LOCAL_OPTIONS,
    formats: [],
    examples: ['kvctl down'],
    isRemote: false,
    load: () => import('./commands/down.ts'),
  },
];
