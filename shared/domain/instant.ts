/** Milliseconds since the Unix epoch. In decisions it is always Azure DevOps' own time, never this machine's. */
export type EpochMs = number;

export const secondsMs = (seconds: number): number => seconds * 1000;
export const minutesMs = (minutes: number): number => minutes * 60_000;
export const hoursMs = (hours: number): number => hours * 3_600_000;
