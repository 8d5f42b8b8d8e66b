/** Advice for the operator after a node ended by itself, chosen by its reason. Pure. */

const SAFE = 'acknowledged writes are safe on the disks of a majority';

/** The first match counts. A reason contains the error name of the operating system. */
const ADVICE: readonly (readonly [reason: RegExp, advice: string])[] = [
  [
    /^unknown-node$/,
    'the cluster does not list this node: it was removed. To use this machine again, empty the ' +
      'data folder and start the node with --join and the address of any node',
  ],
  [
    /^wrong-token$/,
    'another data folder uses the number of this node, so this one cannot serve. Check whether ' +
      'the folder was copied; empty it and start with --join: the node then joins as a new node',
  ],
  [
    /\bENOSPC\b|\bEDQUOT\b/,
    `${SAFE}: free space on the disk of the data folder, then restart the node`,
  ],
  [
    /\bEIO\b|\bEROFS\b|\bENXIO\b|\bENODEV\b/,
    `${SAFE}: check the disk first (dmesg). If it is healthy, restart the node; otherwise ` +
      'start it with an empty folder on another disk, and the other nodes copy the data to it',
  ],
  [
    /\bEACCES\b|\bEPERM\b/,
    `${SAFE}: give this user write permission for the data folder, then restart the node`,
  ],
  [
    /\bEMFILE\b|\bENFILE\b/,
    `${SAFE}: raise the limit of open files (ulimit -n), then restart the node`,
  ],
  [
    /AssertionError|\n\s+at /,
    `this is a bug in ringkv; ${SAFE}: restart the node, and report the message ` +
      'with the log lines before it',
  ],
];

export function adviceOn(reason: string): string {
  const found = ADVICE.find(([pattern]) => pattern.test(reason));
  return found?.[1] ?? `${SAFE}: fix the cause that the message names, then restart the node`;
}

const MEANINGS: Readonly<Record<string, string>> = {
  'unknown-node': 'the cluster does not know this node (unknown-node)',
  'wrong-token': 'its node number belongs to another data folder (wrong-token)',
};

/** The reason as a sentence. */
export function endText(reason: string): string {
  return `the node ended by itself: ${MEANINGS[reason] ?? reason}`;
}
