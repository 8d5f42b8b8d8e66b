/** The contract's network over loopback, with a proxy in front of each place. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { TlsTexts } from '../../src/certificates/reading.ts';
import { TIMERS } from '../../src/transport/timers.ts';
import { WebSockets } from '../../src/transport/web-sockets.ts';
import type { NetworkUnderTest } from './network-under-test.ts';
import { LoopbackProxy } from './proxy.ts';

export function openWeb(texts?: TlsTexts): NetworkUnderTest {
  const proxies = new Map<string, LoopbackProxy>();
  const open = new Set<WebSockets>();
  const everywhere = (work: (proxy: LoopbackProxy) => void) => {
    for (const proxy of proxies.values()) work(proxy);
  };
  return {
    schedule: TIMERS,
    isCertified: texts !== undefined,
    place: async (url) => {
      const sockets = await WebSockets.listen({
        ...{ host: '127.0.0.1', port: 0 },
        tls: texts && { texts, isClientCertified: true },
      });
      open.add(sockets);
      const proxy = proxies.get(url ?? '') ?? (await LoopbackProxy.open());
      proxies.set(proxy.url, proxy);
      proxy.target = sockets.port;
      return { url: proxy.url, sockets, crash: () => sockets.close() };
    },
    pass: async (milliseconds) => {
      await sleep(milliseconds);
    },
    stall: () => everywhere((proxy) => proxy.stall()),
    resume: () => everywhere((proxy) => proxy.resume()),
    reset: () => everywhere((proxy) => proxy.reset()),
    end: async () => {
      for (const proxy of proxies.values()) await proxy.close();
      for (const sockets of open) await sockets.close();
    },
  };
}
