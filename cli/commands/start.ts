/** `kvctl start`: runs one node until a signal stops it. */

import { monotoneNow } from '../../src/base/ambient.ts';
import { NODE_LIMITS } from '../../src/base/node-limits.ts';
import { setUpCollector } from '../../src/runtime/collector.ts';
import type { NodeEnd } from '../../src/runtime/fatal-guard.ts';
import { standardErrorSink } from '../../src/runtime/log-sink.ts';
import { LOG_SINK_LIMITS } from '../../src/runtime/log-sink-limits.ts';
import { type NodeOptions, type RunningNode, startNode } from '../../src/runtime/node.ts';
import { Restarts } from '../../src/runtime/restarts.ts';
import type { Call } from '../call.ts';
import { visibleLines } from '../encoding.ts';
import { adviceOn, endText } from '../end-advice.ts';
import { EXIT, type Exit } from '../exit-codes.ts';
import { CliFailure } from '../failure.ts';
import { nodeOptionsOf } from '../node-options.ts';
import { reportFailure } from '../report-failure.ts';
import type { Terminal } from '../terminal.ts';

/** A blocked or closed log output never stops the node. */
export async function run(call: Call): Promise<Exit> {
  const nodeOptions = nodeOptionsOf(call.options);
  const log = standardErrorSink();
  const note = (text: string) => log.write(`${visibleLines(text)}\n`);
  const terminal = { ...call.terminal, note };
  // Node itself may write to standard error and find that the reader is gone.
  process.stderr.on('error', () => {});
  try {
    return await serve(nodeOptions, terminal);
  } catch (error) {
    return reportFailure(error, terminal, call.options);
  } finally {
    // An open channel to the parent kvctl would keep the process alive.
    if (process.connected) process.disconnect();
    await log.end(LOG_SINK_LIMITS.endMilliseconds);
  }
}

async function serve(nodeOptions: NodeOptions, terminal: Terminal): Promise<Exit> {
  const stopping = new AbortController();
  const told = nextOrder().then((order) => {
    stopping.abort();
    return order;
  });
  const stray = strayErrors(terminal);
  const reloads = reloadOnHangup(nodeOptions);
  const restarts = new Restarts();
  let options = nodeOptions;
  for (;;) {
    const node = await begin(options, terminal, stopping.signal);
    if (node === undefined) {
      terminal.note('stopped while waiting for other nodes; nothing was changed');
      return EXIT.ok;
    }
    stray.node = node;
    reloads.node = node;
    reportUp(node, terminal);
    const end = await Promise.race([told, node.ended]);
    if (end === 'stop') {
      terminal.note('stopping: transferring leadership and finishing requests in flight');
    }
    const { stopMillisecondsMax, endMillisecondsMax } = NODE_LIMITS;
    const timer = killWithin(end === 'stop' ? stopMillisecondsMax : endMillisecondsMax, terminal);
    await node.stop();
    if (end === 'stop') return EXIT.ok;
    // The watchdog stays armed when the process ends: an exit waits for hanging system calls.
    if (!restarts.isDue(end, monotoneNow())) return exitAfter(end, node.node, terminal);
    clearTimeout(timer);
    // The folder belongs to a cluster now: forcing a new one would be refused.
    options = { ...nodeOptions, isNewClusterForced: false };
    terminal.note(`${endText(end.text)}. It restarts in this process`);
  }
}

function reportUp(running: RunningNode, { note }: Terminal): void {
  const { node, cluster, clientUrl, replaces, isGuarded } = running;
  note(`node ${node} of cluster ${cluster} is up: ${clientUrl.replace(/^ws(s?:)/, 'kv$1')}`);
  if (!isGuarded) note(`peer authentication is off: ${NO_PEER_SECRET}`);
  if (replaces === 0) return;
  note(
    `node ${node} replaces node ${replaces}, whose data folder was lost: ` +
      'kvctl status shows the progress of its replicas',
  );
}

const NO_PEER_SECRET =
  'any process that reaches the port can act as a node. Set --secret-file (kvctl explain secret)';

const EXIT_OF = {
  expelled: EXIT.expelled,
  storage: EXIT.storage,
  reopen: EXIT.storage,
  fault: EXIT.fault,
} as const;

/** Removal is a success; every other end that was not requested is a failure. */
function exitAfter({ kind, text }: NodeEnd, node: number, { note }: Terminal): Exit {
  if (kind === 'removed') {
    note(
      `node ${node} was removed from the cluster: its data folder is no longer needed. ` +
        'To use this machine again, start a node with an empty folder and --join',
    );
    return EXIT.ok;
  }
  throw new CliFailure({
    code: 'node-ended',
    exit: EXIT_OF[kind],
    message: endText(text),
    hint: adviceOn(text),
  });
}

/** Undefined if a signal stopped it before it joined a cluster. */
async function begin(
  nodeOptions: NodeOptions,
  { note }: Terminal,
  signal: AbortSignal,
): Promise<RunningNode | undefined> {
  const onWaiting = (obstacles: readonly string[]) => {
    note(`waiting for other nodes (Ctrl-C stops it): ${obstacles.join('; ')}`);
  };
  try {
    setUpCollector();
    return await startNode({ ...nodeOptions, onWaiting, signal });
  } catch (error) {
    if (error instanceof Error && error.name === 'StartStopped') return undefined;
    const isFinal = error instanceof Error && 'isFinal' in error && error.isFinal === true;
    throw new CliFailure({
      code: 'not-started',
      exit: isFinal ? EXIT.expelled : EXIT.refused,
      message: (error as Error).message,
      hint: `no data were lost; the data folder is ${nodeOptions.folder}`,
    });
  }
}

/** Resolves on a signal, or when the parent kvctl ends. */
function nextOrder(): Promise<'stop'> {
  return new Promise((resolve) => {
    const stop = () => resolve('stop');
    process.once('SIGINT', stop);
    process.once('SIGTERM', stop);
    if (process.connected) process.once('disconnect', stop);
  });
}

/**
 * SIGHUP has a node with TLS read its certificate now. On a terminal, and without TLS, it ends the
 * process as it does by default.
 */
function reloadOnHangup({ tls }: NodeOptions): { node: RunningNode | undefined } {
  const reloads: { node: RunningNode | undefined } = { node: undefined };
  if (tls === undefined || process.stdin.isTTY) return reloads;
  process.on('SIGHUP', () => reloads.node?.reloadCertificates());
  return reloads;
}

/**
 * Uncaught errors and unhandled rejections: the state in memory is no longer reliable. A running
 * node is failed and informs its peers and clients; without a node the process exits at once.
 */
function strayErrors({ note }: Terminal): { node: RunningNode | undefined } {
  const stray: { node: RunningNode | undefined } = { node: undefined };
  process.on('uncaughtException', (error: Error) => {
    if (stray.node !== undefined) return stray.node.fail(error);
    note(`the node could not start because of a bug in ringkv: ${error.stack ?? error.message}`);
    void standardErrorSink()
      .end(LOG_SINK_LIMITS.endMilliseconds)
      .then(() => process.exit(EXIT.fault));
  });
  return stray;
}

/**
 * Ends the process even if closing hangs. An exit waits for system calls that hang on a failed
 * disk; SIGKILL does not.
 */
function killWithin(milliseconds: number, { note }: Terminal): NodeJS.Timeout {
  const timer = setTimeout(async () => {
    note(`the disk has not responded for ${milliseconds / 1000} s: this process kills itself`);
    await standardErrorSink().end(LOG_SINK_LIMITS.endMilliseconds);
    process.kill(process.pid, 'SIGKILL');
  }, milliseconds);
  timer.unref();
  return timer;
}
