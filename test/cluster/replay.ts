/** Fresh machines, created for each entry: they depend on nothing but the rows. */

import { Catalog } from '../../src/catalog/catalog.ts';
import { encodeReply } from '../../src/catalog/command.ts';
import { Machine } from '../../src/machine/machine.ts';

type View = { get(section: number, key: Uint8Array): Uint8Array | undefined };
export type Applied = Pick<
  Extract<ReturnType<Machine['apply']>, { type: 'applied' }>,
  'writes' | 'replies' | 'grants'
> & { readonly coordination?: Machine['coordination'] };
type Apply = (command: { readonly index: number; readonly payload: Uint8Array }) => Applied;

const NOTHING: Applied = { writes: [], replies: [], grants: [] };

export function machineOf(view: View): Apply {
  return (command) => {
    // Created for each entry: no state is kept but the rows.
    const machine = new Machine({ source: view });
    const outcome = machine.apply(command);
    const { coordination } = machine;
    return outcome.type === 'applied' ? { ...outcome, coordination } : NOTHING;
  };
}

export function catalogOf(view: View): Apply {
  const catalog = new Catalog({ view });
  return (command) => {
    const outcome = catalog.apply(command);
    if (outcome.type === 'unknown-command') return NOTHING;
    return { writes: outcome.writes, replies: [encodeReply(outcome.reply)], grants: [] };
  };
}

/** The name of a row in a table of all sections. */
export function placeName(section: number, key: Uint8Array): string {
  return `${section}/${Buffer.from(key).toString('latin1')}`;
}

export function placeOf(name: string): { readonly section: number; readonly key: Uint8Array } {
  const slash = name.indexOf('/');
  const key = new Uint8Array(Buffer.from(name.slice(slash + 1), 'latin1'));
  return { section: Number(name.slice(0, slash)), key };
}
