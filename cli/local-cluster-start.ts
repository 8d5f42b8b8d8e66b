/** Starts the nodes of a local cluster that do not run, and waits until it is healthy. */

import { awaitHealth } from './awaiting.ts';
import type { Call } from './call.ts';
import { type ConfigFile, clientUrlOf } from './config-file.ts';
import { connectTo } from './connection.ts';
import { EXIT, exitText } from './exit-codes.ts';
import { CliFailure } from './failure.ts';
import type { Health } from './health.ts';
import {
  isRunning,
  lastWordsOf,
  localNodes,
  refuseTakenPorts,
  type Spawned,
  spawnNode,
} from './local-cluster.ts';
import { progressOn } from './printers/progress.ts';
import { makeLocalSecret } from './secret-file.ts';
import { clientTlsOf } from './tls-files.ts';
import { tokenSourceOf } from './token-file.ts';

const PATIENCE_MILLISECONDS = 60_000;
const PAUSE_MILLISECONDS = 100;
const REQUEST_MILLISECONDS = 2000;

interface Raised {
  readonly spawned: readonly Spawned[];
  readonly health: Health;
}

export async function startLocalCluster(
  { terminal, options }: Call,
  file: ConfigFile,
  { isDetached }: { readonly isDetached: boolean },
): Promise<Raised> {
  const nodes = localNodes(file);
  const missing = nodes.filter((node) => !isRunning(node));
  await refuseTakenPorts(missing);
  // Running nodes that have no secret would refuse new nodes that have one.
  if (missing.length === nodes.length) makeLocalSecret(options, file);
  const spawned = missing.map((node) => {
    // It founds a cluster only if no other node has one; otherwise it joins theirs.
    return spawnNode(node, { file, isFounder: node === nodes[0], isDetached });
  });
  const urls = file.config.nodes.map(clientUrlOf);
  const { cluster } = file.config;
  const token = tokenSourceOf({}, urls);
  const tls = clientTlsOf(options, file);
  const target = { urls, cluster, token, timeoutMilliseconds: REQUEST_MILLISECONDS, tls };
  const progress = progressOn(terminal, `starting ${missing.length} of ${nodes.length} nodes`);
  try {
    const health = await awaitHealth({
      connect: () => connectTo(target),
      nodesMin: nodes.length,
      fault: () => spawned.map(endOf).find((failure) => failure !== undefined),
      onProgress: progress.tell,
      timeoutMilliseconds: PATIENCE_MILLISECONDS,
      pauseMilliseconds: PAUSE_MILLISECONDS,
    });
    return { spawned, health };
  } finally {
    progress.end();
  }
}

function endOf({ node, child }: Spawned): CliFailure | undefined {
  const { exitCode, signalCode } = child;
  if (exitCode === null && signalCode === null) return undefined;
  return new CliFailure({
    code: 'node-ended',
    exit: EXIT.refused,
    message: `${node.name} exited during startup (${signalCode ?? exitText(exitCode ?? 0)})`,
    reasons: lastWordsOf(node)
      .split('\n')
      .map((what) => ({ endpoint: node.name, what })),
    hint: `see its log ${node.logFile}; the other nodes keep running: kvctl down stops them`,
  });
}
