/** The cluster secret: read from a file, or generated for a local cluster. */

import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { TRANSPORT_LIMITS } from '../src/base/transport-limits.ts';
import type { Options } from './call.ts';
import { type ConfigFile, dataPathOf } from './config-file.ts';
import { usageFailure } from './failure.ts';
import { textOption } from './options.ts';

const SECRET_BYTES = 32;
const FILE_BYTES_MAX = 4096;
const LOCAL_NAME = 'cluster.secret';

/** The secret of a node: from the call, else its config file, else the file that `up` made. */
export function secretOf(options: Options, file: ConfigFile | undefined): Uint8Array | undefined {
  const named = textOption(options, 'secretFile');
  if (named !== undefined) return readSecret(resolve(named));
  if (file === undefined) return undefined;
  const path = configuredPath(file) ?? localPath(file);
  if (configuredPath(file) === undefined && !existsSync(path)) return undefined;
  return readSecret(path);
}

/** Generates a secret for a local cluster that has none; only the current user can read it. */
export function makeLocalSecret(options: Options, file: ConfigFile): void {
  const isNamed = textOption(options, 'secretFile') ?? process.env.RINGKV_SECRET_FILE;
  if (isNamed !== undefined || configuredPath(file) !== undefined) return;
  const path = localPath(file);
  if (existsSync(path)) return;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${randomBytes(SECRET_BYTES).toString('hex')}\n`, { mode: 0o600 });
}

function configuredPath({ config, folder }: ConfigFile): string | undefined {
  return config.secretFile === '' ? undefined : resolve(join(folder, '.'), config.secretFile);
}

/** The secret file beside the data folders. */
function localPath(file: ConfigFile): string {
  const [first] = file.config.nodes;
  const data = first === undefined ? file.folder : dirname(dataPathOf(file, first));
  return join(data, LOCAL_NAME);
}

function readSecret(path: string): Uint8Array {
  let text: string;
  try {
    const { mode, size } = statSync(path);
    if ((mode & 0o007) !== 0) {
      throw usageFailure(
        `every user of this machine can read or write the secret ${path}`,
        `restrict it: chmod 600 ${path}`,
      );
    }
    text = size > FILE_BYTES_MAX ? '' : readFileSync(path, 'utf8').trim();
  } catch (error) {
    if (!(error instanceof Error) || !('syscall' in error)) throw error;
    throw usageFailure(
      `the cluster secret cannot be read: ${error.message}`,
      'check the path in --secret-file, RINGKV_SECRET_FILE or "secretFile" of the config file',
    );
  }
  const secret = new TextEncoder().encode(text);
  const { secretBytesMin } = TRANSPORT_LIMITS;
  if (secret.length >= secretBytesMin) return secret;
  throw usageFailure(
    `the secret in ${path} has ${secret.length} bytes; the minimum is ${secretBytesMin}`,
    `generate one: openssl rand -hex 32 > ${path}; all nodes of a cluster share it`,
  );
}
