/**
 * A sealed state disk as builds wrote it before rows had a cipher of their own: each row is sealed
 * by AES-GCM, and the record of the store has the format of a plain one.
 */

import { AES_GCM, NONCE_BYTES } from '../../../src/storage/sealing/aead.ts';
import type { Keyring } from '../../../src/storage/sealing/keyring.ts';
import { sealedDisk } from '../../../src/storage/sealing/sealed-disk.ts';
import type { StateDisk } from '../../../src/storage/state/state-disk.ts';
import { KEY_KIND } from '../../../src/storage/state/state-key.ts';

const LIFE_BYTES = 14;
const HEAD_BYTES = 20;

export function formerDisk(disk: StateDisk, keyring: Keyring): StateDisk {
  const life = Buffer.from(keyring.salt(LIFE_BYTES));
  life.writeUInt16BE(keyring.newest);
  const salt = new Uint8Array(life.subarray(2));
  const key = keyring.derive({ number: keyring.newest, salt, purpose: 'state' });
  if (key === undefined) throw new Error('the newest data key is unknown');
  let seals = 0;
  const sealed = (context: Uint8Array, text: Uint8Array) => {
    const nonce = Buffer.alloc(NONCE_BYTES);
    seals += 1;
    nonce.writeUIntBE(seals, NONCE_BYTES - 6, 6);
    const row = AES_GCM.seal({ key, nonce, context }, text, HEAD_BYTES);
    row.set(life);
    row.set(nonce.subarray(NONCE_BYTES - 6), LIFE_BYTES);
    return row;
  };
  const isSealed = (stored: Uint8Array) => {
    return stored[0] === KEY_KIND.row || stored[0] === KEY_KIND.shard;
  };
  return {
    ...sealedDisk(disk, keyring),
    isSealed: false,
    batch: () => {
      const batch = disk.batch();
      return {
        put: (stored, value) => batch.put(stored, isSealed(stored) ? sealed(stored, value) : value),
        delete: (stored) => batch.delete(stored),
        write: (done) => batch.write(done),
      };
    },
  };
}
