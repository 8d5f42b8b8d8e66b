/**
 * A process that locks a folder, reports the result, and holds the lock until told to release it.
 */

import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { lockFolder } from '../../src/storage/files/folder-lock.ts';

const [folder = '', mode = ''] = process.argv.slice(2);
const lock = await lockFolder(folder);
// The file operations of a copy of the folder.
if (mode === 'copying') closeSync(openSync(join(folder, 'lock', 'LOCK'), 'r'));
console.log(lock.type === 'held' ? 'held' : `taken by ${lock.holder}`);
process.stdin.once('data', () => process.exit(0));
if (lock.type === 'taken') process.exit(3);
