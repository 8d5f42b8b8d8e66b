/** The operator of a simulated cluster: only what a person can do with kvctl and a new machine. */

import type { NodeId } from '../../src/base/ids.ts';
import type { Random } from '../../src/base/random.ts';
import type { NodeMembership } from '../../src/catalog/cluster-map.ts';
import { decodeReply, encodeCommand } from '../../src/catalog/command.ts';
import type { Responder } from '../../src/shard/responder.ts';
import type { Computer } from './computer.ts';
import type { Growth } from './growth.ts';
import type { Surroundings } from './surroundings.ts';

interface OperatorOptions {
  readonly surroundings: Surroundings;
  readonly random: Random;
  readonly growth: Growth;
}

/** Machines whose addresses the customers were given: some have to keep them. */
const FIRST_ADDRESSES_MIN = 1;

export class Operator {
  readonly #options: OperatorOptions;
  /** The requested goal that is not reported as reached. */
  #waiting = 0;
  readonly #drained = new Set<NodeId>();

  constructor(options: OperatorOptions) {
    this.#options = options;
  }

  /** The catalog has everything that was requested. */
  get isIdle(): boolean {
    return this.#waiting === 0;
  }

  /** A disk is lost. The machine gets a new one, or another machine replaces it. */
  replaceDisk(computer: Computer): void {
    const { growth, random, surroundings } = this.#options;
    computer.lose();
    if (computer.node === undefined) return;
    this.#drained.delete(computer.node);
    if (random.chance(0.6) || !this.#maySpareAddress(computer)) {
      surroundings.probes.hit('a machine was wiped');
      growth.join(random.pick([0, 0, 500, 3000]), computer.url);
      return;
    }
    surroundings.probes.hit('a machine was given up');
    growth.join(random.pick([0, 2000]));
    this.#ask(computer.node, 'removing', random.pick([0, 1000, 5000]));
  }

  /** Its folder was refused as an old copy: it is moved away, and an empty one joins. */
  startAnew(computer: Computer): void {
    const { growth, random, surroundings } = this.#options;
    surroundings.probes.hit('an old copy was refused');
    if (computer.node !== undefined) this.#drained.delete(computer.node);
    growth.join(random.pick([0, 500, 3000]), computer.url);
  }

  /** A machine is taken out of service: another one joins first, or replicas are given up. */
  remove(computer: Computer): void {
    const { growth, random, surroundings } = this.#options;
    if (computer.node === undefined || !this.#maySpareAddress(computer)) return;
    surroundings.probes.hit('a node was removed');
    computer.isToGo = true;
    this.#drained.delete(computer.node);
    growth.join(0);
    this.#ask(computer.node, 'removing', random.pick([0, 1000, 5000]));
  }

  drain(computer: Computer): void {
    if (computer.node === undefined || computer.isToGo) return;
    this.#options.surroundings.probes.hit('a node was drained');
    this.#drained.add(computer.node);
    this.#ask(computer.node, 'draining', 0);
  }

  /** Cancels the drain of all drained nodes or some. */
  undrain(): void {
    const { random } = this.#options;
    for (const node of this.#drained) {
      if (random.chance(0.5)) continue;
      this.#drained.delete(node);
      this.#ask(node, 'active', 0);
    }
  }

  #maySpareAddress(computer: Computer): boolean {
    const { growth } = this.#options;
    const staying = growth.computers.filter((one) => {
      return one !== computer && one.isFirst && !one.isLost && !one.isToGo;
    });
    return staying.length >= FIRST_ADDRESSES_MIN;
  }

  /** As a person types it, repeated until the cluster confirms it. */
  #ask(node: NodeId, membership: NodeMembership, delay: number): void {
    const { growth, random, surroundings } = this.#options;
    const { agenda, probes } = surroundings;
    const isForced = random.chance(0.5);
    let isDone = false;
    this.#waiting += 1;
    const responder: Responder = {
      respond: (response) => {
        const reply = response.type === 'commanded' ? decodeReply(response.reply) : undefined;
        if (isDone || reply === undefined) return;
        if (reply.type === 'refused') probes.hit(`refused: ${reply.reason}`);
        // A node that was replaced or removed meanwhile can't be drained or undrained.
        const isVain =
          reply.type === 'refused' && ['unknown-node', 'replaced'].includes(reply.reason);
        if (reply.type !== 'done' && !isVain) return;
        isDone = true;
        this.#waiting -= 1;
      },
    };
    const ask = () => {
      if (isDone) return;
      const core = random.pick(growth.computers.map((one) => one.core));
      const revision = core?.state.map?.nodes.find((row) => row.node === node)?.revision ?? 0;
      const command = { type: 'set-membership', node, revision, membership, isForced } as const;
      core?.ask({ type: 'command', id: 1, command: encodeCommand(command) }, responder);
      agenda.after(random.between(200, 600), ask);
    };
    agenda.after(delay, ask);
  }
}
