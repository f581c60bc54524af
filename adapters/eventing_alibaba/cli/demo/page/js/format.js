// Numbers and times as people read them.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const fine = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

export function count(value) {
  return value === undefined || value === null ? "–" : whole.format(value);
}

/** A rate; small ones would be wrong without a digit after the point. */
export function rate(value) {
  if (value === undefined || value === null) return "–";
  return value < 10 ? fine.format(value) : whole.format(value);
}

export function milliseconds(value) {
  if (value === undefined || value === null) return "–";
  if (value >= 10_000) return `${whole.format(value / 1000)} s`;
  if (value >= 1_000) return `${fine.format(value / 1000)} s`;
  return `${value < 10 ? fine.format(value) : whole.format(value)} ms`;
}

/** Seconds since the start as minutes:seconds. */
export function clock(seconds) {
  const all = Math.floor(seconds);
  return `${Math.floor(all / 60)}:${String(all % 60).padStart(2, "0")}`;
}
