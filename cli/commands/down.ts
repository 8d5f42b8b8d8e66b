/** `kvctl down`: stops exactly the processes that `up` started. Safe to call twice. */

import type { Call } from '../call.ts';
import { configOrDefault } from '../config-file.ts';
import { EXIT, type Exit } from '../exit-codes.ts';
import { localNodes } from '../local-cluster.ts';
import { endProcess, removePidFile } from '../processes.ts';

export async function run({ terminal, options }: Call): Promise<Exit> {
  const nodes = localNodes(configOrDefault(options));
  const endings = await Promise.all(
    nodes.map(async ({ name, pidFile }) => {
      const ending = await endProcess(pidFile);
      removePidFile(pidFile);
      return { name, ending };
    }),
  );
  const ended = endings.filter(({ ending }) => ending !== 'not there');
  if (ended.length === 0) terminal.note('no node of this local cluster is running');
  for (const { name, ending } of ended) {
    const how =
      ending === 'killed'
        ? 'did not stop in time and was killed; no acknowledged data are lost'
        : ending;
    terminal.note(`${name} ${how}`);
  }
  return EXIT.ok;
}
