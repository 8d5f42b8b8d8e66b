/** `kvctl dev`: runs a local cluster until Ctrl-C. The data are kept. */

import { once } from 'node:events';
import type { Call } from '../call.ts';
import { configOrDefault } from '../config-file.ts';
import { EXIT, type Exit, exitText } from '../exit-codes.ts';
import { CliFailure } from '../failure.ts';
import { isRunning, type LocalNode, localNodes, type Spawned } from '../local-cluster.ts';
import { startLocalCluster } from '../local-cluster-start.ts';
import { configWords } from '../options.ts';
import { verdictLine } from '../printers/health-text.ts';
import { welcomeText } from '../printers/welcome.ts';
import { endProcess, removePidFile } from '../processes.ts';

export async function run(call: Call): Promise<Exit> {
  const { terminal, options } = call;
  const file = configOrDefault(options);
  const nodes = localNodes(file);
  refuseRunning(nodes, configWords(options));
  const interrupted = nextInterrupt();
  try {
    const started = await Promise.race([
      startLocalCluster(call, file, { isDetached: false }),
      interrupted,
    ]);
    if (started === 'interrupted') return EXIT.ok;
    const { health, spawned } = started;
    const { paint } = terminal;
    const pids = spawned.map(({ child }) => child.pid ?? 0);
    const kvctl = 'npx ringkv';
    const config = configWords(options);
    const restartCommand = `${kvctl} start --node ${nodes.at(-1)?.name}${config}`;
    const welcome = {
      nodes,
      pids,
      kvctl,
      config,
      howToMend: restartCommand,
      howToStop: 'Ctrl-C',
      isSecure: file.config.tls !== undefined,
      paint,
    };
    await terminal.write(`${verdictLine(health, paint)}\n\n`);
    await terminal.write(welcomeText(welcome));
    for (const one of spawned) reportExit(call, one);
    await interrupted;
    for (const { child } of spawned) child.removeAllListeners('exit');
    terminal.note('stopping');
    return EXIT.ok;
  } finally {
    await Promise.all(
      nodes.map(async ({ name, pidFile }) => {
        const ending = await endProcess(pidFile);
        if (ending === 'killed')
          terminal.note(
            `${name} did not stop in time and was killed; no acknowledged data are lost`,
          );
        removePidFile(pidFile);
      }),
    );
  }
}

function refuseRunning(nodes: readonly LocalNode[], config: string): void {
  const running = nodes.filter(isRunning);
  if (running.length === 0) return;
  const names = running.map(({ name }) => name).join(', ');
  throw new CliFailure({
    code: 'running',
    exit: EXIT.refused,
    message: `the local cluster of this folder is already running: ${names}`,
    hint: `use it, or stop it first with \`kvctl down${config}\``,
  });
}

function nextInterrupt(): Promise<'interrupted'> {
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  return Promise.race(names.map((name) => once(process, name))).then(() => 'interrupted');
}

/** Reports a node that the user killed; the other nodes keep running, and it can be restarted. */
function reportExit({ terminal, options }: Call, { node, child }: Spawned): void {
  child.once('exit', (code, signal) => {
    const how = signal ?? exitText(code ?? 0);
    const command = `kvctl start --node ${node.name}${configWords(options)}`;
    terminal.note(`${node.name} exited (${how}); restart it with: ${command}`);
  });
}
