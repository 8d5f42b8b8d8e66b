/** `kvctl init --secure`: an authority, certificates for the nodes of the file and for kvctl. */

import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { isClusterName } from '../src/certificates/node-name.ts';
import type { NodeConfig } from '../src/runtime/config.ts';
import { parseHostAndPort } from '../src/runtime/listen-address.ts';
import type { Options } from './call.ts';
import { CertificateFolder } from './certificate-folder.ts';
import { type ConfigFile, configOrDefault, rawConfigOf } from './config-file.ts';
import { usageFailure } from './failure.ts';
import { countOption, textOption } from './options.ts';

const CLUSTER = 'ringkv';
const FOLDER = 'certs';
const FILE = 'cluster.config.json';
const DAYS = 365;
const DAYS_MAX = 3650;
/** What kvctl presents. */
const OPERATOR = 'admin';
const EVERY_ADDRESS: ReadonlySet<string> = new Set(['0.0.0.0', '::']);

interface Secured {
  readonly folder: CertificateFolder;
  readonly made: readonly string[];
  /** The config file, if it was given its part of TLS now. */
  readonly written: string | undefined;
}

export function certificateDays(options: Options): number {
  return countOption(options, 'days', { min: 1, max: DAYS_MAX }) ?? DAYS;
}

/** The folder that the call names; by default `certs` beside the config file. */
export function certificateFolder(options: Options, file: ConfigFile): CertificateFolder {
  const named = textOption(options, 'certs');
  return new CertificateFolder(named === undefined ? join(file.folder, FOLDER) : resolve(named));
}

/** What exists stays as it is, so a repetition only adds what is missing. */
export function secureCluster(options: Options): Secured {
  const file = configOrDefault(options);
  const folder = certificateFolder(options, file);
  const cluster = textOption(options, 'name') ?? CLUSTER;
  if (!isClusterName(cluster)) {
    throw usageFailure(
      `--name is ${JSON.stringify(cluster)}`,
      'use 1 to 40 letters, digits, dashes or underscores',
    );
  }
  if (file.config.nodes.some(({ name }) => name === OPERATOR)) {
    throw usageFailure(
      `a node has the name ${OPERATOR}`,
      `give it another name: ${OPERATOR}.pem is the certificate of kvctl`,
    );
  }
  const days = certificateDays(options);
  const made: string[] = [];
  if (!folder.hasAuthority) {
    folder.makeAuthority(cluster);
    made.push('ca');
  }
  const nodes = file.config.nodes.map((node) => ({ name: node.name, hosts: hostsOf(node) }));
  for (const { name, hosts } of [...nodes, { name: OPERATOR, hosts: undefined }]) {
    if (folder.has(name)) continue;
    folder.make({ name, hosts, days });
    made.push(name);
  }
  const written = file.config.tls === undefined ? writeConfig(file, folder) : undefined;
  return { folder, made, written };
}

/** How others reach a node. */
export function hostsOf({ listen, advertise }: Pick<NodeConfig, 'listen' | 'advertise'>) {
  const urls = [advertise.peerUrl, advertise.clientUrl].filter((url) => url !== undefined);
  const hosts = [
    parseHostAndPort(listen)?.host ?? '',
    ...urls.map((url) => new URL(url).hostname.replace(/^\[|\]$/g, '')),
    ...['localhost', '127.0.0.1'],
  ];
  return [...new Set(hosts)].filter((host) => host !== '' && !EVERY_ADDRESS.has(host));
}

/** Adds the paths, and an audit trail; a file that the user wrote keeps everything else. */
function writeConfig(file: ConfigFile, folder: CertificateFolder): string {
  const path = file.path ?? join(file.folder, FILE);
  const at = (name: string) => relative(dirname(path), join(folder.path, name));
  const { nodes, ...rest } = rawConfigOf(file);
  const secured = {
    // Administration and who connects; data requests by rules that an operator adds.
    audit: {},
    ...rest,
    tls: { ca: at('ca.pem'), cert: at(`${OPERATOR}.pem`), key: at(`${OPERATOR}.key`) },
    nodes: nodes.map((node) => {
      const { insecure: _plain, ...kept } = node;
      return { ...kept, tls: { cert: at(`${node.name}.pem`), key: at(`${node.name}.key`) } };
    }),
  };
  if (file.path === undefined && existsSync(path)) throw new Error(`${path} exists`);
  const next = `${path}.new`;
  writeFileSync(next, `${JSON.stringify(secured, undefined, 2)}\n`);
  renameSync(next, path);
  return path;
}
