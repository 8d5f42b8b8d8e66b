/** `make docs`: writes `docs/API.md` anew from the doc comments. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { readTree } from '../tidy/tree.ts';
import { referenceOf } from './reference.ts';

mkdirSync('docs', { recursive: true });
writeFileSync('docs/API.md', referenceOf(readTree('.')));
