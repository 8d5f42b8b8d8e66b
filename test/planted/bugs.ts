/** Every planted bug. */

import type { Bug } from './bug.ts';
import { ACCESS_BUGS } from './bugs-access.ts';
import { AUDIT_BUGS } from './bugs-audit.ts';
import { BOUNDS_BUGS } from './bugs-bounds.ts';
import { BUDGET_BUGS } from './bugs-budgets.ts';
import { CALL_BUGS } from './bugs-calls.ts';
import { CATALOG_BUGS } from './bugs-catalog.ts';
import { CHANGE_BUGS } from './bugs-changes.ts';
import { CLIENT_BUGS } from './bugs-client.ts';
import { CLIENT_LOCK_BUGS } from './bugs-client-locks.ts';
import { CLUSTER_BUGS } from './bugs-cluster.ts';
import { CLUSTER_TXN_BUGS } from './bugs-cluster-txn.ts';
import { CONSISTENCY_BUGS } from './bugs-consistency.ts';
import { CONTENTION_BUGS } from './bugs-contention.ts';
import { RECOVERY_BUGS } from './bugs-disk-recovery.ts';
import { WRITING_BUGS } from './bugs-disk-writing.ts';
import { EDGE_BUGS } from './bugs-edge.ts';
import { ELECTION_BUGS } from './bugs-elections.ts';
import { ENCODING_BUGS } from './bugs-encodings.ts';
import { FILES_BUGS } from './bugs-files.ts';
import { FOLDER_BUGS } from './bugs-folder.ts';
import { FOUNDING_BUGS } from './bugs-founding.ts';
import { HISTORY_BUGS } from './bugs-histories.ts';
import { LEASE_BUGS } from './bugs-leases.ts';
import { LEVEL_BUGS } from './bugs-level.ts';
import { LINK_BUGS } from './bugs-links.ts';
import { LIFE_BUGS } from './bugs-lives.ts';
import { LOG_BUGS } from './bugs-log.ts';
import { DATA_BUGS } from './bugs-machine-data.ts';
import { LOCK_BUGS } from './bugs-machine-locks.ts';
import { SESSION_BUGS } from './bugs-machine-sessions.ts';
import { TRANSACTION_BUGS } from './bugs-machine-transactions.ts';
import { MEMBERSHIP_BUGS } from './bugs-membership.ts';
import { NODE_MEMBERSHIP_BUGS } from './bugs-node-membership.ts';
import { OUTPUT_BUGS } from './bugs-output.ts';
import { PASSWORD_BUGS } from './bugs-passwords.ts';
import { QUOTA_BUGS } from './bugs-quotas.ts';
import { READ_BUGS } from './bugs-reads.ts';
import { REPAIR_BUGS } from './bugs-repair.ts';
import { RESERVATION_BUGS } from './bugs-reservations.ts';
import { SEALING_BUGS } from './bugs-sealing.ts';
import { SLOWNESS_BUGS } from './bugs-slow.ts';
import { SNAPSHOT_BUGS } from './bugs-snapshots.ts';
import { STAGING_BUGS } from './bugs-staging.ts';
import { STATE_BUGS } from './bugs-state-store.ts';
import { STORAGE_QUOTA_BUGS } from './bugs-storage-quotas.ts';
import { STREAM_BUGS } from './bugs-streams.ts';
import { TABLE_BUGS } from './bugs-tables.ts';
import { TESTKIT_BUGS } from './bugs-testkit.ts';
import { TLS_BUGS } from './bugs-tls.ts';
import { COORDINATION_BUGS } from './bugs-txn.ts';
import { UNCHANGED_BUGS } from './bugs-unchanged.ts';
import { WATCH_BUGS } from './bugs-watches.ts';
import { foundBySeeds } from './found-by-seeds.ts';

const ALL: readonly Bug[] = [
  ...ACCESS_BUGS,
  ...AUDIT_BUGS,
  ...QUOTA_BUGS,
  ...STORAGE_QUOTA_BUGS,
  ...TABLE_BUGS,
  ...TESTKIT_BUGS,
  ...CLIENT_BUGS,
  ...CALL_BUGS,
  ...CLIENT_LOCK_BUGS,
  ...ELECTION_BUGS,
  ...OUTPUT_BUGS,
  ...LINK_BUGS,
  ...LOG_BUGS,
  ...LIFE_BUGS,
  ...HISTORY_BUGS,
  ...MEMBERSHIP_BUGS,
  ...PASSWORD_BUGS,
  ...READ_BUGS,
  ...REPAIR_BUGS,
  ...WRITING_BUGS,
  ...RECOVERY_BUGS,
  ...FILES_BUGS,
  ...FOLDER_BUGS,
  ...STATE_BUGS,
  ...LEVEL_BUGS,
  ...SEALING_BUGS,
  ...SLOWNESS_BUGS,
  ...SNAPSHOT_BUGS,
  ...BOUNDS_BUGS,
  ...BUDGET_BUGS,
  ...LOCK_BUGS,
  ...LEASE_BUGS,
  ...SESSION_BUGS,
  ...DATA_BUGS,
  ...CHANGE_BUGS,
  ...TRANSACTION_BUGS,
  ...CATALOG_BUGS,
  ...COORDINATION_BUGS,
  ...STAGING_BUGS,
  ...CONTENTION_BUGS,
  ...CONSISTENCY_BUGS,
  ...UNCHANGED_BUGS,
  ...RESERVATION_BUGS,
  ...CLUSTER_BUGS,
  ...CLUSTER_TXN_BUGS,
  ...NODE_MEMBERSHIP_BUGS,
  ...FOUNDING_BUGS,
  ...EDGE_BUGS,
  ...TLS_BUGS,
  ...ENCODING_BUGS,
  ...STREAM_BUGS,
  ...WATCH_BUGS,
];

export const BUGS: readonly Bug[] = ALL.map(foundBySeeds);
