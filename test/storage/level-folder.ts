/** LevelDB folders with several tables and a log, as the state store leaves them. */

import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { openState } from '../../src/storage/state/state-folder.ts';
import { StateStore } from '../../src/storage/state/state-store.ts';
import { IDENTITY, LevelMedium, put, remove, SHARD, StateRig } from './state-rig.ts';

export function temporary(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'ringkv-level-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export const ROWS = 400;

export function keyAt(at: number): string {
  return `k:${String(at).padStart(5, '0')}`;
}

/** The newest value of each key: written by the first open store, or by a later one. */
export function valueAt(at: number): string | undefined {
  if (at % 10 === 7) return undefined;
  return at % 2 === 0 ? `new ${at} ${'y'.repeat(60)}` : `old ${at} ${'x'.repeat(60)}`;
}

/**
 * Every row is written once; later each second one is rewritten and each tenth deleted. So tables
 * overlap, and older values would show if newer ones were lost.
 */
export async function fill(folder: string): Promise<void> {
  const medium = new LevelMedium(folder);
  const rig = new StateRig(medium);
  await rig.open();
  rig.create();
  const all = Array.from({ length: ROWS }, (_, at) => at);
  rig.apply(all.map((at) => put(keyAt(at), `old ${at} ${'x'.repeat(60)}`)));
  await rig.checkpoint();
  await rig.reopen();
  const changed = all.filter((at) => at % 2 === 0 || at % 10 === 7);
  const write = (at: number) => {
    const value = valueAt(at);
    return value === undefined ? remove(keyAt(at)) : put(keyAt(at), value);
  };
  for (const half of [0, 1]) {
    rig.apply(changed.filter((_, place) => place % 2 === half).map(write));
    await rig.checkpoint();
    await rig.reopen();
  }
  rig.apply([put('last', 'in the log alone')]);
  await rig.checkpoint();
  await rig.close();
}

export function copyOf(folder: string, name: string): string {
  const copy = `${folder}-${name}`;
  rmSync(copy, { recursive: true, force: true });
  cpSync(folder, copy, { recursive: true });
  return copy;
}

export function filesOf(folder: string, pattern: RegExp): readonly string[] {
  return readdirSync(folder).filter((name) => pattern.test(name));
}

export function change(path: string, edit: (bytes: Buffer) => Buffer | undefined): void {
  const bytes = readFileSync(path);
  writeFileSync(path, edit(bytes) ?? bytes);
}

export function flip(path: string, bit: number): void {
  change(path, (bytes) => {
    bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
    return undefined;
  });
}

/** Opens the store as a node does; errors are thrown. */
export async function openStore(folder: string): Promise<StateStore> {
  const fail = (cause: unknown) => {
    throw cause;
  };
  const disk = await openState({ folder, identity: IDENTITY, onFault: fail, onDamage: fail });
  return new StateStore({
    disk,
    identity: IDENTITY,
    durableIndex: () => 0,
    onProgress: () => {},
    onBatch: () => {},
    onDamage: fail,
  });
}

export function closeStore(store: StateStore): Promise<void> {
  return new Promise((resolve) => store.close(resolve));
}

/** Keys whose value is not the newest one. */
export function wrongRows(store: StateStore): readonly string[] {
  const wrong: string[] = [];
  const decoder = new TextDecoder();
  for (let at = 0; at < ROWS; at++) {
    const found = store.get(SHARD, 0, new TextEncoder().encode(keyAt(at)));
    const value = found === undefined ? undefined : decoder.decode(found);
    if (value !== valueAt(at)) wrong.push(`${keyAt(at)}: ${value}`);
  }
  return wrong;
}
