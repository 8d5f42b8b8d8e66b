/** The nodes of a cluster: from a config file, or three default nodes on this machine. */

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import {
  type ClusterConfig,
  checkConfig,
  type NodeConfig,
  parseConfig,
} from '../src/runtime/config.ts';
import type { Options } from './call.ts';
import { EXIT } from './exit-codes.ts';
import { CliFailure, usageFailure } from './failure.ts';
import { textOption } from './options.ts';

export interface ConfigFile {
  /** Undefined without a file: the cluster is then the default one of `dev`. */
  readonly path: string | undefined;
  /** Data folders are relative to this folder. */
  readonly folder: string;
  readonly config: ClusterConfig;
}

const USUAL_NAME = 'cluster.config.json';

/** Equal to `cluster.config.json` at the top of the package. */
const THREE_NODES = {
  nodes: [0, 1, 2].map((at) => {
    return { name: `n${at + 1}`, data: `data/n${at + 1}`, listen: `127.0.0.1:${7400 + at}` };
  }),
};

/** The file that the call names, or the default file if it exists. */
export function findConfig(options: Options): ConfigFile | undefined {
  const named = textOption(options, 'config');
  if (named === undefined && !existsSync(USUAL_NAME)) return undefined;
  const path = resolve(named ?? USUAL_NAME);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw usageFailure(
      `the config file cannot be read: ${(error as Error).message}`,
      'check the path in --config or RINGKV_CONFIG',
    );
  }
  const result = parseConfig(text);
  if (result.type === 'config') return { path, folder: dirname(path), config: result.config };
  throw new CliFailure({
    code: 'config',
    exit: EXIT.usage,
    message: `${path} has ${result.faults.length} error${result.faults.length > 1 ? 's' : ''}`,
    reasons: result.faults.map((fault) => ({ endpoint: '-', what: fault })),
    hint: 'correct the listed fields; nothing was started',
  });
}

export function configOrDefault(options: Options): ConfigFile {
  const found = findConfig(options);
  if (found !== undefined) return found;
  const result = checkConfig(THREE_NODES);
  if (result.type === 'faulty') throw new Error(result.faults.join('; '));
  return { path: undefined, folder: process.cwd(), config: result.config };
}

/** The fields as the user wrote them; those of the default cluster without a file. */
export function rawConfigOf({ path }: ConfigFile): {
  readonly nodes: readonly (Record<string, unknown> & { readonly name: string })[];
} {
  if (path === undefined) return THREE_NODES;
  return JSON.parse(readFileSync(path, 'utf8').replace(/^\uFEFF/, ''));
}

export function nodeNamed({ config, path }: ConfigFile, name: string): NodeConfig {
  const node = config.nodes.find((candidate) => candidate.name === name);
  if (node !== undefined) return node;
  const names = config.nodes.map((candidate) => candidate.name).join(', ');
  throw usageFailure(
    `no node has the name ${JSON.stringify(name)}`,
    `${path ?? 'there'}: ${names}`,
  );
}

export function dataPathOf({ folder }: ConfigFile, { data }: NodeConfig): string {
  return resolve(join(folder, '.'), data);
}

/** The URL at which clients reach a node. */
export function clientUrlOf({ advertise, listen }: NodeConfig): string {
  return advertise.clientUrl ?? `ws://${listen}`;
}
