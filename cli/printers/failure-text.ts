/** A failure as text in four parts: what failed, on what, why, and what to do. */

import { visible } from '../encoding.ts';
import type { FailureReport } from '../failure.ts';
import type { Paint } from '../terminal.ts';

export function failureText(
  { code, message, reasons, effect, hint }: FailureReport,
  paint: Paint,
): string {
  const width = Math.max(0, ...reasons.map(({ endpoint }) => endpoint.length));
  const lines = [`${paint(`error ${code}`, 'red')}: ${message}`];
  for (const { endpoint, what, count = 1 } of reasons) {
    const times = count === 1 ? '' : ` (${count} times)`;
    lines.push(visible(`  ${endpoint.padEnd(width)}  ${what}${times}`));
  }
  if (effect !== '') lines.push(`effect: ${effect}`);
  lines.push(`${paint('hint', 'cyan')}: ${hint}`);
  if (code !== 'usage') lines.push(paint(`more: kvctl explain ${code}`, 'dim'));
  return lines.join('\n');
}

/** The failure as JSON. */
export function failureJson({ code, exit, message, reasons, effect, hint }: FailureReport): string {
  return JSON.stringify({ error: { code, exit, message, reasons, effect, hint } });
}
