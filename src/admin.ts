/** The second public surface, `ringkv/admin`: calls for tools that operate a cluster. */

export type { AccessTable, TokenRow, User } from './access/access-table.ts';
export type { PasswordCost, PasswordRow, PasswordTerms } from './access/password.ts';
export type { AdminVerb, KeyGrant, KeyVerb, Role } from './access/role.ts';
export type {
  StorageLimitedUser,
  StorageLimitName,
  StorageLimits,
} from './access/storage-limits.ts';
export type { LimitedUser, UserLimitName, UserLimits } from './access/user-limits.ts';
export type { MemberId, NodeId, ShardId } from './base/ids.ts';
export type {
  AimedBasis,
  Basis,
  ClusterMap,
  Member,
  NodeDescription,
  NodeMembership,
  NodeRow,
  Settings,
  ShardRow,
} from './catalog/cluster-map.ts';
export type {
  AccessChange,
  AccessIdentity,
  AccessReport,
  EnableOptions,
  GrantText,
  RoleText,
  StoredUse,
  TokenRequest,
  TokenText,
  Unconfirmed,
  UserText,
} from './client/access-admin.ts';
export {
  askAccess,
  awaitAccess,
  changeAccess,
  createToken,
  enableAccess,
  whoAmI,
} from './client/access-admin.ts';
export type { AskOptions, Waiting } from './client/admin.ts';
export { askInfo, askMap, askPending, settle } from './client/admin.ts';
export type { LeaseInShard, TicketInLock } from './client/coordination-admin.ts';
export { askLeases, askTickets, revokeLease } from './client/coordination-admin.ts';
export type { LoggedIn, LoginOptions, LoginRequest, PasswordRequest } from './client/login.ts';
export { login, setPassword } from './client/login.ts';
export type { MembershipRequest } from './client/membership.ts';
export { setMembership } from './client/membership.ts';
export type { SettledOutcome } from './machine/outcome.ts';
export type { Participant } from './machine/transaction.ts';
