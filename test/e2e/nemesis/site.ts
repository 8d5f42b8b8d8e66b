/** Nodes with their network and their disks, from the founding of a cluster to its end. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Cluster, writeConfig } from './cluster.ts';
import { type Ground, mount, unmount } from './ground.ts';
import { Host } from './host.ts';
import { Network } from './network.ts';

export interface SiteOptions {
  readonly folder: string;
  readonly ground: Ground;
  readonly nodes: number;
  readonly shards: number;
  /** Places where clients run. */
  readonly clientPlaces: readonly string[];
  /** The size of the file systems of all nodes but the first; none by default. */
  readonly fileSystemSize?: string;
  readonly bug?: string | undefined;
  /** It ended by itself, unexpectedly. */
  readonly onEnd: (host: Host, told: string) => void;
}

/** It protects nothing here; it tests that nodes with a secret reconnect. */
const SECRET = 'the nodes of a nemesis run share this';
const PORT = 7400;
/** On loopback each node has a port of its own. */
const LOOPBACK_PORT = 17400;

export class Site {
  readonly network: Network | undefined;
  readonly cluster: Cluster;
  readonly #options: SiteOptions;
  readonly #mounts: string[] = [];

  /** Resolves when the cluster is healthy. */
  static async open(options: SiteOptions): Promise<Site> {
    const { ground, nodes, clientPlaces } = options;
    mkdirSync(options.folder, { recursive: true });
    writeFileSync(join(options.folder, 'secret'), SECRET, { mode: 0o600 });
    const names = Array.from({ length: nodes }, (_, at) => `n${at + 1}`);
    const { switchProgram } = ground;
    const places = [...names, 'guest', ...clientPlaces];
    const network =
      switchProgram === undefined ? undefined : await Network.open(switchProgram, places);
    const site = new Site(options, network, names);
    try {
      await site.cluster.found();
    } catch (error) {
      await site.close();
      throw error;
    }
    return site;
  }

  constructor(options: SiteOptions, network: Network | undefined, names: readonly string[]) {
    this.#options = options;
    this.network = network;
    const { folder, shards } = options;
    const hosts = names.map((name) => this.#newHost(name, names));
    writeConfig(folder, shards, hosts);
    this.cluster = new Cluster({ hosts, guest: this.#newHost('guest', names), folder });
  }

  async close(): Promise<void> {
    const hosts = [...this.cluster.hosts, this.cluster.guest];
    await Promise.all(hosts.map((host) => host.kill()));
    for (const folder of this.#mounts) unmount(folder);
    await this.network?.close();
  }

  #addressOf(name: string, names: readonly string[]): string {
    if (this.network !== undefined) return `${this.network.addressOf(name)}:${PORT}`;
    const at = names.indexOf(name);
    return `127.0.0.1:${LOOPBACK_PORT + (at < 0 ? names.length : at)}`;
  }

  #newHost(name: string, names: readonly string[]): Host {
    const { folder, ground, shards, fileSystemSize, bug, onEnd } = this.#options;
    const own = join(folder, name);
    // The first one uses the disk of the machine.
    const isMounted = fileSystemSize !== undefined && ground.hasMounts && name !== names[0];
    if (isMounted) {
      mount(own, fileSystemSize);
      this.#mounts.push(own);
    }
    const others = names.filter((other) => other !== name);
    const joining = others.map((other) => this.#addressOf(other, names)).join(',');
    const founding = name === names[0] ? ['--init', '--shards', String(shards)] : [];
    return new Host({
      name,
      listen: this.#addressOf(name, names),
      folder: own,
      isMounted,
      shared: join(folder, 'shared', name),
      at: this.network?.at(name) ?? [],
      shim: ground.shim,
      bug,
      words: [
        '--insecure',
        '--secret-file',
        join(folder, 'secret'),
        '--join',
        joining,
        ...founding,
      ],
      onEnd,
    });
  }
}
