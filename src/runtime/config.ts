/** `cluster.config.json`: its schema and its validation, which reports all faults at once. */

import { normalize } from 'node:path';
import { KEY_VERBS, type KeyVerb } from '../access/role.ts';
import { AUDIT_LIMITS } from '../audit/limits.ts';
import type { AuditRule } from '../audit/policy.ts';
import { CATALOG_LIMITS, MACHINE_LIMITS, REQUEST_LIMITS } from '../base/limits.ts';
import { faultOfTiming, TIMING_BOUNDS, TIMING_DEFAULT, type Timing } from '../base/timing.ts';
import { WATCH_LIMITS } from '../base/watch-limits.ts';
import type { KeySource } from '../storage/sealing/key-source.ts';
import type { AuditOptions } from './auditing.ts';
import { isClusterId } from './cluster-id.ts';
import {
  type ConfigCheck,
  type Faults,
  fieldsOf,
  isFlag,
  listOf,
  matching,
  optional,
  shortText,
  visibleText,
  wholeNumber,
} from './config-checks.ts';
import { isListenAddress, isOrigin, isReachableAddress, urlOf } from './listen-address.ts';

export interface ClusterConfig {
  /** The ID of the only cluster to join or use, or empty. If set, no cluster is founded. */
  readonly cluster: string;
  /** The file with the cluster secret, relative to the folder of the config file, or empty. */
  readonly secretFile: string;
  /** Encrypts the data folders: where their key comes from. A file is relative as `secretFile`. */
  readonly encryption: KeySource | undefined;
  readonly settings: { readonly shards: number; readonly replicas: number };
  /** At least one node. The first one founds the cluster. */
  readonly nodes: readonly NodeConfig[];
  readonly limits: {
    readonly valueBytesMax: number;
    /** Memory of a node for the changes that watches continue from. */
    readonly historyBytesMax: number;
  };
  readonly timing: Timing;
  /** Whether leaders gather on one node while it has time to spare, or are always spread. */
  readonly leaders: 'gathered' | 'spread';
  /**
   * Undefined: nothing is audited. The folder is relative as `secretFile`; each node has one of its
   * name in it.
   */
  readonly audit: AuditOptions | undefined;
  /** Undefined: the cluster is plain. */
  readonly tls: TlsConfig | undefined;
  readonly http: HttpConfig;
}

/** Who may ask the nodes by HTTP, and by WebSockets of web pages. */
interface HttpConfig {
  /** Origins of web pages that may use the nodes. */
  readonly origins: readonly string[];
  /** The file with the token for metrics, relative to the folder of the config file, or empty. */
  readonly metricsTokenFile: string;
  /** The ports of the nodes have no metrics, and tell nodes alone of which cluster they are. */
  readonly isPortPrivate: boolean;
}

/** Paths of PEM files, relative to the folder of the config file. */
interface TlsConfig {
  /** The authorities that sign the certificates of nodes and clients. */
  readonly ca: string;
  /** What `kvctl` presents. */
  readonly cert: string | undefined;
  readonly key: string | undefined;
  /** Whether clients have to present a certificate; by default beyond loopback only. */
  readonly clients: 'required' | 'optional' | undefined;
}

export interface NodeConfig {
  /** Its display name; the cluster assigns node numbers itself. */
  readonly name: string;
  /** Its data folder, relative to the folder of the config file. */
  readonly data: string;
  readonly listen: string;
  /** Its addresses for others, if they differ from `listen`. */
  readonly advertise: { readonly peerUrl?: string; readonly clientUrl?: string };
  readonly weight: number;
  readonly zone: string;
  /** Permits listening beyond loopback without TLS: every client can read and write all data. */
  readonly isInsecureAllowed: boolean;
  /** Its certificate and the key, in a cluster with TLS. */
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
}

type ConfigResult =
  | { readonly type: 'config'; readonly config: ClusterConfig }
  /** One line per fault: the field, the actual and the allowed value. */
  | { readonly type: 'faulty'; readonly faults: readonly string[] };

export const DEFAULT_SETTINGS = { shards: 16, replicas: 3 } as const;

/** Never throws. */
export function parseConfig(text: string): ConfigResult {
  let value: unknown;
  try {
    // Some editors write a byte order mark.
    value = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    return { type: 'faulty', faults: [`the file is not JSON: ${(error as Error).message}`] };
  }
  return checkConfig(value);
}

/** Never throws. */
export function checkConfig(value: unknown): ConfigResult {
  const faults: Faults = [];
  const config = checkCluster(value, '', faults);
  if (faults.length === 0) findTwins(config.nodes, faults);
  if (faults.length === 0) findHalfSecured(config, faults);
  return faults.length === 0 ? { type: 'config', config } : { type: 'faulty', faults };
}

const NODE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const DATA_CHARACTERS_MAX = 1024;
const WEIGHT_MAX = 65_536;

const checkSettings: ConfigCheck<ClusterConfig['settings']> = (value, path, faults) => {
  const field = fieldsOf(value, path, faults, ['shards', 'replicas']);
  const { shardsMax, replicasMax } = CATALOG_LIMITS;
  const shards = optional(wholeNumber(1, shardsMax), DEFAULT_SETTINGS.shards);
  const replicas = optional(wholeNumber(1, replicasMax), DEFAULT_SETTINGS.replicas);
  return { shards: field('shards', shards), replicas: field('replicas', replicas) };
};

const checkLimits: ConfigCheck<ClusterConfig['limits']> = (value, path, faults) => {
  const field = fieldsOf(value, path, faults, ['valueBytesMax', 'historyBytesMax']);
  const { valueBytesMax, valueBytesDefault } = MACHINE_LIMITS;
  const bytes = optional(wholeNumber(1, valueBytesMax), valueBytesDefault);
  const { historyBytesMax, historyBytesDefault } = WATCH_LIMITS;
  const history = optional(wholeNumber(0, historyBytesMax), historyBytesDefault);
  return {
    valueBytesMax: field('valueBytesMax', bytes),
    historyBytesMax: field('historyBytesMax', history),
  };
};

const checkTiming: ConfigCheck<Timing> = (value, path, faults) => {
  const names = ['tickMilliseconds', 'electionMilliseconds', 'electionMillisecondsMax'] as const;
  const field = fieldsOf(value, path, faults, names);
  const take = (name: (typeof names)[number]) => {
    const { min, max } = TIMING_BOUNDS[name];
    return field(name, optional(wholeNumber(min, max), TIMING_DEFAULT[name]));
  };
  const timing = {
    tickMilliseconds: take('tickMilliseconds'),
    electionMilliseconds: take('electionMilliseconds'),
    electionMillisecondsMax: take('electionMillisecondsMax'),
  };
  const fault = faultOfTiming(timing);
  if (fault !== undefined) faults.push(`${path}.${fault}`);
  return timing;
};

const listenAddress = matching(isListenAddress, '"host:port" with a port from 1 to 65535');
const reachable = matching(isReachableAddress, '"host:port", or a URL that begins with ws://');

const checkAdvertise: ConfigCheck<NodeConfig['advertise']> = (value, path, faults) => {
  if (typeof value === 'string') {
    const url = urlOf(reachable(value, path, faults));
    return { peerUrl: url, clientUrl: url };
  }
  const field = fieldsOf(value, path, faults, ['peer', 'client']);
  const peer = field('peer', optional(reachable, undefined));
  const client = field('client', optional(reachable, undefined));
  return {
    ...(peer === undefined ? {} : { peerUrl: urlOf(peer) }),
    ...(client === undefined ? {} : { clientUrl: urlOf(client) }),
  };
};

const clusterId = matching(
  isClusterId,
  'the ID that `kvctl status` shows: 1 to 64 visible characters',
);

const pemPath = shortText(1, DATA_CHARACTERS_MAX);

const checkNodeTls: ConfigCheck<NodeConfig['tls']> = (value, path, faults) => {
  const field = fieldsOf(value, path, faults, ['cert', 'key']);
  return { cert: field('cert', pemPath), key: field('key', pemPath) };
};

const checkLeaders = matching(
  (text) => text === 'gathered' || text === 'spread',
  '"gathered" or "spread"',
);

const checkTls: ConfigCheck<ClusterConfig['tls']> = (value, path, faults) => {
  const field = fieldsOf(value, path, faults, ['ca', 'cert', 'key', 'clients']);
  const whether = matching(
    (text) => text === 'required' || text === 'optional',
    '"required" or "optional"',
  );
  const clients = field('clients', optional(whether, undefined));
  return {
    ca: field('ca', pemPath),
    cert: field('cert', optional(pemPath, undefined)),
    key: field('key', optional(pemPath, undefined)),
    clients: clients as 'required' | 'optional' | undefined,
  };
};

const NODE_FIELDS = [
  ...(['name', 'data', 'listen', 'advertise', 'weight', 'zone', 'insecure'] as const),
  'tls',
] as const;

const checkNode: ConfigCheck<NodeConfig> = (value, path, faults) => {
  const field = fieldsOf(value, path, faults, NODE_FIELDS);
  const named = matching(
    (text) => NODE_NAME.test(text),
    '1 to 64 letters, digits, dots, dashes or underscores',
  );
  return {
    name: field('name', named),
    data: field('data', shortText(1, DATA_CHARACTERS_MAX)),
    listen: field('listen', listenAddress),
    advertise: field('advertise', optional(checkAdvertise, {})),
    weight: field('weight', optional(wholeNumber(0, WEIGHT_MAX), 1)),
    zone: field('zone', optional(visibleText(0, CATALOG_LIMITS.zoneBytesMax), '')),
    isInsecureAllowed: field('insecure', optional(isFlag, false)),
    tls: field('tls', optional(checkNodeTls, undefined)),
  };
};

const KEY_FIELDS = ['keyFile', 'keyCommand', 'keyEnv'] as const;

const checkEncryption: ConfigCheck<KeySource | undefined> = (value, path, faults) => {
  const field = fieldsOf(value, path, faults, KEY_FIELDS);
  const named = optional(shortText(1, DATA_CHARACTERS_MAX), undefined);
  const keyFile = field('keyFile', named);
  const keyCommand = field('keyCommand', named);
  const keyEnv = field('keyEnv', named);
  const given = [keyFile, keyCommand, keyEnv].filter((one) => one !== undefined);
  if (given.length !== 1) {
    faults.push(`${path} names ${given.length} keys, must name one of ${KEY_FIELDS.join(', ')}`);
  }
  if (keyFile !== undefined) return { keyFile };
  if (keyCommand !== undefined) return { keyCommand };
  return keyEnv === undefined ? undefined : { keyEnv };
};

const AUDIT_FIELDS = [
  'folder',
  'bytesMax',
  'fileBytesMax',
  'syncMilliseconds',
  'failClosed',
  'data',
] as const;

const checkVerb = matching(
  (text) => KEY_VERBS.some((verb) => verb === text),
  `one of ${KEY_VERBS.join(', ')}`,
);

const checkRule: ConfigCheck<AuditRule> = (value, path, faults) => {
  const field = fieldsOf(value, path, faults, ['prefix', 'verbs']);
  const verbs = listOf(checkVerb, { lengthMin: 1, lengthMax: KEY_VERBS.length });
  return {
    prefix: new TextEncoder().encode(field('prefix', shortText(0, REQUEST_LIMITS.keyBytesMax))),
    verbs: field('verbs', optional(verbs, KEY_VERBS)) as readonly KeyVerb[],
  };
};

const checkAudit: ConfigCheck<ClusterConfig['audit']> = (value, path, faults) => {
  const field = fieldsOf(value, path, faults, AUDIT_FIELDS);
  const { bytesMin, bytesMax, fileBytesMin, fileBytesMax } = AUDIT_LIMITS;
  const { bytesDefault, fileBytesDefault, rulesMax, syncMillisecondsMax } = AUDIT_LIMITS;
  const rules = listOf(checkRule, { lengthMin: 0, lengthMax: rulesMax });
  const sync = wholeNumber(0, syncMillisecondsMax);
  const whole = field('bytesMax', optional(wholeNumber(bytesMin, bytesMax), bytesDefault));
  const fileDefault = Math.min(fileBytesDefault, Math.floor(whole / 4));
  const file = field(
    'fileBytesMax',
    optional(wholeNumber(fileBytesMin, fileBytesMax), fileDefault),
  );
  if (file * 4 > whole) {
    faults.push(
      `${path}.fileBytesMax is ${file}, must be a quarter of bytesMax (${whole}) or less`,
    );
  }
  return {
    folder: field('folder', optional(shortText(1, DATA_CHARACTERS_MAX), undefined)),
    bytesMax: whole,
    fileBytesMax: file,
    syncMilliseconds: field('syncMilliseconds', optional(sync, undefined)),
    isFailClosed: field('failClosed', optional(isFlag, false)),
    rules: field('data', optional(rules, [])),
  };
};

const ORIGINS_MAX = 64;

const checkHttp: ConfigCheck<HttpConfig> = (value, path, faults) => {
  const field = fieldsOf(value, path, faults, ['origins', 'metricsTokenFile', 'privatePort']);
  const origin = matching(isOrigin, 'an origin as browsers send it, such as "https://app.example"');
  const origins = listOf(origin, { lengthMin: 0, lengthMax: ORIGINS_MAX });
  return {
    origins: field('origins', optional(origins, [])),
    metricsTokenFile: field('metricsTokenFile', optional(shortText(1, DATA_CHARACTERS_MAX), '')),
    isPortPrivate: field('privatePort', optional(isFlag, false)),
  };
};

const CLUSTER_FIELDS = [
  'cluster',
  'secretFile',
  'encryption',
  'settings',
  'nodes',
  'limits',
  'timing',
  'leaders',
  'audit',
  'tls',
  'http',
] as const;

const checkCluster: ConfigCheck<ClusterConfig> = (value, path, faults) => {
  const field = fieldsOf(value, path, faults, CLUSTER_FIELDS);
  const empty: Faults = [];
  return {
    cluster: field('cluster', optional(clusterId, '')),
    secretFile: field('secretFile', optional(shortText(1, DATA_CHARACTERS_MAX), '')),
    encryption: field('encryption', optional(checkEncryption, undefined)),
    settings: field('settings', optional(checkSettings, checkSettings({}, '', empty))),
    nodes: field('nodes', listOf(checkNode, { lengthMin: 1, lengthMax: CATALOG_LIMITS.nodesMax })),
    limits: field('limits', optional(checkLimits, checkLimits({}, '', empty))),
    timing: field('timing', optional(checkTiming, TIMING_DEFAULT)),
    leaders: field('leaders', optional(checkLeaders, 'gathered')) as ClusterConfig['leaders'],
    audit: field('audit', optional(checkAudit, undefined)),
    tls: field('tls', optional(checkTls, undefined)),
    http: field('http', optional(checkHttp, checkHttp({}, '', empty))),
  };
};

/** Names, folders and addresses are unique, and no data folder contains another. */
function findTwins(nodes: readonly NodeConfig[], faults: Faults): void {
  const spelledAs = {
    name: ({ name }: NodeConfig) => name.toLowerCase(),
    data: ({ data }: NodeConfig) => plainPath(data),
    listen: ({ listen }: NodeConfig) => listen.toLowerCase().replace(/^localhost:/, '127.0.0.1:'),
  };
  for (const field of ['name', 'data', 'listen'] as const) {
    const seen = new Map<string, number>();
    for (const [at, node] of nodes.entries()) {
      const spelled = spelledAs[field](node);
      const first = seen.get(spelled);
      if (first === undefined) seen.set(spelled, at);
      else {
        const given = JSON.stringify(node[field]);
        const other = `nodes[${first}].${field}`;
        faults.push(
          `nodes[${at}].${field} is ${given}, the same as ${other}: each node needs its own`,
        );
      }
    }
  }
  findNested(nodes, faults);
}

/** Nodes with and without TLS cannot talk to each other. */
function findHalfSecured({ tls, nodes }: ClusterConfig, faults: Faults): void {
  for (const [at, node] of nodes.entries()) {
    if (tls === undefined && node.tls !== undefined) {
      faults.push(`nodes[${at}].tls is set, but tls of the cluster is missing, must have a ca`);
    } else if (tls !== undefined && node.tls === undefined) {
      faults.push(`nodes[${at}].tls is missing, must be an object with cert, key: tls is set`);
    }
  }
}

function findNested(nodes: readonly NodeConfig[], faults: Faults): void {
  for (const [at, { data }] of nodes.entries()) {
    const outer = nodes.findIndex((node) => plainPath(data).startsWith(`${plainPath(node.data)}/`));
    if (outer < 0) continue;
    const given = JSON.stringify(data);
    faults.push(
      `nodes[${at}].data is ${given}, inside nodes[${outer}].data: each node needs its own folder`,
    );
  }
}

/** Normalizes a path: `./data//n1/`, `data/n0/../n1` and `data/n1` are the same folder. */
function plainPath(path: string): string {
  return normalize(path).replace(/(?<=.)\/+$/, '');
}
