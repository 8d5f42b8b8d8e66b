/** Faults of the network: links that are cut, in one direction or both, slow, lossy or narrow. */

import type { Random } from '../../../../src/base/random.ts';
import type { Link, LinkCounts, Network } from '../network.ts';
import { type Fault, leaderOr, type Running, type Stage } from './fault.ts';

const FLAP_MILLISECONDS = { min: 100, max: 500 } as const;

type Counter = keyof LinkCounts;

interface Wiring {
  readonly target: string;
  /** For each direction. */
  readonly links: readonly (readonly [from: string, to: string, link: Link])[];
  /** The counter that grows while it has an effect. */
  readonly counter: Counter;
}

type Draw = (stage: Stage, random: Random) => Promise<Wiring>;

function wiring(name: string, draw: Draw, seconds: readonly [number, number] = [2, 6]): Fault {
  return {
    name,
    family: 'network',
    needs: ['network'],
    seconds,
    isGrave: false,
    async begin(stage, random): Promise<Running> {
      const network = networkOf(stage);
      const { target, links, counter } = await draw(stage, random);
      const before = (await network.count())[counter];
      for (const [from, to, link] of links) network.set(from, to, link);
      return {
        target,
        async heal() {
          const after = (await network.count())[counter];
          for (const [from, to] of links) network.set(from, to, {});
          return after > before;
        },
      };
    },
  };
}

function networkOf({ network }: Stage): Network {
  if (network === undefined) throw new Error('there is no network of our own');
  return network;
}

const CUT: Link = { cut: true };

function nodesOf({ cluster }: Stage): string[] {
  return cluster.hosts.map(({ name }) => name);
}

/** Each of one side with each of the other, in both directions. */
function between(one: readonly string[], other: readonly string[], link: Link): Wiring['links'] {
  return one.flatMap((left) =>
    other.flatMap((right) => [[left, right, link] as const, [right, left, link] as const]),
  );
}

function without(names: readonly string[], name: string): string[] {
  return names.filter((each) => each !== name);
}

const ISOLATE_LEADER: Draw = async (stage, random) => {
  const { name } = await leaderOr(stage, random);
  // Clients still reach it: its answers must not be outdated.
  const links = between([name], without(nodesOf(stage), name), CUT);
  return { target: name, links, counter: 'cut' };
};

const ISOLATE_ONE: Draw = async (stage, random) => {
  const name = random.pick(nodesOf(stage));
  const others = [...without(nodesOf(stage), name), ...stage.clientPlaces];
  return { target: `${name} from all`, links: between([name], others, CUT), counter: 'cut' };
};

/** Nodes and clients are split into two halves. */
const HALVES: Draw = async (stage, random) => {
  const nodes = random.shuffle(nodesOf(stage));
  const half = Math.ceil(nodes.length / 2);
  const [client = '', ...clients] = random.shuffle([...stage.clientPlaces]);
  const one = [...nodes.slice(0, half), client];
  const other = [...nodes.slice(half), ...clients];
  const target = `${one.join(' ')} | ${other.join(' ')}`;
  return { target, links: between(one, other, CUT), counter: 'cut' };
};

function oneWay(direction: 'in' | 'out'): Draw {
  return async (stage, random) => {
    const { name } = await leaderOr(stage, random);
    const links = without(nodesOf(stage), name).map((other): Wiring['links'][number] => {
      return direction === 'in' ? [other, name, CUT] : [name, other, CUT];
    });
    return { target: `${name} ${direction}`, links, counter: 'cut' };
  };
}

/** The leader and one follower do not hear each other; the third node hears both. */
const NON_TRANSITIVE: Draw = async (stage, random) => {
  const { name } = await leaderOr(stage, random);
  const other = random.pick(without(nodesOf(stage), name));
  return { target: `${name} | ${other}`, links: between([name], [other], CUT), counter: 'cut' };
};

/** Each hears a majority, and each another one (Jepsen's majorities ring). */
const MAJORITY_RING: Draw = async (stage, random) => {
  const nodes = random.shuffle(nodesOf(stage));
  const links = nodes.flatMap((name, at) => {
    const across = nodes.filter((_, other) => {
      const distance = Math.min(
        (other - at + nodes.length) % nodes.length,
        (at - other + nodes.length) % nodes.length,
      );
      return distance > 1;
    });
    return across.map((other) => [name, other, CUT] as const);
  });
  return { target: nodes.join(' - '), links, counter: 'cut' };
};

const CUT_CLIENTS: Draw = async (stage, random) => {
  const client = random.pick([...stage.clientPlaces]);
  const { name } = await leaderOr(stage, random);
  const nodes = random.chance(0.5) ? [name] : nodesOf(stage);
  return {
    target: `${client} | ${nodes.join(' ')}`,
    links: between([client], nodes, CUT),
    counter: 'cut',
  };
};

const SLOW_LINKS: Draw = async (stage, random) => {
  const delayMilliseconds = random.between(5, 100);
  const link = { delayMilliseconds, jitterMilliseconds: delayMilliseconds };
  const nodes = nodesOf(stage);
  const links = nodes.flatMap((from) =>
    without(nodes, from).map((to) => [from, to, link] as const),
  );
  return { target: `all by ${delayMilliseconds} ms and more`, links, counter: 'delayed' };
};

const SLOW_LEADER: Draw = async (stage, random) => {
  const { name } = await leaderOr(stage, random);
  const delayMilliseconds = random.between(100, 1500);
  const links = between([name], without(nodesOf(stage), name), { delayMilliseconds });
  return { target: `${name} by ${delayMilliseconds} ms`, links, counter: 'delayed' };
};

const LOSSY: Draw = async (stage, random) => {
  const loss = random.between(2, 15) / 100;
  const link = { loss, duplicate: 0.05, reorder: 0.1, jitterMilliseconds: 5 };
  const all = [...nodesOf(stage), ...stage.clientPlaces];
  const links = all.flatMap((from) => without(all, from).map((to) => [from, to, link] as const));
  return { target: `all by ${loss}`, links, counter: 'lost' };
};

const NARROW: Draw = async (stage, random) => {
  const { name } = await leaderOr(stage, random);
  const bytesPerSecond = random.pick([64_000, 200_000]);
  const links = between([name], without(nodesOf(stage), name), { bytesPerSecond });
  return { target: `${name} to ${bytesPerSecond} B/s`, links, counter: 'delayed' };
};

/** A node that is disconnected and reconnected several times a second. */
const FLAPPING: Fault = {
  name: 'flapping',
  family: 'network',
  needs: ['network'],
  seconds: [3, 6],
  isGrave: false,
  async begin(stage, random) {
    const network = networkOf(stage);
    const { name } = await leaderOr(stage, random);
    const links = between([name], without(nodesOf(stage), name), CUT);
    const before = (await network.count()).cut;
    let isCut = false;
    let timer: NodeJS.Timeout | undefined;
    const flap = () => {
      isCut = !isCut;
      for (const [from, to] of links) network.set(from, to, isCut ? CUT : {});
      timer = setTimeout(flap, random.between(FLAP_MILLISECONDS.min, FLAP_MILLISECONDS.max));
    };
    flap();
    return {
      target: name,
      async heal() {
        clearTimeout(timer);
        for (const [from, to] of links) network.set(from, to, {});
        return (await network.count()).cut > before;
      },
    };
  },
};

export const NETWORK_FAULTS: readonly Fault[] = [
  wiring('isolate-leader', ISOLATE_LEADER),
  wiring('isolate-one', ISOLATE_ONE),
  wiring('halves', HALVES),
  wiring('one-way-in', oneWay('in')),
  wiring('one-way-out', oneWay('out')),
  wiring('non-transitive', NON_TRANSITIVE),
  { ...wiring('majority-ring', MAJORITY_RING), nodesMin: 5 },
  wiring('cut-client', CUT_CLIENTS),
  wiring('slow-links', SLOW_LINKS),
  wiring('slow-leader-links', SLOW_LEADER),
  wiring('lossy-links', LOSSY, [3, 8]),
  wiring('narrow-link', NARROW, [3, 8]),
  FLAPPING,
];
