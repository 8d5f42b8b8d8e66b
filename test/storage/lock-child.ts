/** A process that takes the lock of a folder, says what came of it, and keeps it until told. */

import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { lockFolder } from '../../src/storage/files/folder-lock.ts';

const [folder = '', mode = ''] = process.argv.slice(2);
const lock = await lockFolder(folder);
// What a copy of the folder does with each file.
if (mode === 'copying') closeSync(openSync(join(folder, 'lock', 'LOCK'), 'r'));
console.log(lock.type === 'held' ? 'held' : `taken by ${lock.holder}`);
process.stdin.once('data', () => process.exit(0));
if (lock.type === 'taken') process.exit(3);
