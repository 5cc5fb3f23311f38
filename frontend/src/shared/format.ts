const bytes = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const seconds = new Intl.NumberFormat("en", {
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
});
const time = new Intl.DateTimeFormat("en", { timeStyle: "short" });
const dateTime = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });

/** A size in bytes, for a person to read. */
export function formatBytes(size: number): string {
  if (size < 1000) return `${size} B`;
  if (size < 1_000_000) return `${bytes.format(size / 1000)} kB`;
  return `${bytes.format(size / 1_000_000)} MB`;
}

export function formatDuration(milliseconds: number): string {
  return `${seconds.format(Math.max(0, milliseconds) / 1000)} s`;
}

export function formatDateTime(iso: string): string {
  return dateTime.format(new Date(iso));
}

export function formatTime(iso: string): string {
  return time.format(new Date(iso));
}
