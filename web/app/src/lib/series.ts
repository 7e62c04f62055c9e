/** Samples over the last minutes, for plots. Pure. */

/** Columns as uPlot takes them: times in seconds, then one list of values a line. */
export type Columns = [number[], ...number[][]];

/** With `values` added at `time` (seconds), and without what is older than `span` seconds. */
export function appended(
  columns: Columns,
  time: number,
  values: readonly number[],
  span: number,
): Columns {
  const [times] = columns;
  const from = times.findIndex((t) => t >= time - span);
  const keep = <N>(list: N[]): N[] => (from < 0 ? [] : list.slice(from));
  return [
    [...keep(times), time],
    ...values.map((v, i) => {
      const old = columns[i + 1] ?? times.map(() => 0);
      return [...keep(old), v];
    }),
  ] as Columns;
}
