/** The space in which all keys of the layer are. */

import type { Client, Space } from '../../index.ts';
import { storedValue } from './stored-value.ts';

/** Of the client, or of the space that the layer is given. */
const SPACE = 'tables';

export function keysOf(kv: Pick<Client, 'space'>): Space<unknown> {
  return kv.space<unknown>(SPACE, { codec: storedValue, keys: 'bytes' });
}
