/** The end of a build's log as it may stand in a status that others read: short, and without what looks like a credential. */
import { stripVTControlCharacters } from 'node:util';

const maxLines = 30;
const maxLength = 2000;

/** What Azure Pipelines puts before each line. */
const time = /^\d{4}-\d\d-\d\dT[\d:.]+Z?\s/;

const secretWord = '(?:password|passwd|passphrase|pwd|secret|token|credentials?|api[_-]?key|private[_-]?key)';

/**
 * The server masks what it knows as secret; this catches what it was never told. Names are searched as part of others:
 * most secrets of builds are variables such as AZURE_CLIENT_SECRET. What is masked too much is missed less than what is
 * masked too little.
 */
const credentials: readonly (readonly [RegExp, string])[] = [
  [/\b(bearer|basic)\s+[\w.~+/=-]{8,}/gi, '$1 ***'],
  [/\b(authorization["']?\s*[:=]\s*["']?)(?!(?:bearer|basic) \*\*\*)\S.*$/gi, '$1***'],
  [/\/\/[^/\s@]+@/g, '//***@'],
  [/([?&](?:sig|code|token|access_token|sv|se|sp)=)[^&\s"']+/gi, '$1***'],
  [/\b((?:account|access|sharedaccess)key\s*=\s*)[^;\s"']+/gi, '$1***'],
  [new RegExp(`(${secretWord}(?:[_-]\\w+)*["']?\\s*[:=]\\s*)("[^"]*"|'[^']*'|\\S+)`, 'gi'), '$1***'],
  [new RegExp(`(\\s--[\\w-]*${secretWord}\\s+)(?!-)\\S+`, 'gi'), '$1***'],
  [/\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*/g, '***'],
  // Forms by which secret scanners know tokens of GitHub, GitLab, npm, Slack and AWS.
  [/\b(?:gh[opsru]_|github_pat_|glpat-|npm_|xox[abprs]-|AKIA)[\w-]{16,}/g, '***'],
  // Personal access tokens of Azure DevOps, older and newer, with other keys of the newer form; secrets of Entra
  // applications; passwords of ACR.
  [/\b[a-z2-7]{52}\b/g, '***'],
  [/\b[\w+/-]{40,}(?:JQQJ99|AZDO)[\w+/=-]*/g, '***'],
  [/[\w.~-]{3}\dQ~[\w.~-]{31,}/g, '***'],
  [/[A-Za-z0-9/+]{30,}\+ACR\w{6}/g, '***'],
];

const keyBegins = /-----BEGIN [A-Z ]*PRIVATE KEY-----/;
const keyEnds = /-----END [A-Z ]*PRIVATE KEY-----/;
const ofKey = /^[A-Za-z0-9+/=]+$/;

/** One line in the place of each private key; of one that was cut off at its begin or end, in the place of the rest. */
function withoutKeys(lines: readonly string[]): readonly string[] {
  const kept: string[] = [];
  let isInside = false;
  for (const line of lines) {
    if (keyBegins.test(line)) {
      kept.push('***');
      isInside = !keyEnds.test(line);
    } else if (keyEnds.test(line)) {
      if (!isInside) {
        while (ofKey.test(kept.at(-1) ?? '')) kept.pop();
        kept.push('***');
      }
      isInside = false;
    } else if (!isInside) kept.push(line);
  }
  return kept;
}

/** The last lines of a log, cleaned; undefined = there is nothing in it. */
export function excerptOf(log: string | readonly string[]): string | undefined {
  const all = (typeof log === 'string' ? [log] : log).flatMap((each) => each.split(/\r?\n/));
  const lines = withoutKeys(all.map(plain)).map(clean);
  const text = lines
    .filter((line) => line.trim() !== '')
    .slice(-maxLines)
    .join('\n');
  return text === '' ? undefined : text.slice(-maxLength);
}

const plain = (line: string): string => stripVTControlCharacters(line).replace(time, '').trimEnd();

const clean = (line: string): string =>
  credentials.reduce((text, [pattern, mask]) => text.replace(pattern, mask), line);
