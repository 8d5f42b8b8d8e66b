/** Users, tokens and roles of the cluster in memory: fixed ones, and what was asked to change. */

import type { AccessCalls } from '../../cli/store.ts';

const ID = '1f6a0c55d20b9e37';
const TOKEN = `${ID}.${'5'.repeat(64)}`;
const ROLE = {
  name: 'orders',
  grants: [{ from: 'orders/', to: 'orders0', verbs: ['read', 'write'] }],
  admin: [],
} as const;

export function memoryAccess(): AccessCalls {
  const self = { isEnabled: true, isKnown: true, user: 'billing', token: ID, expiresAt: 0 };
  const token = { id: ID, user: 'billing', scope: [], expiresAt: 0, note: '' };
  const report = { isEnabled: true, version: 7, roles: [ROLE], tokens: [token] };
  return {
    self: () => Promise.resolve({ ...self, roles: [ROLE] }),
    selfBy: () => Promise.resolve({ ...self, roles: [ROLE] }),
    report: () => Promise.resolve({ ...report, users: [{ name: 'billing', roles: ['orders'] }] }),
    change: () => Promise.resolve(7),
    createToken: () => Promise.resolve(TOKEN),
    enable: () => Promise.resolve(TOKEN),
    confirm: () => Promise.resolve({ nodes: [], shards: [] }),
  };
}
