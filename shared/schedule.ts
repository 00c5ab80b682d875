/** How often a timer of the Functions host runs, from the setting that the host reads itself. */

const defaultPeriodMs = 60_000;

/**
 * The time between two runs in ms. The host takes six-field NCRONTAB or `hh:mm:ss`; what is neither keeps the host from
 * running the timer at all, so here it only has to yield something.
 */
export async function timerPeriodMs(schedule: string): Promise<number> {
  const span = /^(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2})$/.exec(schedule.trim());
  if (span !== null) {
    const [days = 0, hours = 0, minutes = 0, seconds = 0] = span.slice(1).map((part) => Number(part ?? 0));
    return (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000 || defaultPeriodMs;
  }
  const { Cron } = await import('croner');
  try {
    const [first, second] = new Cron(schedule, { paused: true, timezone: 'UTC' }).nextRuns(2);
    return first === undefined || second === undefined ? defaultPeriodMs : second.getTime() - first.getTime();
  } catch {
    return defaultPeriodMs;
  }
}
