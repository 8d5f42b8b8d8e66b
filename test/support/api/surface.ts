/** What a public surface exports: its own declarations, and those that it passes on. */

import type { SourceFile, Tree } from '../tidy/tree.ts';
import { type Declaration, declarationsIn } from './declarations.ts';

/** What the package exports, and how each is imported. */
export const SURFACES = {
  'src/index.ts': 'ringkv',
  'src/admin.ts': 'ringkv/admin',
  'src/testkit.ts': 'ringkv/testkit',
  'src/queue.ts': 'ringkv/queue',
  'src/tables.ts': 'ringkv/tables',
  'src/files.ts': 'ringkv/files',
} as const;

export interface Exported extends Declaration {
  readonly file: SourceFile;
  /** A class that is exported as a type only is never constructed by users. */
  readonly isTypeOnly: boolean;
}

export interface Surface {
  readonly exported: readonly Exported[];
  /** Names that are passed on, and are declared nowhere. */
  readonly missing: readonly string[];
}

export function surfaceOf(tree: Tree, path: string): Surface {
  const files = new Map(tree.sources.map((file) => [file.path, file]));
  const surface = files.get(path);
  const exported: Exported[] = [];
  const missing: string[] = [];
  if (surface === undefined) return { exported, missing };
  for (const own of declarationsIn(surface)) {
    exported.push({ ...own, file: surface, isTypeOnly: false });
  }
  for (const { target, names, typeNames, isExport } of surface.imports) {
    if (!isExport || target === undefined) continue;
    const file = files.get(target);
    const declared = file === undefined ? [] : declarationsIn(file);
    for (const name of names) {
      const found = declared.find((one) => one.name === name);
      if (found === undefined || file === undefined) missing.push(name);
      else exported.push({ ...found, file, isTypeOnly: typeNames.includes(name) });
    }
  }
  return { exported, missing };
}

/** Its constructor is for users only if they can name it. */
export function publicMembers({ members, isTypeOnly }: Exported): Declaration['members'] {
  return isTypeOnly ? members.filter(({ name }) => name !== 'constructor') : members;
}
