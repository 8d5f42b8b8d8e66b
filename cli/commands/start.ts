/** `kvctl start`: one node, until it is told to stop. */

import { startNode } from '../../src/node/node.ts';
import type { Call } from '../call.ts';
import { EXIT, type Exit } from '../exit.ts';
import { Failure } from '../failure.ts';
import { nodeOptionsOf } from '../node-options.ts';

export async function run({ options, terminal }: Call): Promise<Exit> {
  const told = nextOrder();
  const node = await begin(options);
  const { cluster, clientUrl } = node;
  terminal.note(
    `node ${node.node} of cluster ${cluster} is up: ${clientUrl.replace(/^ws:/, 'kv:')}`,
  );
  const end = await Promise.race([told, node.ended]);
  if (end === 'stop') {
    terminal.note('stopping: leadership goes to others, what is in flight is answered');
    await node.stop();
    // An open line to the kvctl that looks after this node would keep the process alive.
    if (process.connected) process.disconnect();
    return EXIT.ok;
  }
  throw new Failure({
    code: 'node-ended',
    exit: EXIT.refused,
    message: `the node ended by itself: ${end}`,
    hint: 'what was acknowledged is safe; mend what is named, and start it again as it was',
  });
}

async function begin(options: Call['options']) {
  const nodeOptions = nodeOptionsOf(options);
  try {
    return await startNode(nodeOptions);
  } catch (error) {
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
