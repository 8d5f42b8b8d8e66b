/** `kvctl up`: starts the local cluster in the background. Safe to call twice. */

import { existsSync } from 'node:fs';
import type { Call } from '../call.ts';
import { configOrDefault } from '../config-file.ts';
import { EXIT, type Exit } from '../exit-codes.ts';
import { isRunning, localNodes } from '../local-cluster.ts';
import { startLocalCluster } from '../local-cluster-start.ts';
import { configWords } from '../options.ts';
import { verdictLine } from '../printers/health-text.ts';
import { welcomeText } from '../printers/welcome.ts';
import { livePid } from '../processes.ts';

export async function run(call: Call): Promise<Exit> {
  const { terminal, options } = call;
  const file = configOrDefault(options);
  const nodes = localNodes(file);
  const running = nodes.filter(isRunning).length;
  const isNew = new Set(nodes.filter(({ data }) => !existsSync(data)).map(({ name }) => name));
  const { health } = await startLocalCluster(call, file, { isDetached: true });
  for (const { node, name, replaces } of health.nodes) {
    if (replaces === 0 || !isNew.has(name)) continue;
    terminal.note(`node ${node} (${name}) replaces node ${replaces}, whose data folder was lost`);
  }
  const pids = nodes.map(({ pidFile }) => livePid(pidFile) ?? 0);
  const { paint } = terminal;
  if (running === nodes.length) terminal.note('all nodes are already running');
  const kvctl = 'npx ringkv';
  const isSecure = file.config.tls !== undefined;
  const config = configWords(options);
  const howToMend = `${kvctl} up${config}`;
  const howToStop = process.env.RINGKV_STOPPED_BY ?? `${kvctl} down${config}`;
  const welcome = { nodes, pids, kvctl, config, howToMend, howToStop, isSecure, paint };
  await terminal.write(`${verdictLine(health, paint)}\n\n`);
  await terminal.write(welcomeText(welcome));
  return EXIT.ok;
}
