/** The contract of the transport on sockets with TLS. */

import { TestAuthority } from '../support/certificates.ts';
import { NAME } from './network-under-test.ts';
import { testTransport } from './transport-contract.ts';
import { openWeb } from './web-under-test.ts';

const TEXTS = new TestAuthority().node(NAME);

testTransport('tls', () => openWeb(TEXTS));
