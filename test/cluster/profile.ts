/** The main kinds of work of a simulated cluster. Imports nothing: planted bugs come first. */

/** Single commands, transactions over several shards, watches, leases and locks. */
export const CLUSTER_PROFILES = ['cluster', 'txn', 'watch', 'locks'] as const;
export type Profile = (typeof CLUSTER_PROFILES)[number];
