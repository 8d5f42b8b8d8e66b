/** The faults of a simulated cluster, until it is healed. */

import { wordOf } from '../../src/base/life.ts';
import type { Random } from '../../src/base/random.ts';
import { CATALOG_SHARD } from '../../src/catalog/cluster-map.ts';
import { decodeMap } from '../../src/catalog/map-bytes.ts';
import { type ClientFault, ClientFaults, PLAIN_FAULTS, TIMED_FAULTS } from './client-faults.ts';
import type { Computer } from './computer.ts';
import type { Customer } from './customer.ts';
import { DiskLosses } from './disk-losses.ts';
import { GOOD_SPEED } from './disk-speed.ts';
import type { FolderCopy } from './folder.ts';
import { NetworkFaults } from './network-faults.ts';
import type { Operator } from './operator.ts';
import { starve } from './slowness.ts';
import type { Surroundings } from './surroundings.ts';
import { canSpare } from './survivors.ts';

interface FaultsOptions {
  readonly surroundings: Surroundings;
  readonly computers: readonly Computer[];
  readonly customers: readonly Customer[];
  readonly random: Random;
  /** Does what a person would do if a machine is lost, or has to be removed. */
  readonly operator: Operator;
  /** Leases and streams depend on clocks: those of clients go wrong, and shards lose leaders. */
  readonly isTimed: boolean;
}

const KINDS = [
  'kill',
  'away',
  'power',
  'all-power',
  'die-at-effect',
  'eio',
  'disk-full',
  'network',
  'network',
  'network',
  'stall',
  'pause',
  'drift',
  'slow-disk',
  'slow-disks',
  'starved',
  'rot',
  'lost-disk',
  'lost-disk',
  'remove',
  'drain',
  'lost-votes',
  'lost-state',
  'damaged-entries',
  'old-copy',
  'old-copy',
  'catalog-leader',
] as const;
type Kind = (typeof KINDS)[number] | ClientFault;

const UNDO_MILLISECONDS = { min: 100, max: 6000 };
const AWAY_MILLISECONDS = { min: 8000, max: 20_000 };

/** Faults that cost all data on a disk. */
const COSTLY: ReadonlySet<Kind> = new Set(['lost-disk', 'remove', 'old-copy']);

/** The probability of a kind in a run: leaving kinds out finds other bugs. */
const PRESENCE = 0.5;

const LOSSES_MAX = 4;
const LOSS_TRIES = 10;
const REMOVALS_MAX = 2;

export class Faults {
  readonly #options: FaultsOptions;
  readonly #random: Random;
  readonly #kinds: readonly Kind[];
  readonly #network: NetworkFaults;
  readonly #diskLosses: DiskLosses;
  readonly #clients: ClientFaults;
  #isHealed = false;
  /** Disks that were lost, and the last machine that lost one. */
  #losses = 0;
  #wiped: string | undefined;
  #recentDeletes = 0;
  #hasCopied = false;
  readonly #undo = new Set<() => void>();

  constructor(options: FaultsOptions) {
    const { surroundings, random } = options;
    this.#options = options;
    this.#random = random;
    const ofClients = options.isTimed ? TIMED_FAULTS : PLAIN_FAULTS;
    const kinds = [...KINDS, ...ofClients].filter(() => random.chance(PRESENCE));
    // Data of a lost disk must not be corrupted elsewhere at the same time.
    this.#kinds = kinds.includes('rot') ? kinds.filter((kind) => !COSTLY.has(kind)) : kinds;
    const later = (undo: () => void) => this.#later(undo);
    this.#network = new NetworkFaults({ surroundings, random, later });
    const crash = (computer: Computer) => this.#crash(computer, true);
    const { computers } = options;
    this.#diskLosses = new DiskLosses({ surroundings, computers, random, crash });
    const { customers } = options;
    this.#clients = new ClientFaults({ surroundings, computers, customers, random, later });
  }

  begin(): void {
    if (this.#kinds.length > 0) this.#next();
  }

  /** A process that ended by itself is restarted after a while. */
  look(computer: Computer): void {
    computer.onDeath = () => {
      this.#options.surroundings.probes.hit('died of a disk');
      if (this.#isHealed) this.#options.surroundings.agenda.after(100, () => computer.start());
      else this.#later(() => computer.start());
    };
  }

  /** From now on all nodes run, and all of them are connected. */
  heal(): void {
    this.#isHealed = true;
    for (const customer of this.#options.customers) customer.resume();
    for (const undo of [...this.#undo]) undo();
    for (const computer of this.#options.computers) {
      computer.speed = GOOD_SPEED;
      computer.emptyDisk();
      computer.resume();
      computer.start();
    }
  }

  #next(): void {
    const { agenda } = this.#options.surroundings;
    agenda.after(this.#random.between(200, 3000), () => {
      if (this.#isHealed) return;
      if (this.#kinds.includes('lost-votes')) this.#diskLosses.keepPromises();
      this.#strike(this.#random.pick(this.#kinds));
      this.#next();
    });
  }

  #strike(kind: Kind): void {
    const { surroundings, computers } = this.#options;
    const settled = computers.filter(({ identity, isLost }) => identity !== undefined && !isLost);
    const computer = this.#random.pick(settled);
    surroundings.probes.hit(`fault ${kind}`);
    switch (kind) {
      case 'kill':
      case 'power':
        return this.#crash(computer, kind === 'power');
      case 'away':
        return this.#leave(computer);
      case 'all-power':
        for (const one of settled) this.#crash(one, true);
        return;
      case 'die-at-effect':
        return computer.dieSoon();
      case 'eio':
        return computer.failDisk();
      case 'disk-full':
        computer.fillDisk();
        return this.#later(() => computer.emptyDisk());
      case 'network':
        return this.#network.strike(settled.map(({ url }) => url));
      case 'stall':
        return computer.stall(this.#random.between(20, 1500));
      case 'pause':
        return computer.stall(this.#random.between(1500, 12_000));
      case 'drift':
        return computer.drift();
      case 'rot':
        return this.#rot();
      case 'slow-disk':
        computer.speed = { minimum: 5, mean: this.#random.pick([10, 50, 300]) };
        return this.#later(() => {
          computer.speed = GOOD_SPEED;
        });
      case 'slow-disks':
        for (const one of settled) one.speed = { minimum: 5, mean: 100 };
        return this.#later(() => {
          for (const one of settled) one.speed = GOOD_SPEED;
        });
      case 'starved': {
        const { agenda } = surroundings;
        return this.#later(starve(computer, { agenda, share: this.#random.pick([0.5, 0.1]) }));
      }
      case 'lost-disk':
        return this.#lose(computer);
      case 'remove':
        return this.#remove(computer);
      case 'drain':
        this.#options.operator.drain(computer);
        return this.#later(() => this.#options.operator.undrain());
      case 'lost-votes':
        return this.#diskLosses.loseVotes();
      case 'lost-state':
        return this.#diskLosses.loseState();
      case 'damaged-entries':
        return this.#diskLosses.damageTwo();
      case 'old-copy':
        return this.#copy(computer);
      case 'catalog-leader': {
        const leads = ({ core }: Computer) => core?.state.replicas.get(CATALOG_SHARD)?.isLeader;
        const leader = settled.find(leads);
        if (leader !== undefined) this.#crash(leader, false);
        return;
      }
      default:
        return this.#clients.strike(kind);
    }
  }

  /** Always the same disk, and only where two others have what it loses. */
  #rot(): void {
    const { computers, surroundings } = this.#options;
    const computer = computers[computers.length - 1];
    const map = computer?.core?.state.map;
    for (const { shard, members } of map?.shards ?? []) {
      const voters = members.filter(({ isVoter, isWanted }) => isVoter && isWanted);
      if (voters.length < 3 || !voters.some(({ node }) => node === computer?.node)) continue;
      if (computers.some((one) => one !== computer && one.rotten.has(shard))) continue;
      if (this.#random.chance(0.5) && computer?.rot(shard)) surroundings.probes.hit('row rotted');
    }
  }

  /**
   * A few times in a run, often the same machine again, and only if a majority of everything is
   * elsewhere: in each configuration that any replica knows or may soon agree to. Else later.
   */
  #lose(drawn: Computer, triesLeft = LOSS_TRIES): void {
    const { computers, surroundings, operator } = this.#options;
    const settled = computers.filter(({ identity, isLost }) => identity !== undefined && !isLost);
    const again = settled.find(({ url }) => url === this.#wiped);
    const computer = again !== undefined && this.#random.chance(0.6) ? again : drawn;
    const areUp = settled.every(({ core }) => core !== undefined);
    if (this.#isHealed || this.#losses >= LOSSES_MAX || triesLeft === 0) return;
    const later = (tries: number) => {
      const wait = this.#random.between(200, 4000);
      surroundings.agenda.after(wait, () => this.#lose(this.#random.pick(settled), tries));
    };
    const isToBeSpared = !computer.isLost && canSpare(computers, new Set([computer]));
    if (!areUp || !isToBeSpared) return later(triesLeft - 1);
    this.#losses += 1;
    surroundings.probes.hit('a disk was lost');
    if (computer === again) surroundings.probes.hit('the same machine lost its disk again');
    this.#wiped = computer.url;
    operator.replaceDisk(computer);
    if (this.#random.chance(0.6)) later(LOSS_TRIES);
  }

  #remove(computer: Computer): void {
    if (this.#recentDeletes >= REMOVALS_MAX || computer.isToGo) return;
    this.#recentDeletes += 1;
    this.#options.operator.remove(computer);
  }

  /** The folder is copied, the node restarts, and the copy is put back as soon as possible. */
  #copy(computer: Computer): void {
    if (this.#hasCopied) return;
    this.#hasCopied = true;
    const copy = computer.copyFolder();
    this.#crash(computer, false);
    this.#putBackSoon(computer, copy);
  }

  /**
   * Only if every other node has written down a life that the copy does not have, and a majority of
   * everything is elsewhere: this is the fault that the product promises to tolerate.
   */
  #putBackSoon(computer: Computer, copy: FolderCopy): void {
    const { computers, surroundings, operator } = this.#options;
    surroundings.agenda.after(this.#random.between(100, 500), () => {
      if (this.#isHealed || this.#losses >= LOSSES_MAX || computer.isLost) return;
      if (!this.#isKnownToBeOld(computer, copy) || !canSpare(computers, new Set([computer]))) {
        return this.#putBackSoon(computer, copy);
      }
      this.#losses += 1;
      surroundings.probes.hit('an old copy was put back');
      computer.crash({ isPower: this.#random.chance(0.5) });
      computer.putBack(copy);
      computer.onRefused = () => operator.startAnew(computer);
      this.#later(() => computer.start());
    });
  }

  #isKnownToBeOld(computer: Computer, { files, identity }: FolderCopy): boolean {
    const { computers } = this.#options;
    const { core, node } = computer;
    const settled = computers.filter(({ identity, isLost }) => identity !== undefined && !isLost);
    const areUp = settled.every((one) => one.core !== undefined);
    if (!areUp || core === undefined || node === undefined) return false;
    const word = wordOf(core.state.log.lineage);
    // A node that is a majority of the catalog asks no other node for long.
    const catalog = decodeMap(identity.map, undefined)?.shards[CATALOG_SHARD];
    if ((catalog?.members.filter(({ isVoter }) => isVoter).length ?? 0) < 3) return false;
    const isNews = !new TextDecoder().decode(files.get('identity')).includes(String(word));
    const others = settled.filter((one) => one !== computer);
    return isNews && others.every((one) => one.core?.state.log.lives.get(node)?.word === word);
  }

  #crash(computer: Computer, isPower: boolean): void {
    if (!computer.isUp) return;
    computer.crash({ isPower });
    this.#later(() => computer.start());
  }

  /** For so long that it lacks something of every shard when it comes back. */
  #leave(computer: Computer): void {
    if (!computer.isUp) return;
    computer.crash({ isPower: false });
    this.#later(() => computer.start(), AWAY_MILLISECONDS);
  }

  /** Undone after a while, or when the world is healed. */
  #later(undo: () => void, { min, max } = UNDO_MILLISECONDS): void {
    const once = () => {
      if (this.#undo.delete(once)) undo();
    };
    this.#undo.add(once);
    this.#options.surroundings.agenda.after(this.#random.between(min, max), once);
  }
}
