/** Options of `start`: flags override the environment, then the config file, then defaults. */

import { join, resolve } from 'node:path';
import { faultOfTiming, TIMING_BOUNDS, TIMING_DEFAULT, type Timing } from '../src/base/timing.ts';
import { WATCH_LIMITS } from '../src/base/watch-limits.ts';
import { DEFAULT_SETTINGS } from '../src/runtime/config.ts';
import {
  isListenAddress,
  isReachableAddress,
  parseHostAndPort,
  urlOf,
} from '../src/runtime/listen-address.ts';
import type { NodeOptions } from '../src/runtime/node.ts';
import type { Options } from './call.ts';
import {
  type ConfigFile,
  clientUrlOf,
  configOrDefault,
  dataPathOf,
  nodeNamed,
} from './config-file.ts';
import { encryptionOf } from './encryption-options.ts';
import { usageFailure } from './failure.ts';
import { httpOptionsOf } from './http-options.ts';
import { clusterOption, countOption, durationOption, textOption } from './options.ts';
import { secretOf } from './secret-file.ts';
import { nodeTlsOf, place, type TlsPaths, tlsPathsOf } from './tls-files.ts';

const LISTEN = '127.0.0.1:7400';
const DATA = 'ringkv-data';
const VALUE_BYTES_DEFAULT = 1024 * 1024;
const VALUE_BYTES_MAX = 16 * 1024 * 1024;

export function nodeOptionsOf(options: Options): NodeOptions {
  const name = textOption(options, 'node');
  const file = name === undefined ? undefined : configOrDefault(options);
  const base =
    file === undefined || name === undefined ? plainNode(options) : nodeOfFile(file, name);
  const { valueBytesMax, historyBytesMax } = base;
  const given = (flag: string) => textOption(options, flag);
  const peer = given('advertisePeer');
  const client = given('advertiseClient');
  const bytes = { min: 1, max: VALUE_BYTES_MAX };
  const history = { min: 0, max: WATCH_LIMITS.historyBytesMax };
  return {
    ...base,
    folder: given('data') ?? base.folder,
    listen: listenOf(given('listen')) ?? base.listen,
    advertise: {
      ...base.advertise,
      ...(peer === undefined ? {} : { peerUrl: reachable(peer) }),
      ...(client === undefined ? {} : { clientUrl: reachable(client) }),
    },
    weight: countOption(options, 'weight', { min: 0, max: 65_536 }) ?? base.weight,
    zone: given('zone') ?? base.zone,
    isInsecureAllowed: options.insecure === true || base.isInsecureAllowed,
    valueBytesMax: countOption(options, 'valueBytesMax', bytes) ?? valueBytesMax,
    historyBytesMax: countOption(options, 'historyBytesMax', history) ?? historyBytesMax,
    leaders: (given('leaders') ?? base.leaders) as NodeOptions['leaders'],
    timing: timingOf(options, base.timing),
    ...membershipOf(options, base),
    tls: tlsOf(options, base.paths),
    secret: secretOf(options, file),
    encryption: encryptionOf(options, file),
    audit: auditOf(options, base.audit),
    ...httpOptionsOf(options, file),
    healthListen: listenOf(given('healthListen'), '--health-listen'),
    logLevel: given('logLevel') ?? 'info',
  };
}

type Base = Omit<NodeOptions, 'init' | 'logLevel' | 'tls'> & {
  /** The files that the config file names for TLS. */
  readonly paths?: Partial<TlsPaths> & { readonly clients?: 'required' | 'optional' | undefined };
  readonly settings: { readonly shards: number; readonly replicas: number };
};

/** By default clients need a certificate beyond loopback. */
function tlsOf(options: Options, configured: Base['paths']): NodeOptions['tls'] {
  const read = nodeTlsOf(tlsPathsOf(options, configured));
  const clients = textOption(options, 'tlsClients') ?? configured?.clients;
  if (read === undefined) return undefined;
  return { read, ...(clients === undefined ? {} : { isClientCertified: clients === 'required' }) };
}

/** Flags switch it on, and never off what the config file has. */
function auditOf(options: Options, configured: NodeOptions['audit']): NodeOptions['audit'] {
  const isFailClosed = options.auditFailClosed === true;
  const folder = textOption(options, 'auditFolder');
  const isWanted = isFailClosed || options.audit === true || folder !== undefined;
  if (!isWanted) return configured;
  return {
    rules: [],
    ...configured,
    ...(folder === undefined ? {} : { folder: resolve(folder) }),
    isFailClosed: isFailClosed || configured?.isFailClosed === true,
  };
}

/** Checks the bounds of each time, and that they are consistent. */
function timingOf(options: Options, timing: Timing = TIMING_DEFAULT): Timing {
  const taken = {
    tickMilliseconds: durationOption(options, 'tick') ?? timing.tickMilliseconds,
    electionMilliseconds: durationOption(options, 'electionTimeout') ?? timing.electionMilliseconds,
    electionMillisecondsMax: timing.electionMillisecondsMax,
  };
  for (const name of ['tickMilliseconds', 'electionMilliseconds'] as const) {
    const { min, max } = TIMING_BOUNDS[name];
    if (taken[name] >= min && taken[name] <= max) continue;
    const flag = name === 'tickMilliseconds' ? '--tick' : '--election-timeout';
    throw usageFailure(`${flag} is ${taken[name]}ms`, `use ${min}ms to ${max}ms`);
  }
  const fault = faultOfTiming(taken);
  if (fault === undefined) return taken;
  throw usageFailure(fault, 'change --tick or --election-timeout, or timing in the config file');
}

/** The cluster to join or found, and the nodes to contact. */
function membershipOf(options: Options, { join, settings, cluster }: Base) {
  const given = textOption(options, 'join');
  const wanted = wantedOf(options);
  const isForced = options.forceNewCluster === true;
  if (isForced && options.init !== true) {
    throw usageFailure(
      '--force-new-cluster requires --init',
      'use both to found a new cluster without asking the other nodes',
    );
  }
  return {
    init: options.init === true ? { ...settings, ...wanted } : undefined,
    isNewClusterForced: isForced,
    join: given?.split(',').map(reachable) ?? join,
    isJoinGiven: given !== undefined,
    joinMilliseconds: durationOption(options, 'joinTimeout'),
    cluster: clusterOption(options) ?? cluster,
    wanted,
  };
}

/** The node of the config file that the call names. */
function wantedOf(options: Options) {
  const shards = countOption(options, 'shards', { min: 1, max: 1024 });
  const replicas = countOption(options, 'replicas', { min: 1, max: 7 });
  return {
    ...(shards === undefined ? {} : { shards }),
    ...(replicas === undefined ? {} : { replicas }),
  };
}

function plainNode(options: Options): Base {
  if (textOption(options, 'config') !== undefined) {
    throw usageFailure(
      'the config file is set, but --node is missing',
      'name the node of the file to run: --node n1',
    );
  }
  return {
    folder: DATA,
    listen: listenOf(LISTEN) ?? { host: '127.0.0.1', port: 7400 },
    name: '',
    advertise: {},
    weight: 1,
    zone: '',
    isInsecureAllowed: false,
    valueBytesMax: VALUE_BYTES_DEFAULT,
    join: [],
    cluster: '',
    settings: DEFAULT_SETTINGS,
  };
}

/** The other nodes of the file are the join addresses. */
function nodeOfFile(file: ConfigFile, name: string): Base {
  const node = nodeNamed(file, name);
  const { settings, limits, timing, leaders, nodes, tls, audit } = file.config;
  const { advertise, weight, zone, isInsecureAllowed } = node;
  return {
    folder: dataPathOf(file, node),
    listen: listenOf(node.listen) ?? { host: '127.0.0.1', port: 7400 },
    name: node.name,
    advertise,
    weight,
    zone,
    isInsecureAllowed,
    valueBytesMax: limits.valueBytesMax,
    historyBytesMax: limits.historyBytesMax,
    timing,
    leaders,
    join: nodes.filter((other) => other !== node).map(clientUrlOf),
    cluster: file.config.cluster,
    settings,
    audit: audit && {
      ...audit,
      folder: audit.folder && join(place(file.folder, audit.folder), node.name),
    },
    paths: {
      ...(tls && { ca: place(file.folder, tls.ca), clients: tls.clients }),
      ...(node.tls && {
        cert: place(file.folder, node.tls.cert),
        key: place(file.folder, node.tls.key),
      }),
    },
  };
}

function listenOf(text: string | undefined, flag = '--listen'): NodeOptions['listen'] | undefined {
  if (text === undefined) return undefined;
  const address = isListenAddress(text) ? parseHostAndPort(text) : undefined;
  if (address !== undefined) return address;
  throw usageFailure(
    `${flag} is ${JSON.stringify(text)}`,
    'use host:port with a port from 1 to 65535',
  );
}

/** Accepts `kv://host:port`, the form that clients use. */
function reachable(text: string): string {
  const address = text
    .trim()
    .replace(/^kvs:/, 'wss:')
    .replace(/^kv:\/\//, '');
  if (isReachableAddress(address)) return urlOf(address);
  throw usageFailure(
    `${JSON.stringify(text)} is not the address of a node`,
    'use host:port, kv://host:port or ws://host:port',
  );
}
