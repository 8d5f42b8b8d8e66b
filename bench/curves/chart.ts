/** Lines over a logarithmic axis, in panels one below the other, as SVG. */

export interface Line {
  readonly name: string;
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

export interface Panel {
  /** With its unit. */
  readonly title: string;
  readonly lines: readonly Line[];
  /** Linear axes begin at zero. */
  readonly isLogarithmic: boolean;
}

export interface Chart {
  readonly title: string;
  /** With its unit. */
  readonly axis: string;
  readonly isLogarithmic: boolean;
  readonly panels: readonly Panel[];
}

const WIDTH = 640;
const PANEL = 190;
const TOP = 34;
const LEFT = 70;
const RIGHT = 30;
const INNER = { top: 26, bottom: 12 };
const BOTTOM = 44;
/** Between the vertical axis and the first point, so that its label is readable. */
const INDENT = 24;
/** More points than these have no labels of their own. */
const LABELLED_MAX = 12;
const LEGEND = 330;
const LEGEND_STEP = 100;
/** Of a label: above the first line, below the second one. */
const LABEL_OFFSETS = [-7, 15];
const COLOURS = ['#1f6feb', '#d1242f', '#1a7f37', '#8250df'];

type Scale = (value: number) => number;

export function drawChart({ title, axis, isLogarithmic, panels }: Chart): string {
  const xs = panels.flatMap(({ lines }) => lines.flatMap(({ points }) => points.map(({ x }) => x)));
  const ends = [Math.min(...xs), Math.max(...xs)] as const;
  const start = isLogarithmic ? ends[0] : 0;
  const across = scale([start, ends[1]], [LEFT + INDENT, WIDTH - RIGHT], isLogarithmic);
  const height = TOP + panels.length * PANEL + BOTTOM;
  const parts = panels.flatMap((panel, at) => drawPanel(panel, across, TOP + at * PANEL));
  const low = TOP + panels.length * PANEL;
  const ticks = (isLogarithmic ? [...new Set(xs)] : ticksUpTo(ends[1])).map((x) =>
    text(across(x), low + 6, 'middle', short(x)),
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}"`,
    '  font-family="sans-serif" font-size="11" fill="#57606a">',
    `<title>${title}</title>`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    `<text x="${LEFT}" y="18" font-size="13" fill="#1f2328">${title}</text>`,
    ...parts,
    ...ticks,
    text((LEFT + WIDTH) / 2, height - 12, 'middle', axis),
    '</svg>\n',
  ].join('\n');
}

function drawPanel({ title, lines, isLogarithmic }: Panel, across: Scale, y: number): string[] {
  const [top, low] = [y + INNER.top, y + PANEL - INNER.bottom];
  const ys = lines.flatMap(({ points }) => points.map((point) => point.y));
  const most = Math.max(...ys) || 1;
  // Zero has no place on a logarithmic axis.
  const least = isLogarithmic ? Math.min(...ys.filter((value) => value > 0), most) / 1.5 : 0;
  const greatest = isLogarithmic ? most * 1.5 : most * 1.15;
  const up = scale([least, greatest], [low, top], isLogarithmic);
  const place = (value: number) => up(Math.max(value, least));
  const drawn = lines.flatMap((line, at) => {
    const placed = line.points.map(({ x, y }) => ({ x: across(x), y: place(y), label: short(y) }));
    return [...drawLine(placed, at), ...(lines.length > 1 ? legendOf(line.name, at, y) : [])];
  });
  const levels = levelsOf(least, greatest, isLogarithmic).map((value) => {
    const at = up(value).toFixed(1);
    return (
      `<path d="M${LEFT} ${at}H${WIDTH - RIGHT}" stroke="#eaeef2"/>` +
      text(LEFT - 6, Number(at) + 4, 'end', short(value))
    );
  });
  return [
    `<text x="${LEFT}" y="${y + 15}" font-weight="bold">${title}</text>`,
    ...levels,
    `<path d="M${LEFT} ${top}V${low}H${WIDTH - RIGHT}" fill="none" stroke="#8c959f"/>`,
    ...drawn,
  ];
}

interface Placed {
  readonly x: number;
  readonly y: number;
  readonly label: string;
}

/** With labels if there are few points. */
function drawLine(points: readonly Placed[], at: number): string[] {
  const colour = COLOURS[at % COLOURS.length] ?? '';
  const path = points.map(({ x, y }) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' ');
  const line = `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>`;
  if (points.length > LABELLED_MAX) return [line];
  const marks = points.flatMap(({ x, y, label }) => [
    `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="3" fill="${colour}"/>`,
    text(x, y + (LABEL_OFFSETS[at % 2] ?? 0), 'middle', label),
  ]);
  return [line, ...marks];
}

function legendOf(name: string, at: number, y: number): string[] {
  const x = LEGEND + at * LEGEND_STEP;
  const colour = COLOURS[at % COLOURS.length] ?? '';
  return [
    `<rect x="${x}" y="${y + 6}" width="10" height="10" fill="${colour}"/>`,
    text(x + 14, y + 15, 'start', name),
  ];
}

function text(x: number, y: number, anchor: string, words: string): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}">${words}</text>`;
}

function scale(
  [from, to]: readonly [number, number],
  [start, end]: readonly [number, number],
  isLogarithmic: boolean,
): Scale {
  const measure = isLogarithmic ? Math.log : (value: number) => value;
  const span = measure(to) - measure(from) || 1;
  return (value) => start + ((measure(value) - measure(from)) / span) * (end - start);
}

/** Powers of ten, or a few round numbers. */
function levelsOf(least: number, most: number, isLogarithmic: boolean): readonly number[] {
  if (!isLogarithmic) return ticksUpTo(most);
  const first = Math.ceil(Math.log10(least));
  const count = Math.floor(Math.log10(most)) - first + 1;
  return Array.from({ length: Math.max(count, 0) }, (_, at) => 10 ** (first + at));
}

function ticksUpTo(most: number): readonly number[] {
  const rough = most / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power;
  return Array.from({ length: Math.floor(most / step) + 1 }, (_, at) => at * step);
}

/** With three digits, and k or M. */
export function short(value: number): string {
  if (value === 0) return '0';
  const [unit, suffix] = value >= 1e6 ? [1e6, 'M'] : value >= 1e4 ? [1e3, 'k'] : ([1, ''] as const);
  return `${Number((value / Number(unit)).toPrecision(3))}${suffix}`;
}
