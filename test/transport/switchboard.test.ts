/** The contract of the transport, on sockets in memory and on those of the system. */

import { openMemory } from './memory-under-test.ts';
import { testTransport } from './transport-contract.ts';
import { openWeb } from './web-under-test.ts';

testTransport('memory', () => openMemory());
testTransport('web', () => openWeb());
