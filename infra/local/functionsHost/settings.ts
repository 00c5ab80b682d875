/** App settings as the environment, `%SETTING%` in trigger options, and connections by the names of their settings. */

export type Settings = Readonly<Record<string, string>>;

/** Puts the settings into the environment; the returned function puts back what was there. */
export function applySettings(settings: Settings): () => void {
  const before = Object.keys(settings).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, settings);
  return () => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  };
}

/** Replaces `%NAME%`; the host refuses to start a function that names a setting which does not exist. */
export function resolveSettings(text: string, settings: Settings): string {
  return text.replaceAll(/%([^%]+)%/g, (_, name: string) => {
    const value = settings[name];
    if (value === undefined) throw new Error(`'%${name}%' does not resolve to a value: there is no such app setting.`);
    return value;
  });
}

/**
 * The connection string behind a trigger's `connection`: the setting of that name, the one with the prefix
 * AzureWebJobs, or, for an identity based connection (`NAME__fullyQualifiedNamespace`), the stand-in's own.
 */
export function connectionString(name: string, settings: Settings, standIn: string | undefined): string {
  const direct = settings[name] ?? settings[`AzureWebJobs${name}`];
  if (direct !== undefined) return direct;
  const identityBased = settings[`${name}__fullyQualifiedNamespace`];
  if (identityBased !== undefined && standIn !== undefined) return standIn;
  const hint = identityBased === undefined ? 'there is no such app setting' : 'no stand-in was given for its namespace';
  throw new Error(`Microsoft Azure WebJobs SDK ServiceBus connection '${name}': ${hint}.`);
}

/** `[d.]hh:mm:ss[.fff]` in ms; undefined = not a TimeSpan. */
export function timeSpanMs(text: string): number | undefined {
  const match = /^(?:(\d+)\.)?(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,7}))?)?$/.exec(text);
  if (match === null) return undefined;
  const [, days = '0', hours = '0', minutes = '0', seconds = '0', fraction = '0'] = match;
  return (
    (((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds) + Number(`0.${fraction}`)) *
    1000
  );
}
