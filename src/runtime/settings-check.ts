/** Settings are fixed when a cluster is founded; a later start with other values is refused. */

import type { Settings } from '../catalog/cluster-map.ts';

/** The explicit settings of a start. */
export type WantedSettings = Partial<Settings>;

/** Undefined if the cluster has the wanted settings. */
export function settingsFault(wanted: WantedSettings, settings: Settings): string | undefined {
  const faults = (['shards', 'replicas'] as const).flatMap((name) => {
    const value = wanted[name];
    return value === undefined || value === settings[name]
      ? []
      : [`${name} is ${value}, but the cluster has ${settings[name]}`];
  });
  if (faults.length === 0) return undefined;
  return (
    `${faults.join('; ')}: settings are fixed when a cluster is founded. Nothing was changed. ` +
    'Omit the option, or set it to the value of the cluster'
  );
}
