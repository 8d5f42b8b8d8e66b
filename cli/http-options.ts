/** Options of `start` for HTTP: health, metrics, and web pages. */

import { resolve } from 'node:path';
import { isOrigin } from '../src/runtime/listen-address.ts';
import type { NodeOptions } from '../src/runtime/node.ts';
import type { Options } from './call.ts';
import type { ConfigFile } from './config-file.ts';
import { usageFailure } from './failure.ts';
import { textOption } from './options.ts';
import { readPrivate } from './private-file.ts';
import { healthTextsOf, place } from './tls-files.ts';
import type { OptionSpec } from './verb.ts';

export const HTTP_OPTIONS: readonly OptionSpec[] = [
  {
    flags: '--health-tls',
    description: 'use the certificate of the node at --health-listen (default: plain)',
  },
  {
    flags: '--health-tls-cert <file>',
    description: 'the same with a certificate of its own (PEM)',
    environment: 'RINGKV_HEALTH_TLS_CERT',
  },
  {
    flags: '--health-tls-key <file>',
    description: 'private key of --health-tls-cert (PEM); only its owner may read it',
    environment: 'RINGKV_HEALTH_TLS_KEY',
  },
  {
    flags: '--metrics-token-file <file>',
    description: 'metrics only for requests with this bearer token (a file with mode 0600)',
    environment: 'RINGKV_METRICS_TOKEN_FILE',
  },
  {
    flags: '--private-port',
    description: 'no /metrics on the port of the node, and /cluster for nodes only',
  },
  {
    flags: '--origins <list>',
    description: 'origins of web pages that may connect, comma-separated (default: none)',
    environment: 'RINGKV_ORIGINS',
  },
];

/** A shorter one could be guessed at the port. */
const TOKEN_CHARACTERS_MIN = 16;

export function httpOptionsOf(
  options: Options,
  file: ConfigFile | undefined,
): Pick<NodeOptions, 'healthTls' | 'http' | 'origins'> {
  const configured = file?.config.http;
  const isPortPrivate = options.privatePort === true || configured?.isPortPrivate === true;
  return {
    healthTls: healthTlsOf(options),
    http: { metricsToken: metricsTokenOf(options, file), isPortPrivate },
    origins: originsOf(textOption(options, 'origins')) ?? configured?.origins ?? [],
  };
}

function healthTlsOf(options: Options): NodeOptions['healthTls'] {
  const cert = textOption(options, 'healthTlsCert');
  const key = textOption(options, 'healthTlsKey');
  if (cert === undefined && key === undefined)
    return options.healthTls === true ? 'node' : undefined;
  if (cert !== undefined && key !== undefined && options.healthTls !== true) {
    return { read: healthTextsOf({ cert: resolve(cert), key: resolve(key) }) };
  }
  throw usageFailure(
    'the health listener needs one certificate, with its key',
    'set --health-tls for the certificate of the node, or both --health-tls-cert and ' +
      '--health-tls-key',
  );
}

/** The file holds the token alone; it is read at the start. */
function metricsTokenOf(options: Options, file: ConfigFile | undefined): string | undefined {
  const given = textOption(options, 'metricsTokenFile');
  const { metricsTokenFile = '' } = file?.config.http ?? {};
  const configured = metricsTokenFile === '' ? undefined : metricsTokenFile;
  const path = given ?? (configured && place(file?.folder ?? '.', configured));
  if (path === undefined) return undefined;
  const hint = 'check --metrics-token-file, or metricsTokenFile in http of the config file';
  const token = readPrivate(path, { what: 'the token for metrics', hint }).trim();
  if (token.length >= TOKEN_CHARACTERS_MIN && !/\s/.test(token)) return token;
  throw usageFailure(
    `the token for metrics in ${path} has ${token.length} characters; the minimum is ` +
      `${TOKEN_CHARACTERS_MIN}, without spaces`,
    `generate one: (umask 077; openssl rand -hex 32 > ${path})`,
  );
}

function originsOf(text: string | undefined): readonly string[] | undefined {
  const origins = text?.split(',').map((one) => one.trim());
  const faulty = origins?.find((origin) => !isOrigin(origin));
  if (faulty === undefined) return origins;
  throw usageFailure(
    `--origins has ${JSON.stringify(faulty)}`,
    'use origins as browsers send them, comma-separated: https://app.example,http://localhost:8080',
  );
}
