/** `kvctl locks`: prints who owns locks, and who waits for them. */

import { type Call, formatOf } from '../call.ts';
import { bytesOf, encodeText, encodingOf } from '../encoding.ts';
import { EXIT, type Exit } from '../exit-codes.ts';
import { durationText } from '../pending.ts';
import { printRows } from '../printers/rows.ts';
import type { TicketInLock } from '../store.ts';

const COLUMNS = [
  { title: 'LOCK' },
  { title: 'STATE' },
  { title: 'KIND' },
  { title: 'FENCE', isNumber: true },
  { title: 'SINCE', isNumber: true },
  { title: 'LEASE' },
  { title: 'NOTE' },
];

/** Without a name only owners, and how many wait; with one the whole queue. */
export async function run(call: Call): Promise<Exit> {
  const { options, terminal, words } = call;
  const encoding = encodingOf(options);
  const name = words[0] === undefined ? undefined : bytesOf(words[0], encoding);
  const all = await (await call.store()).tickets();
  const tickets =
    name === undefined ? all : all.filter((one) => Buffer.compare(one.name, name) === 0);
  const shown = name === undefined ? tickets.filter(({ token }) => token > 0) : tickets;
  const format = formatOf(call);
  if (shown.length === 0) {
    terminal.note(name === undefined ? 'no lock is owned' : 'the lock has no owner and no queue');
  }
  if (shown.length > 0 || format !== 'table') {
    const nameOf = (ticket: TicketInLock) => encodeText(ticket.name, encoding);
    const rows = shown.map((ticket) => [
      nameOf(ticket),
      stateOf(ticket, tickets),
      ticket.kind === 'semaphore' ? `${ticket.permits} permits` : ticket.kind,
      ticket.token === 0 || ticket.kind === 'semaphore' ? '' : `${ticket.token}`,
      durationText(ticket.age),
      ticket.lease,
      ticket.note,
    ]);
    const plain = shown.map((ticket) => ({ ...ticket, name: nameOf(ticket) }));
    await printRows(terminal, format, { columns: COLUMNS, rows, plain });
  }
  return shown.length === 0 ? EXIT.no : EXIT.ok;
}

function stateOf({ name, token }: TicketInLock, tickets: readonly TicketInLock[]): string {
  if (token === 0) return 'waits';
  const waiting = tickets.filter((one) => {
    return one.token === 0 && Buffer.compare(one.name, name) === 0;
  });
  return waiting.length === 0 ? 'owns' : `owns, ${waiting.length} waiting`;
}
