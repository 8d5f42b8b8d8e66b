/** `kvctl start`: one node, until it is told to stop. */

import { monotoneNow } from '../../src/base/ambient.ts';
import { LOG_SINK_LIMITS } from '../../src/base/log-sink-limits.ts';
import { NODE_LIMITS } from '../../src/base/node-limits.ts';
import type { NodeEnd } from '../../src/runtime/fatal-guard.ts';
import { standardErrorSink } from '../../src/runtime/log-sink.ts';
import { type NodeOptions, type RunningNode, startNode } from '../../src/runtime/node.ts';
import { Restarts } from '../../src/runtime/restarts.ts';
import type { Call } from '../call.ts';
import { visibleLines } from '../encoding.ts';
import { adviceOn, endText } from '../end-advice.ts';
import { EXIT, type Exit } from '../exit.ts';
import { Failure } from '../failure.ts';
import { nodeOptionsOf } from '../node-options.ts';
import { reportFailure } from '../report-failure.ts';
import type { Terminal } from '../terminal.ts';

/** What the node tells, and what is told of it, never keeps the process from its work. */
export async function run(call: Call): Promise<Exit> {
  const nodeOptions = nodeOptionsOf(call.options);
  const log = standardErrorSink();
  const note = (text: string) => log.write(`${visibleLines(text)}\n`);
  const terminal = { ...call.terminal, note };
  // Something may write there by itself, and find that its reader is gone.
  process.stderr.on('error', () => {});
  try {
    return await serve(nodeOptions, terminal);
  } catch (error) {
    return reportFailure(error, terminal, call.options);
  } finally {
    // An open line to the kvctl that looks after this node would keep the process alive.
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
  const restarts = new Restarts();
  for (;;) {
    const node = await begin(nodeOptions, terminal, stopping.signal);
    if (node === undefined) {
      terminal.note('stopped while it waited for other nodes. Nothing was changed');
      return EXIT.ok;
    }
    stray.node = node;
    tellUp(node, terminal);
    const end = await Promise.race([told, node.ended]);
    if (end === 'stop') {
      terminal.note('stopping: leadership goes to others, what is in flight is answered');
    }
    const { stopMillisecondsMax, endMillisecondsMax } = NODE_LIMITS;
    const timer = killWithin(end === 'stop' ? stopMillisecondsMax : endMillisecondsMax, terminal);
    await node.stop();
    if (end === 'stop') return EXIT.ok;
    // The bound stays where the process is to end: an exit waits for calls that hang.
    if (!restarts.isDue(end, monotoneNow())) return exitAfter(end, node.node, terminal);
    clearTimeout(timer);
    terminal.note(`${endText(end.text)}. It begins anew in this process`);
  }
}

function tellUp(running: RunningNode, { note }: Terminal): void {
  const { node, cluster, clientUrl, replaces, isGuarded } = running;
  note(`node ${node} of cluster ${cluster} is up: ${clientUrl.replace(/^ws:/, 'kv:')}`);
  if (!isGuarded) note(`its peer door is open: ${OPEN_DOOR}`);
  if (replaces === 0) return;
  note(
    `node ${node} takes the place of node ${replaces}, whose folder was lost: ` +
      'kvctl status shows how far its replicas are',
  );
}

const OPEN_DOOR =
  'what reaches it can speak as a node. Give all nodes one --secret-file (kvctl explain secret)';

const EXIT_OF = {
  expelled: EXIT.expelled,
  storage: EXIT.storage,
  reopen: EXIT.storage,
  fault: EXIT.fault,
} as const;

/** A removed node has done what was wanted; every other end by itself is a failure. */
function exitAfter({ kind, text }: NodeEnd, node: number, { note }: Terminal): Exit {
  if (kind === 'removed') {
    note(
      `node ${node} was removed from the cluster: nothing in its data folder is needed any ` +
        'more. To use this machine again, start it with an empty folder and --join',
    );
    return EXIT.ok;
  }
  throw new Failure({
    code: 'node-ended',
    exit: EXIT_OF[kind],
    message: endText(text),
    hint: adviceOn(text),
  });
}

/** Undefined if it was told to stop before it belonged to a cluster. */
async function begin(
  nodeOptions: NodeOptions,
  { note }: Terminal,
  signal: AbortSignal,
): Promise<RunningNode | undefined> {
  const onWaiting = (obstacles: readonly string[]) => {
    note(`waiting for other nodes (Ctrl-C ends it): ${obstacles.join('; ')}`);
  };
  try {
    return await startNode({ ...nodeOptions, onWaiting, signal });
  } catch (error) {
    if (error instanceof Error && error.name === 'StartStopped') return undefined;
    const isFinal = error instanceof Error && 'isFinal' in error && error.isFinal === true;
    throw new Failure({
      code: 'not-started',
      exit: isFinal ? EXIT.expelled : EXIT.refused,
      message: (error as Error).message,
      hint: `nothing was lost: the data folder is ${nodeOptions.folder}`,
    });
  }
}

/** A signal, or the end of the kvctl that looks after this node. */
function nextOrder(): Promise<'stop'> {
  return new Promise((resolve) => {
    const stop = () => resolve('stop');
    process.once('SIGINT', stop);
    process.once('SIGTERM', stop);
    if (process.connected) process.once('disconnect', stop);
  });
}

/**
 * Errors that no code took, and promises that failed unheard: what is in memory is not to be
 * trusted. With a node they are its end, which others are told of; before there is one, the process
 * ends at once.
 */
function strayErrors({ note }: Terminal): { node: RunningNode | undefined } {
  const stray: { node: RunningNode | undefined } = { node: undefined };
  process.on('uncaughtException', (error: Error) => {
    if (stray.node !== undefined) return stray.node.fail(error);
    note(`the node could not begin, by a fault of ringkv: ${error.stack ?? error.message}`);
    void standardErrorSink()
      .end(LOG_SINK_LIMITS.endMilliseconds)
      .then(() => process.exit(EXIT.fault));
  });
  return stray;
}

/**
 * However closing goes, the process ends. An exit waits for calls of the system that hang, on a
 * disk that does not answer for ever; SIGKILL does not.
 */
function killWithin(milliseconds: number, { note }: Terminal): NodeJS.Timeout {
  const timer = setTimeout(async () => {
    note(`the disk took nothing for ${milliseconds / 1000} s: the process ends without waiting`);
    await standardErrorSink().end(LOG_SINK_LIMITS.endMilliseconds);
    process.kill(process.pid, 'SIGKILL');
  }, milliseconds);
  timer.unref();
  return timer;
}
