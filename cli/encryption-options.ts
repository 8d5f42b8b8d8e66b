/** Where the key of an encrypted data folder comes from: flags, environment, or the config file. */

import { resolve } from 'node:path';
import type { EncryptionOptions } from '../src/index.ts';
import type { Options } from './call.ts';
import type { ConfigFile } from './config-file.ts';
import { usageFailure } from './failure.ts';
import { textOption } from './options.ts';
import type { OptionSpec } from './verb.ts';

export const ENCRYPTION_OPTIONS: readonly OptionSpec[] = [
  {
    flags: '--encryption-key-file <file>',
    description: 'key of the encrypted data folder: a file with mode 0600',
    environment: 'RINGKV_ENCRYPTION_KEY_FILE',
  },
  {
    flags: '--encryption-key-command <command>',
    description: 'the same: a shell command that prints the key',
    environment: 'RINGKV_ENCRYPTION_KEY_COMMAND',
  },
  {
    flags: '--encryption-key-env <name>',
    description: 'the same: the name of an environment variable with the key',
    environment: 'RINGKV_ENCRYPTION_KEY_ENV',
  },
];

export const NEW_KEY_OPTIONS: readonly OptionSpec[] = [
  {
    flags: '--new-key-file <file>',
    description: 'for rewrap: the new key, a file with mode 0600',
  },
  {
    flags: '--new-key-command <command>',
    description: 'the same: a shell command that prints the new key',
  },
  {
    flags: '--new-key-env <name>',
    description: 'the same: the name of an environment variable with the new key',
  },
];

/** Undefined for a plain folder. A flag replaces what the config file says. */
export function encryptionOf(
  options: Options,
  file?: ConfigFile | undefined,
): EncryptionOptions | undefined {
  return sourceOf(options, 'encryptionKey') ?? configured(file);
}

export function newKeyOf(options: Options): EncryptionOptions {
  const source = sourceOf(options, 'newKey');
  if (source !== undefined) return source;
  throw usageFailure(
    'the new key is missing',
    'name it with --new-key-file, --new-key-command or --new-key-env',
  );
}

function configured(file: ConfigFile | undefined): EncryptionOptions | undefined {
  const encryption = file?.config.encryption;
  if (file === undefined || encryption === undefined || !('keyFile' in encryption)) {
    return encryption;
  }
  return { keyFile: resolve(file.folder, encryption.keyFile) };
}

function sourceOf(options: Options, prefix: string): EncryptionOptions | undefined {
  const keyFile = textOption(options, `${prefix}File`);
  const keyCommand = textOption(options, `${prefix}Command`);
  const keyEnv = textOption(options, `${prefix}Env`);
  const given = [keyFile, keyCommand, keyEnv].filter((one) => one !== undefined);
  if (given.length > 1) {
    throw usageFailure(
      'the encryption key is given twice',
      'give one of the file, the command and the environment variable',
    );
  }
  if (keyFile !== undefined) return { keyFile: resolve(keyFile) };
  if (keyCommand !== undefined) return { keyCommand };
  return keyEnv === undefined ? undefined : { keyEnv };
}
