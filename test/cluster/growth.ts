/** The founding of a simulated cluster: one node founds it, and others join. */

import type { NodeId } from '../../src/base/ids.ts';
import type { RaftLimits } from '../../src/base/limits.ts';
import type { Random } from '../../src/base/random.ts';
import { WATCH_LIMITS } from '../../src/base/watch-limits.ts';
import type { Settings } from '../../src/catalog/cluster-map.ts';
import { decodeReply, encodeCommand } from '../../src/catalog/command.ts';
import type { NodeCore } from '../../src/node/node-core.ts';
import type { Responder } from '../../src/shard/responder.ts';
import { Computer } from './computer.ts';
import { misplacementOf } from './placement.ts';
import { type LoadOf, SPREAD } from './processor.ts';
import { type Sizes, SMALL_SIZES } from './sizes.ts';
import type { Surroundings } from './surroundings.ts';
import type { Witness } from './witness.ts';

const CLUSTER = 'simulated';

interface GrowthOptions {
  readonly surroundings: Surroundings;
  readonly random: Random;
  readonly witness: Witness;
  readonly limits: RaftLimits;
  readonly sizes?: Sizes;
  readonly historyBytesMax?: number;
  /** Leaders are spread by default. */
  readonly loadOf?: LoadOf;
  readonly onComputer?: (computer: Computer) => void;
}

export class Growth {
  readonly #options: GrowthOptions;
  readonly computers: Computer[] = [];

  constructor(options: GrowthOptions) {
    this.#options = options;
  }

  /** The first node; the cluster is founded as soon as it has a map. */
  begin(settings: Settings): void {
    const first = this.#add();
    const map = new Uint8Array();
    first.settle({ cluster: CLUSTER, node: 1 as NodeId, joinToken: this.#token(), map });
    first.start(settings);
  }

  get isFounded(): boolean {
    return (this.computers[0]?.core?.state.map?.version ?? 0) > 0;
  }

  /**
   * It repeats the request, as a process would; the same token gives the same number. At the
   * address of a machine that was there before, it is that machine, with an empty folder.
   */
  join(delay: number, address?: string): void {
    const computer = this.#add(address);
    const { surroundings, random } = this.#options;
    const { agenda } = surroundings;
    const { url } = computer;
    const joinToken = this.#token();
    const description = { name: '', peerUrl: url, clientUrl: url, weight: 1, zone: '' };
    const command = encodeCommand({ type: 'join', joinToken, description, proof: undefined });
    const originAt = (core: NodeCore): Responder => ({
      respond: (response) => {
        const reply = response.type === 'commanded' ? decodeReply(response.reply) : undefined;
        if (reply?.type === 'refused') surroundings.probes.hit(`refused: ${reply.reason}`);
        if (computer.identity !== undefined || reply?.type !== 'done') return;
        // As over the clients' door: without users, which it learns from its peers.
        const { clientBytes: map } = core.state.maps;
        computer.settle({ cluster: CLUSTER, node: reply.node, joinToken, map: map.slice() });
        computer.start();
      },
    });
    const ask = () => {
      if (computer.identity !== undefined || computer.isLost) return;
      const core = random.pick(this.computers.map((one) => one.core));
      core?.ask({ type: 'command', id: 1, command }, originAt(core));
      agenda.after(random.between(200, 600), ask);
    };
    agenda.after(delay, ask);
  }

  /** Every shard has its full number of replicas, on the nodes of its goal. */
  get isPlaced(): boolean {
    return misplacementOf(this.computers) === undefined;
  }

  /** A computer for a copy of a folder; it does not count among those of the cluster. */
  newTwin(): Computer {
    return this.#newComputer({ url: 'ws://twin', name: 'twin' });
  }

  #add(address?: string): Computer {
    const url = address ?? `ws://node-${this.#addresses.length + 1}`;
    const computer = this.#newComputer({ url, name: `${this.computers.length} ${url}` });
    this.computers.push(computer);
    this.#options.onComputer?.(computer);
    return computer;
  }

  #newComputer(named: { readonly url: string; readonly name: string }): Computer {
    const { surroundings, witness, limits, sizes = SMALL_SIZES } = this.#options;
    const { historyBytesMax = WATCH_LIMITS.historyBytesDefault } = this.#options;
    const configured = () => this.#addresses;
    const { loadOf = SPREAD } = this.#options;
    const rules = { limits, sizes, historyBytesMax, loadOf, configured };
    return new Computer({ ...named, surroundings, witness, ...rules });
  }

  /** Of every machine that there is or was: what an operator configures. */
  get #addresses(): readonly string[] {
    return [...new Set(this.computers.map(({ url }) => url))];
  }

  #token(): Uint8Array {
    return Uint8Array.from({ length: 16 }, () => this.#options.random.below(256));
  }
}
