/** Members join and leave under load. */

import { rmSync } from 'node:fs';
import type { Fault } from './fault.ts';

const WAIT_MILLISECONDS = 120_000;

/** A node joins, takes replicas, is drained, and leaves for good. */
const JOIN_AND_LEAVE: Fault = {
  name: 'join-and-leave',
  family: 'membership',
  needs: [],
  seconds: [3, 6],
  isGrave: true,
  async begin(stage) {
    const { cluster } = stage;
    const { guest } = cluster;
    guest.start();
    await cluster.until('the guest has joined', WAIT_MILLISECONDS, () => cluster.isUp(guest));
    const number = await cluster.numberOf(guest);
    return {
      target: `node ${number}`,
      async heal() {
        guest.mayEnd = true;
        const node = String(number);
        const drained = await cluster.kvctl('node', 'drain', node, '--wait', '--timeout', '120s');
        const removed = await cluster.kvctl('node', 'remove', node, '--wait', '--timeout', '120s');
        if (drained.exit !== 0) stage.fail('drain', drained.data);
        if (removed.exit !== 0) stage.fail('remove', removed.data);
        await guest.kill();
        guest.mayEnd = false;
        rmSync(guest.data, { recursive: true });
        return removed.exit === 0;
      },
    };
  },
};

export const MEMBERSHIP_FAULTS: readonly Fault[] = [JOIN_AND_LEAVE];
