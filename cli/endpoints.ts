/** The URLs of the cluster: from the call, else the config file, else the default address. */

import type { Options } from './call.ts';
import { clusterOption, textOption } from './options.ts';

const USUAL_URL = 'kv://127.0.0.1:7400';

export async function endpointsOf(
  options: Options,
): Promise<{ readonly urls: readonly string[]; readonly cluster: string }> {
  const urls = textOption(options, 'url');
  const cluster = clusterOption(options) ?? '';
  if (urls !== undefined) {
    const given = urls.split(',').map((url) => url.trim());
    return { urls: given.map((url) => (url.includes('://') ? url : `kv://${url}`)), cluster };
  }
  const { clientUrlOf, findConfig } = await import('./config-file.ts');
  const file = findConfig(options);
  if (file === undefined) return { urls: [USUAL_URL], cluster };
  return { urls: file.config.nodes.map(clientUrlOf), cluster: cluster || file.config.cluster };
}
