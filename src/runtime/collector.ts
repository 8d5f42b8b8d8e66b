/** What V8 is told about the memory of a process that is a node, and nothing else. */

import { setFlagsFromString } from 'node:v8';

/**
 * V8 collects the whole heap when heap and buffers have grown by a share of the heap. The heap of a
 * node is small, about 20 MB, since rows, entries and frames lie in buffers outside of it; so
 * values of 64 KiB made it collect after every ten megabytes of frames, which was a quarter of the
 * processor time of such a write. With this factor it is every forty. V8 itself chooses a factor
 * between 1.1 and 4, by how fast it expects to be.
 */
const GROWING_PERCENT = 200;

/** Required: the process belongs to the node. An embedding program decides for itself. */
export function setUpCollector(): void {
  setFlagsFromString(`--heap-growing-percent=${GROWING_PERCENT}`);
}
