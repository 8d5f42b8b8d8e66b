/** A node of a test cluster: disks in memory that outlive its processes, and a real core. */

import type { NodeId } from '../base/ids.ts';
import { MACHINE_LIMITS, REQUEST_LIMITS } from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import { raftLimitsFor, TIMING_DEFAULT } from '../base/timing.ts';
import { TRANSPORT_LIMITS } from '../base/transport-limits.ts';
import type { NodeDescription, Settings } from '../catalog/cluster-map.ts';
import { decodeReply, encodeCommand } from '../catalog/command.ts';
import { NodeCore } from '../node/node-core.ts';
import { InMemoryFiles } from '../storage/files/in-memory-files.ts';
import { LOG_LIMITS } from '../storage/limits.ts';
import type { Log } from '../storage/log/log.ts';
import { openLog } from '../storage/log/log-boot.ts';
import { isSpareName } from '../storage/log/log-folder.ts';
import { InMemoryState } from '../storage/state/in-memory-state.ts';
import { Switchboard } from '../transport/switchboard.ts';
import { NO_SECRET } from '../wire/proof.ts';
import type { MemoryNetwork } from './memory-network.ts';
import { ModelPasswords } from './model-passwords.ts';
import { processTime } from './process-time.ts';
import type { VirtualTime } from './virtual-time.ts';

interface TestNodeOptions {
  readonly number: number;
  readonly time: VirtualTime;
  readonly network: MemoryNetwork;
  readonly random: Random;
  readonly valueBytesMax: number;
}

interface Identity {
  readonly node: NodeId;
  readonly joinToken: Uint8Array;
  map: Uint8Array;
  hasLived: boolean;
}

const CLUSTER = 'testkit';
const DISK_MILLISECONDS = 0.1;
/** The end of a turn comes behind the input of the same instant. */
const TURN_MILLISECONDS = 0.02;
/** A request to join that has no answer is repeated. */
const JOIN_MILLISECONDS = 500;
const TOKEN_BYTES = 16;
/** Of every node when its first process begins: 2024-01-01. */
const WALL = 1_704_067_200_000;

const LIMITS = raftLimitsFor(TIMING_DEFAULT);

export class TestNode {
  readonly url: string;
  readonly #options: TestNodeOptions;
  readonly #files: InMemoryFiles;
  readonly #state: InMemoryState;
  #identity: Identity | undefined;
  #core: NodeCore | undefined;
  #isUp = false;
  /** What an earlier process began is ignored. */
  #life = 0;
  #isPlanned = false;

  constructor(options: TestNodeOptions) {
    this.#options = options;
    this.url = `ws://node-${options.number}:7400`;
    const { time } = options;
    const schedule = (report: () => void) => time.after(DISK_MILLISECONDS, report);
    this.#files = new InMemoryFiles({ schedule, isBlank: isSpareName });
    this.#state = new InMemoryState(schedule);
  }

  get core(): NodeCore | undefined {
    return this.#core;
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  found(settings: Settings): void {
    const { random } = this.#options;
    const joinToken = bytesFrom(random, TOKEN_BYTES);
    this.#identity = { node: 1 as NodeId, joinToken, map: new Uint8Array(), hasLived: false };
    this.start(settings);
  }

  /** Asks a node of the cluster for a number until it has one, and starts. */
  join(member: TestNode): void {
    const { random, time } = this.#options;
    const joinToken = bytesFrom(random, TOKEN_BYTES);
    const description = this.#description;
    const command = encodeCommand({ type: 'join', joinToken, description, proof: undefined });
    const ask = () => {
      if (this.#identity !== undefined) return;
      member.core?.ask(
        { type: 'command', id: 1, command },
        {
          respond: (response) => {
            const reply = response.type === 'commanded' ? decodeReply(response.reply) : undefined;
            if (this.#identity !== undefined || reply?.type !== 'done') return;
            const map = member.core?.state.maps.bytes.slice() ?? new Uint8Array();
            this.#identity = { node: reply.node, joinToken, map, hasLived: false };
            this.start();
          },
        },
      );
      time.after(JOIN_MILLISECONDS, ask);
    };
    ask();
  }

  /** Nothing happens while it runs. */
  start(founding?: Settings): void {
    const identity = this.#identity;
    if (this.#isUp || identity === undefined) return;
    this.#isUp = true;
    this.#life += 1;
    const life = this.#life;
    const { random, time } = this.#options;
    const fail = (text: string) => {
      throw new Error(`${this.url}: ${text}`);
    };
    openLog(
      {
        files: this.#files,
        owner: { cluster: CLUSTER, node: identity.node },
        limits: LOG_LIMITS,
        random: random.fork(`log ${life}`),
        now: () => time.now,
        isNew: !identity.hasLived,
        onFault: fail,
      },
      (opened) => {
        if (this.#life !== life) return;
        if (opened.type === 'refused') return fail(opened.text);
        identity.hasLived = true;
        this.#run(identity, opened.log, founding);
      },
    );
  }

  /** As by SIGKILL: no other process is told, and what was not on disk is lost. */
  crash(): void {
    if (!this.#isUp) return;
    this.#isUp = false;
    this.#life += 1;
    this.#core = undefined;
    this.#options.network.crash(this.url);
  }

  get #description(): NodeDescription {
    const { url } = this;
    const name = `node-${this.#options.number}`;
    return { name, peerUrl: url, clientUrl: url, weight: 1, zone: '' };
  }

  #run(identity: Identity, log: Log, founding: Settings | undefined): void {
    const life = this.#life;
    const { time, random, valueBytesMax } = this.#options;
    const { node, joinToken, map } = identity;
    const passwords = new ModelPasswords({
      time,
      onAnswer: (answer) => {
        if (this.#life === life) core.passwordChecked(answer, time.now);
      },
    });
    const drawn = random.fork(`tokens ${life}`);
    const core = new NodeCore({
      logins: { passwords, secureBytes: (length) => bytesFrom(drawn, length) },
      self: {
        node,
        joinToken,
        description: this.#description,
        identity: new TextEncoder().encode(`${CLUSTER} ${node}`),
      },
      log,
      disk: this.#state.open(),
      transport: this.#transport(identity, log),
      random: random.fork(`core ${life}`),
      limits: LIMITS,
      valueBytesMax,
      now: time.now,
      wall: WALL + time.now,
      map,
      onWork: () => this.#plan(life),
      onMap: (bytes) => {
        identity.map = bytes.slice();
      },
      encodeInfo: (info) => new TextEncoder().encode(JSON.stringify(info)),
      onFact: () => {},
      onEnd: (reason, text) => {
        throw new Error(`${this.url} was told to end: ${reason}: ${text}`);
      },
    });
    this.#core = core;
    if (founding !== undefined) core.found(founding, CLUSTER);
    processTime(time, () => this.#life === life).every(LIMITS.tickMilliseconds, () => {
      core.tick(time.now);
    });
    this.#plan(life);
  }

  #transport({ node }: Identity, { lineage }: Log): Switchboard {
    const life = this.#life;
    const { time, random, network, valueBytesMax } = this.#options;
    const drawn = random.fork(`transport ${life}`);
    const limits = {
      keyBytesMax: REQUEST_LIMITS.keyBytesMax,
      valueBytesMax,
      frameBytesMax: TRANSPORT_LIMITS.clientFrameBytesMax,
      batchBytesMax: MACHINE_LIMITS.valueBytesMax,
    };
    return new Switchboard({
      identity: { cluster: CLUSTER, node, lineage, features: [], secret: NO_SECRET, limits },
      sockets: network.host(this.url),
      schedule: processTime(time, () => this.#life === life),
      random: drawn,
      secureBytes: (length) => bytesFrom(drawn, length),
      onEvent: (event) => this.#core?.take(event, time.now),
    });
  }

  #plan(life: number): void {
    if (this.#isPlanned || this.#life !== life) return;
    this.#isPlanned = true;
    const { time } = this.#options;
    time.after(TURN_MILLISECONDS, () => {
      this.#isPlanned = false;
      if (this.#life !== life) return this.#plan(this.#life);
      if (this.#core?.flush(time.now)) this.#plan(life);
    });
  }
}

export function bytesFrom(random: Random, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.below(256));
}
