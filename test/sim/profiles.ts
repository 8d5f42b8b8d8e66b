/** The kinds of faults, and the families of runs that draw from them. */

export const FAULT_KINDS = [
  'loss',
  'delay',
  'reorder',
  'duplicate',
  'late-duplicate',
  'one-way',
  'partition',
  'bridge',
  'clog',
  'flap',
  'crash',
  'crash-effect',
  'crash-boot',
  'crash-loop',
  'crash-majority',
  'quick-restart',
  'pause',
  'stall',
  'suspend',
  'wipe',
  'slow-disk',
  'slow-disks',
  'starve',
  'disk-stall',
  'disk-error',
  'disk-full',
  'damage',
  'row-damage',
  'vote-loss',
  'rot',
  'lie',
  'wrong-folder',
  'drift',
  'membership',
  'conflicting-change',
  'transfer',
  'campaign',
  'checkpoint',
] as const;

export type FaultKind = (typeof FAULT_KINDS)[number];

export interface Profile {
  readonly nodes: readonly [number, number];
  readonly shards: readonly [number, number];
  readonly seconds: readonly [number, number];
  /** Operations a second. */
  readonly rate: readonly [number, number];
  readonly faults: readonly FaultKind[];
  /** Present in every run. */
  readonly always: readonly FaultKind[];
  readonly heal: 'repair' | 'core' | 'either';
  readonly isLease: boolean;
  /** More is broken than is tolerated: everything may stop, but no answer may be wrong. */
  readonly isSafetyOnly: boolean;
  /** Shards quiesce as soon as the limits allow. */
  readonly isIdle: boolean;
  /** No fault, but everything is slow: leaders stay, and writes commit. */
  readonly isSlow: boolean;
}

const NETWORK: readonly FaultKind[] = [
  'loss',
  'delay',
  'reorder',
  'duplicate',
  'late-duplicate',
  'one-way',
  'partition',
  'bridge',
  'clog',
  'flap',
];
const PROCESS: readonly FaultKind[] = [
  'crash',
  'crash-effect',
  'crash-boot',
  'crash-loop',
  'crash-majority',
  'quick-restart',
  'pause',
  'stall',
  'suspend',
  'starve',
  'drift',
];
const DISK: readonly FaultKind[] = [
  'wipe',
  'slow-disk',
  'slow-disks',
  'disk-stall',
  'disk-error',
  'disk-full',
  'damage',
  'row-damage',
  'vote-loss',
  'rot',
  'lie',
  'wrong-folder',
];
const OPERATOR: readonly FaultKind[] = [
  'membership',
  'conflicting-change',
  'transfer',
  'campaign',
  'checkpoint',
];

const USUAL: Profile = {
  nodes: [3, 7],
  shards: [1, 8],
  seconds: [60, 180],
  rate: [20, 150],
  faults: FAULT_KINDS,
  always: [],
  heal: 'repair',
  isLease: false,
  isSafetyOnly: false,
  isIdle: false,
  isSlow: false,
};

export const PROFILES: Readonly<Record<string, Profile>> = {
  lite: {
    ...USUAL,
    faults: ['crash', 'crash-effect', 'crash-boot', 'crash-loop', 'crash-majority'],
    always: ['crash'],
  },
  raft: { ...USUAL, nodes: [1, 7] },
  membership: {
    ...USUAL,
    faults: [...NETWORK, ...OPERATOR, 'crash', 'crash-effect', 'wipe', 'pause'],
    always: ['membership', 'conflicting-change'],
    shards: [1, 4],
  },
  disk: {
    ...USUAL,
    faults: [
      ...DISK,
      'crash',
      'crash-effect',
      'crash-boot',
      'crash-loop',
      'crash-majority',
      'checkpoint',
      'transfer',
    ],
    always: ['damage', 'slow-disk', 'crash'],
  },
  rotten: {
    ...USUAL,
    nodes: [3, 5],
    faults: [...DISK, ...PROCESS, 'checkpoint', 'transfer', 'membership'],
    always: ['damage', 'rot', 'row-damage', 'vote-loss', 'crash'],
    isSafetyOnly: true,
  },
  lease: {
    ...USUAL,
    faults: [
      ...NETWORK,
      'crash',
      'crash-effect',
      'quick-restart',
      'pause',
      'stall',
      'transfer',
      'campaign',
      'drift',
    ],
    always: ['drift', 'partition', 'quick-restart'],
    rate: [100, 300],
    isLease: true,
  },
  network: { ...USUAL, faults: NETWORK },
  core: { ...USUAL, nodes: [3, 7], heal: 'core', seconds: [60, 120] },
  single: {
    ...USUAL,
    nodes: [1, 2],
    shards: [1, 3],
    faults: [
      ...PROCESS,
      'loss',
      'delay',
      'flap',
      'slow-disk',
      'disk-stall',
      'disk-error',
      'disk-full',
      'checkpoint',
      'transfer',
    ],
  },
  slow: {
    ...USUAL,
    nodes: [3, 5],
    shards: [1, 4],
    faults: ['slow-disks', 'starve', 'slow-disk', 'checkpoint'],
    always: ['slow-disks', 'starve'],
    isSlow: true,
  },
  quiet: {
    ...USUAL,
    shards: [4, 8],
    rate: [1, 3],
    faults: [...NETWORK, ...PROCESS, 'transfer', 'checkpoint'],
    always: ['crash'],
    isIdle: true,
    seconds: [120, 300],
  },
};
