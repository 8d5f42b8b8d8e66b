/** `kvctl start`: one node, until it is told to stop. */

import { type RunningNode, startNode } from '../../src/node/node.ts';
import type { Call } from '../call.ts';
import { adviceOn, endText } from '../end-advice.ts';
import { EXIT, type Exit } from '../exit.ts';
import { Failure } from '../failure.ts';
import { nodeOptionsOf } from '../node-options.ts';
import type { Terminal } from '../terminal.ts';

export async function run({ options, terminal }: Call): Promise<Exit> {
  const stopping = new AbortController();
  const told = nextOrder().then((order) => {
    stopping.abort();
    return order;
  });
  const node = await begin(options, terminal, stopping.signal);
  if (node === undefined) {
    terminal.note('stopped while it waited for other nodes. Nothing was changed');
    if (process.connected) process.disconnect();
    return EXIT.ok;
  }
  const { cluster, clientUrl } = node;
  terminal.note(
    `node ${node.node} of cluster ${cluster} is up: ${clientUrl.replace(/^ws:/, 'kv:')}`,
  );
  if (node.replaces > 0) {
    terminal.note(
      `node ${node.node} takes the place of node ${node.replaces}, whose folder was lost: ` +
        'kvctl status shows how far its replicas are',
    );
  }
  const end = await Promise.race([told, node.ended]);
  if (end === 'stop') {
    terminal.note('stopping: leadership goes to others, what is in flight is answered');
    await node.stop();
    // An open line to the kvctl that looks after this node would keep the process alive.
    if (process.connected) process.disconnect();
    return EXIT.ok;
  }
  if (end === 'removed') {
    terminal.note(
      `node ${node.node} was removed from the cluster: nothing in its data folder is needed any ` +
        'more. To use this machine again, start it with an empty folder and --join',
    );
    await node.stop();
    if (process.connected) process.disconnect();
    return EXIT.ok;
  }
  throw new Failure({
    code: 'node-ended',
    exit: EXIT.refused,
    message: endText(end),
    hint: adviceOn(end),
  });
}

/** Undefined if it was told to stop before it belonged to a cluster. */
async function begin(
  options: Call['options'],
  { note }: Terminal,
  signal: AbortSignal,
): Promise<RunningNode | undefined> {
  const nodeOptions = nodeOptionsOf(options);
  const onWaiting = (obstacles: readonly string[]) => {
    note(`waiting for other nodes (Ctrl-C ends it): ${obstacles.join('; ')}`);
  };
  try {
    return await startNode({ ...nodeOptions, onWaiting, signal });
  } catch (error) {
    if (error instanceof Error && error.name === 'StartStopped') return undefined;
    throw new Failure({
      code: 'not-started',
      exit: EXIT.refused,
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
