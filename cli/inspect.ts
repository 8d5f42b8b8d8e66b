/** Asks a cluster how it is: the map from anyone, then every node that stands in it. */

import { toldOf } from './failure.ts';
import { type Health, judge } from './health.ts';
import type { NodeInfo } from './node-info.ts';
import type { Store } from './store.ts';

export async function inspect(store: Store): Promise<Health> {
  const map = await store.map();
  const answers = await Promise.all(
    map.nodes.map(async ({ node, clientUrl }) => {
      return [node as number, await answerOf(store, clientUrl)] as const;
    }),
  );
  return judge(map, new Map(answers));
}

async function answerOf(store: Store, clientUrl: string): Promise<NodeInfo | string> {
  try {
    return await store.info(clientUrl);
  } catch (error) {
    const { message, reasons } = toldOf(error);
    return reasons.at(-1)?.what ?? message;
  }
}
