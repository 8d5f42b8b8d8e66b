/** The URLs of the cluster: from the call, else the config file, else the default address. */

import type { Options } from './call.ts';
import type { ConfigFile } from './config-file.ts';
import { clusterOption, textOption } from './options.ts';
import type { Target } from './store.ts';

const USUAL_URL = 'kv://127.0.0.1:7400';

export async function endpointsOf(
  options: Options,
): Promise<Pick<Target, 'urls' | 'cluster' | 'tls'>> {
  const urls = textOption(options, 'url');
  const cluster = clusterOption(options) ?? '';
  if (urls !== undefined) {
    const given = urls.split(',').map((url) => url.trim());
    const tls = isTlsGiven(options) ? await tlsOf(options, undefined) : {};
    return {
      urls: given.map((url) => (url.includes('://') ? url : `kv://${url}`)),
      cluster,
      ...tls,
    };
  }
  const { clientUrlOf, findConfig } = await import('./config-file.ts');
  const file = findConfig(options);
  const tls = await tlsOf(options, file);
  if (file === undefined) return { urls: [USUAL_URL], cluster, ...tls };
  const { nodes, cluster: configured, tls: secured } = file.config;
  const scheme = secured === undefined ? 'kv:' : 'kvs:';
  // As people write them: tokens are stored for these texts, and messages show them.
  const known = nodes.map((node) => clientUrlOf(node).replace(/^ws:/, scheme));
  return { urls: known, cluster: cluster || configured, ...tls };
}

/** Files are loaded only by calls that name some, or that have a config file. */
async function tlsOf(options: Options, file: ConfigFile | undefined): Promise<Pick<Target, 'tls'>> {
  const { clientTlsOf } = await import('./tls-files.ts');
  const tls = clientTlsOf(options, file);
  return tls === undefined ? {} : { tls };
}

function isTlsGiven(options: Options): boolean {
  return ['tlsCa', 'tlsCert', 'tlsKey'].some((name) => textOption(options, name) !== undefined);
}
