/** `kvctl status`: the verdict first. Its exit code is 0 healthy, 1 degraded, 2 unavailable. */

import { type Call, formatOf } from '../call.ts';
import { EXIT, type Exit } from '../exit.ts';
import { toldOf } from '../failure.ts';
import type { Health, Verdict } from '../health.ts';
import { inspect } from '../inspect.ts';
import { failureText } from '../printers/failure-text.ts';
import { healthPlain, healthText } from '../printers/health-text.ts';

const EXITS: Readonly<Record<Verdict, Exit>> = { HEALTHY: 0, DEGRADED: 1, UNAVAILABLE: 2 };

export async function run(call: Call): Promise<Exit> {
  const { terminal } = call;
  const isJson = formatOf(call) === 'json';
  let health: Health;
  try {
    health = await inspect(await call.store());
  } catch (error) {
    const told = toldOf(error);
    // What was not understood is no verdict on the cluster, though it ends with the same number.
    if (told.exit === EXIT.usage) throw error;
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
