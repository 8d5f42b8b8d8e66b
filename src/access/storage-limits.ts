/** How much may be stored where a user may write. Unlike its other limits, of the whole cluster. */

/**
 * - `storedKeys`: keys in the ranges that the user's roles may write.
 * - `storedBytes`: bytes of these keys and of their values.
 */
export const STORAGE_LIMIT_NAMES = ['storedKeys', 'storedBytes'] as const;

/** One of the things that are limited. */
export type StorageLimitName = (typeof STORAGE_LIMIT_NAMES)[number];

/** How much may be stored where a user may write; 0 for what is not limited. */
export type StorageLimits = { readonly [Name in StorageLimitName]: number };

/** The storage limits of a user, by its name. */
export interface StorageLimitedUser extends StorageLimits {
  /** The name of the user. */
  readonly user: string;
}

export const UNLIMITED_STORAGE: StorageLimits = { storedKeys: 0, storedBytes: 0 };

export function storageLimitsOf(
  limited: readonly StorageLimitedUser[],
  name: string,
): StorageLimits {
  return limited.find(({ user }) => user === name) ?? UNLIMITED_STORAGE;
}

export function isStorageUnlimited(limits: StorageLimits): boolean {
  return STORAGE_LIMIT_NAMES.every((name) => limits[name] === 0);
}

/** A limit that a request would exceed. */
export interface StorageExcess {
  readonly limit: StorageLimitName;
  readonly allowed: number;
  /** Stored now, as far as the node that refuses it knows. */
  readonly used: number;
  /** What the request would add. */
  readonly added: number;
}

const UNITS: Readonly<Record<StorageLimitName, string>> = {
  storedKeys: 'keys',
  storedBytes: 'bytes',
};

/** For errors. What it says was so at the node that has refused the request. */
export function excessText({ limit, allowed, used, added }: StorageExcess): string {
  const unit = UNITS[limit];
  const stored = `${used} ${unit} are stored where the user may write`;
  return `${stored}, and the request adds ${added}; the limit is ${allowed} ${unit} (${limit})`;
}
