/** What to do about a node that ended by itself, by the reason that it gave. Pure. */

const SAFE = 'what was acknowledged is on the disks of a majority and safe';

/** The first that fits. Reasons hold the system's own names of its errors. */
const ADVICE: readonly (readonly [reason: RegExp, advice: string])[] = [
  [
    /^unknown-node$/,
    'the cluster does not list this node: it was removed. To use this machine again, empty the ' +
      'data folder and start it with --join and the address of any node',
  ],
  [
    /^wrong-token$/,
    'another data folder has the number of this node, so this one may not serve. Look whether ' +
      'the folder was copied; empty it and start it with --join: it then joins as a new node',
  ],
  [
    /\bENOSPC\b|\bEDQUOT\b/,
    `${SAFE}: make room on the disk of the data folder, then start it again as it was`,
  ],
  [
    /\bEIO\b|\bEROFS\b|\bENXIO\b|\bENODEV\b/,
    `${SAFE}: look at the disk first (dmesg). If it is sound, start the node again as it was; ` +
      'if not, start it with an empty folder on another disk, and the others feed it',
  ],
  [
    /\bEACCES\b|\bEPERM\b/,
    `${SAFE}: give this user the right to write in the data folder, then start it again`,
  ],
  [
    /\bEMFILE\b|\bENFILE\b/,
    `${SAFE}: allow the process more open files (ulimit -n), then start it again`,
  ],
  [
    /AssertionError|\n\s+at /,
    `this is a fault of ringkv, and ${SAFE}: start it again as it was, and report the message ` +
      'with the lines of its log before it',
  ],
];

export function adviceOn(reason: string): string {
  const found = ADVICE.find(([pattern]) => pattern.test(reason));
  return (
    found?.[1] ?? `${SAFE}: do what the message says, or mend what it names and start it again`
  );
}

const MEANINGS: Readonly<Record<string, string>> = {
  'unknown-node': 'the cluster does not know it (unknown-node)',
  'wrong-token': 'its number belongs to another data folder (wrong-token)',
};

/** The reason in words. */
export function endText(reason: string): string {
  return `the node ended by itself: ${MEANINGS[reason] ?? reason}`;
}
