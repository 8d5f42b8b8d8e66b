/** What the identity file of a folder says, and what becomes of one that another version wrote. */

import { deepEqual, match } from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import type { NodeId } from '../../src/base/ids.ts';
import { decodeIdentity, encodeIdentity } from '../../src/storage/log/log-identity.ts';

const OWNER = { cluster: 'c1', node: 1 as NodeId };
const IDENTITY = { ...OWNER, incarnation: 4, boots: [7, 8] };

function sealed(line: string): Uint8Array {
  const crc = crc32(line).toString(16).padStart(8, '0');
  return new TextEncoder().encode(`${line}\n${crc}\n`);
}

test('the identity is read as it was written', () => {
  deepEqual(decodeIdentity(encodeIdentity(IDENTITY), OWNER), IDENTITY);
});

test('a folder of another version is refused with both formats and the remedy', () => {
  for (const format of [2, 99]) {
    const said = decodeIdentity(sealed(JSON.stringify({ format, ...IDENTITY })), OWNER);
    const formats = new RegExp(
      `written the folder \\(format ${format}; this version reads format 3`,
    );
    match(String(said), formats);
    match(String(said), /start the node with that version, or with an empty folder/);
  }
});

test('a folder of another node is refused', () => {
  const other = { cluster: 'c2', node: 1 as NodeId };
  const said = decodeIdentity(encodeIdentity(IDENTITY), other);
  match(String(said), /belongs to node 1 of cluster c1, not to node 1 of cluster c2/);
});
