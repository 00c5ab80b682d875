/** The end of a build's log as it may stand in a status that others read: short, and without what looks like a credential. */
import { stripVTControlCharacters } from 'node:util';

const maxLines = 30;
const maxLength = 2000;

/** What Azure Pipelines puts before each line. */
const time = /^\d{4}-\d\d-\d\dT[\d:.]+Z?\s/;

/** The server masks what it knows as secret; this catches what it was never told. */
const credentials: readonly (readonly [RegExp, string])[] = [
  [/\b(bearer|basic)\s+[\w.~+/=-]{8,}/gi, '$1 ***'],
  [/\/\/[^/\s:@]+:[^/\s@]+@/g, '//***@'],
  [/([?&](?:sig|code|token|access_token|sv|se|sp)=)[^&\s"']+/gi, '$1***'],
  [/\b((?:password|passwd|secret|token|api[_-]?key)["']?\s*[:=]\s*)("[^"]*"|'[^']*'|\S+)/gi, '$1***'],
  [/\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*/g, '***'],
];

/** The last lines of a log, cleaned; undefined = there is nothing in it. */
export function excerptOf(log: string | readonly string[]): string | undefined {
  const lines = (typeof log === 'string' ? log.split(/\r?\n/) : log).map(clean).filter((line) => line.trim() !== '');
  const text = lines.slice(-maxLines).join('\n');
  return text === '' ? undefined : text.slice(-maxLength);
}

function clean(line: string): string {
  return credentials.reduce(
    (text, [pattern, mask]) => text.replace(pattern, mask),
    stripVTControlCharacters(line).replace(time, '').trimEnd(),
  );
}
