/** Bugs of watches, leases and locks that whole simulated clusters find within a few seeds. */

import type { Profile } from '../cluster/profile.ts';
import type { Bug } from './bug.ts';

/** By the profile whose seeds find them, before any unit test runs. */
const FOUND: Readonly<Partial<Record<Profile, readonly string[]>>> = {
  watch: [
    'position-is-version',
    'resume-skips-an-entry',
    'floor-forgets-snapshot',
    'floor-forgets-eviction',
    'synced-without-barrier',
    'progress-overtakes',
    'resume-repeats-an-entry',
    'barrier-ignores-parts',
    'resolve-tells-no-change',
    'gone-keys-not-told',
    'differences-by-version',
    'recording-by-own-clock',
    'former-is-not-read',
    'end-of-a-lease-is-not-told',
    'expiry-is-not-told',
    'sync-of-one-shard',
    'synced-behind-its-change',
    'token-of-what-was-received',
  ],
  locks: [
    'lease-by-log-time',
    'keep-revives',
    'late-operation-opens-an-ended-lease',
    'end-before-the-opening-forgotten',
    'is-new-does-not-renew',
    'end-deletes-what-is-not-its',
    'redo-writes-for-a-dead-lease',
    'lease-opened-at-resolve',
    'waiter-jumps',
    'granted-within-the-entry',
    'release-forgets-the-queue',
    'grant-not-told',
    'token-of-the-ticket',
    'fence-not-raised',
    'signal-by-monotone-only',
    'shared-owner-fenced',
    'tokens-of-one-entry',
    'end-forgets-the-tickets',
    'fence-not-redone',
  ],
};

export const NAMES_FOUND_BY_SEEDS: readonly string[] = Object.values(FOUND).flat();

/** The bug, and the profile that finds it. */
export function foundBySeeds(bug: Bug): Bug {
  const profiles = Object.entries(FOUND).flatMap(([profile, names]) => {
    return names?.includes(bug.name) ? [profile] : [];
  });
  return profiles.length === 0 ? bug : { ...bug, profiles };
}
