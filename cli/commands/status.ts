/** `kvctl status`: the verdict, then details. Exit 0 healthy, 1 degraded, 8 unavailable, 9 split */

import { type Call, formatOf } from '../call.ts';
import { EXIT, type Exit } from '../exit-codes.ts';
import { reportOf } from '../failure.ts';
import type { Health, Verdict } from '../health.ts';
import { ELECTION_GRACE_MILLISECONDS, inspect } from '../inspect.ts';
import { failureText } from '../printers/failure-text.ts';
import { healthPlain, healthText } from '../printers/health-text.ts';

const EXITS: Readonly<Record<Verdict, Exit>> = {
  HEALTHY: EXIT.ok,
  DEGRADED: EXIT.no,
  UNAVAILABLE: EXIT.unavailable,
  SPLIT: EXIT.split,
};

export async function run(call: Call): Promise<Exit> {
  const { terminal } = call;
  const isJson = formatOf(call) === 'json';
  let health: Health;
  try {
    const graceMilliseconds = ELECTION_GRACE_MILLISECONDS;
    health = await inspect(await call.store(), { graceMilliseconds });
  } catch (error) {
    const told = reportOf(error);
    // A usage error or a missing right is not a verdict on the cluster.
    // Neither a usage error nor a missing right is a verdict on the cluster.
    if (told.exit === EXIT.usage || told.exit === EXIT.denied) throw error;
    const reasons = [
      told.message,
      ...told.reasons.map(({ endpoint, what }) => `${endpoint} ${what}`),
    ];
    const plain = { schemaVersion: 1, verdict: 'UNAVAILABLE', reasons };
    await terminal.write(
      isJson ? `${JSON.stringify(plain)}\n` : `${terminal.paint('UNAVAILABLE', 'red')}\n`,
    );
    terminal.note(failureText(told, terminal.paintNote));
    return EXITS.UNAVAILABLE;
  }
  const { paint } = terminal;
  await terminal.write(
    isJson ? `${JSON.stringify(healthPlain(health))}\n` : healthText(health, paint),
  );
  return EXITS[health.verdict];
}
