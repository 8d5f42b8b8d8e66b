/** Settings are chosen when a cluster is founded; later ones that differ are refused by name. */

import type { Settings } from '../catalog/cluster-map.ts';

/** What a person asked for by name, if anything. */
export type WantedSettings = Partial<Settings>;

/** Undefined if the cluster is as it is wanted. */
export function settingsFault(wanted: WantedSettings, settings: Settings): string | undefined {
  const faults = (['shards', 'replicas'] as const).flatMap((name) => {
    const value = wanted[name];
    return value === undefined || value === settings[name]
      ? []
      : [`${name} is ${value}, and the cluster has ${settings[name]}`];
  });
  if (faults.length === 0) return undefined;
  return (
    `${faults.join('; ')}: settings are chosen when a cluster is founded. Nothing was changed. ` +
    'Leave the option out, or give it the value of the cluster'
  );
}
