/** Where the cluster is: what was given, else what the config file says, else the usual place. */

import type { Options } from './call.ts';
import { textOption } from './options.ts';

const USUAL_URL = 'kv://127.0.0.1:7400';

export async function endpointsOf(options: Options): Promise<readonly string[]> {
  const given = textOption(options, 'url');
  if (given !== undefined) {
    return given.split(',').map((url) => (url.includes('://') ? url.trim() : `kv://${url.trim()}`));
  }
  const { clientUrlOf, findConfig } = await import('./config-file.ts');
  const file = findConfig(options);
  return file?.config.nodes.map(clientUrlOf) ?? [USUAL_URL];
}
