/** Three ringkv nodes and a driver, as processes. */

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { startThreeNodes } from '../cluster/three-nodes.ts';
import {
  type Measured,
  type Order,
  type Seen,
  SHARDS,
  type System,
  spentBy,
} from './measurement.ts';
import { WORKLOADS } from './workloads.ts';

const DRIVER = fileURLToPath(new URL('./driver.js', import.meta.url));

export const RINGKV: System = {
  name: 'ringkv',
  durability: 'synced on two of three nodes',
  workloads: new Set(Object.keys(WORKLOADS)),
  start: async () => {
    const nodes = await startThreeNodes(SHARDS);
    const driver = fork(DRIVER, [...nodes.urls]);
    await heard(driver, 'ready');
    return {
      run: (order) => run(order, nodes, driver),
      end: async () => {
        driver.disconnect();
        await once(driver, 'exit');
        await nodes.end();
      },
    };
  },
};

type Nodes = Awaited<ReturnType<typeof startThreeNodes>>;

async function run(order: Order, nodes: Nodes, driver: ChildProcess): Promise<Measured> {
  driver.send(order);
  await heard(driver, 'begin');
  const spent = () => spentBy(nodes.pids, [driver.pid ?? 0]);
  const [before, appendsBefore] = [spent(), await appendsOf(nodes.urls)];
  const seen = (await heard(driver)) as Seen;
  const [after, appendsAfter] = [spent(), await appendsOf(nodes.urls)];
  await heard(driver, 'verified');
  return {
    ...seen,
    processorMilliseconds: after.processorMilliseconds - before.processorMilliseconds,
    bytesWritten: after.bytesWritten - before.bytesWritten,
    appends: appendsAfter - appendsBefore,
  };
}

/** The next message, which has to be this one if one is named. Rejects if the driver ends. */
function heard(driver: ChildProcess, expected?: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const onExit = () => reject(new Error('the driver of the load has ended'));
    driver.once('exit', onExit);
    driver.once('message', (message) => {
      driver.removeListener('exit', onExit);
      const isExpected = expected === undefined || message === expected;
      if (isExpected) resolve(message);
      else reject(new Error(`the driver says ${JSON.stringify(message)}, not ${expected}`));
    });
  });
}

async function appendsOf(urls: readonly string[]): Promise<number> {
  const told = await Promise.all(
    urls.map(async (url) => (await fetch(`${url.replace('ws:', 'http:')}/metrics`)).text()),
  );
  return told.reduce((sum, text) => {
    return sum + Number(/^ringkv_log_batches_total (\d+)$/m.exec(text)?.[1] ?? 0);
  }, 0);
}
