/** Where the nodes of a cluster stand: in a file, or three of them on this machine. */

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import {
  type ClusterConfig,
  checkConfig,
  type NodeConfig,
  parseConfig,
} from '../src/runtime/config.ts';
import type { Options } from './call.ts';
import { EXIT } from './exit.ts';
import { Failure, usageFailure } from './failure.ts';
import { textOption } from './options.ts';

export interface ConfigFile {
  /** Undefined if there is no file, and the cluster is the one that `dev` makes. */
  readonly path: string | undefined;
  /** Data folders are seen from here. */
  readonly folder: string;
  readonly config: ClusterConfig;
}

const USUAL_NAME = 'cluster.config.json';

/** What `cluster.config.json` at the top of the package says, too. */
const THREE_NODES = {
  nodes: [0, 1, 2].map((at) => {
    return { name: `n${at + 1}`, data: `data/n${at + 1}`, listen: `127.0.0.1:${7400 + at}` };
  }),
};

/** The file that was named, or the usual one if it is there. */
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
      'check the path behind --config, or in RINGKV_CONFIG',
    );
  }
  const result = parseConfig(text);
  if (result.type === 'config') return { path, folder: dirname(path), config: result.config };
  throw new Failure({
    code: 'config',
    exit: EXIT.usage,
    message: `${path} has ${result.faults.length} fault${result.faults.length > 1 ? 's' : ''}`,
    reasons: result.faults.map((fault) => ({ endpoint: '-', what: fault })),
    hint: 'mend what is listed; nothing was started',
  });
}

export function configOrDefault(options: Options): ConfigFile {
  const found = findConfig(options);
  if (found !== undefined) return found;
  const result = checkConfig(THREE_NODES);
  if (result.type === 'faulty') throw new Error(result.faults.join('; '));
  return { path: undefined, folder: process.cwd(), config: result.config };
}

export function nodeNamed({ config, path }: ConfigFile, name: string): NodeConfig {
  const node = config.nodes.find((candidate) => candidate.name === name);
  if (node !== undefined) return node;
  const names = config.nodes.map((candidate) => candidate.name).join(', ');
  throw usageFailure(`no node is called ${JSON.stringify(name)}`, `${path ?? 'there'}: ${names}`);
}

export function dataPathOf({ folder }: ConfigFile, { data }: NodeConfig): string {
  return resolve(join(folder, '.'), data);
}

/** Where clients reach a node. */
export function clientUrlOf({ advertise, listen }: NodeConfig): string {
  return advertise.clientUrl ?? `ws://${listen}`;
}
