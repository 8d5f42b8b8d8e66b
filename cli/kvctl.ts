#!/usr/bin/env node
/** The program `kvctl`: wiring only. */

import { readFileSync } from 'node:fs';
import { main } from './main.ts';

const manifest = new URL('../../package.json', import.meta.url);

// Only the current user may access what kvctl creates: folders, pid files, logs, a secret.
process.umask(0o077);

process.exitCode = await main({
  words: process.argv.slice(2),
  environment: process.env,
  input: process.stdin,
  data: process.stdout,
  notes: process.stderr,
  readVersion: () => JSON.parse(readFileSync(manifest, 'utf8')).version,
});
