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
  const about = { user: 'billing', expiresAt: 0, isLogin: false } as const;
  const self = { ...about, isEnabled: true, isKnown: true, token: ID };
  const token = { ...about, id: ID, scope: [], note: '' };
  const user = { name: 'billing', roles: ['orders'], hasPassword: true };
  const report = { isEnabled: true, version: 7, roles: [ROLE], tokens: [token] };
  return {
    self: () => Promise.resolve({ ...self, roles: [ROLE] }),
    selfBy: () => Promise.resolve({ ...self, roles: [ROLE] }),
    report: () => Promise.resolve({ ...report, users: [user] }),
    change: () => Promise.resolve(7),
    login: () => Promise.resolve({ token: TOKEN, expiresAt: 1 }),
    logout: () => Promise.resolve(7),
    setPassword: () => Promise.resolve(7),
    createToken: () => Promise.resolve(TOKEN),
    enable: () => Promise.resolve(TOKEN),
    confirm: () => Promise.resolve({ nodes: [], shards: [] }),
  };
}
