/**
 * Who rings. Azure DevOps signs nothing: a service hook can only carry Basic credentials and fixed headers, so the
 * credential is a shared secret, and it is looked for in headers only (a URL ends up in logs). Two secrets pass, the
 * current and the previous one, or every rotation would put our own subscriptions on probation.
 *
 * A mismatch may be ours: this process may hold a secret that was replaced since. So the vault is asked before anyone
 * is turned away, but not more often than `rereadMs`, or strangers could make us hammer it. A rotation therefore lets
 * `rereadMs` pass between storing the new secret and giving it to the subscriptions. What fits is looked up again as
 * well, behind the caller's back and seldom, or a process that lives long would accept a dropped secret for ever.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { hookKeepMs, hookRereadMs, markedSecretLength } from '../domain/hookSecret.ts';
import type { EpochMs } from '../domain/instant.ts';
import type { Secret } from '../domain/secret.ts';

export interface HookSecrets {
  readonly current: Secret;
  readonly previous?: Secret | undefined;
  /** Further former ones that a rotation still accepts. */
  readonly others?: readonly Secret[];
}

export interface HeaderSource {
  get(name: string): string | null;
}

/** `unreadable` = we do not know the secret, so we cannot tell. */
export type Verdict = 'accepted' | 'rejected' | 'unreadable';

export interface HookVerifier {
  verify(headers: HeaderSource): Promise<Verdict>;
  /** By which the sender learns which of the accepted secrets it presented; undefined = one that has no mark. */
  mark(headers: HeaderSource): string | undefined;
}

export interface VerifierSources {
  /** What the settings hold, if they hold it. */
  readonly initial?: HookSecrets | undefined;
  /** Reads the latest from the vault; rejects when it cannot. */
  readonly read: () => Promise<HookSecrets>;
  readonly now: () => EpochMs;
}

export const secretHeader = 'x-mayfly-secret';
export const rereadMs = hookRereadMs;

const digest = (text: string): Buffer => createHash('sha256').update(text, 'utf8').digest();

/** The password of an Authorization header of scheme Basic (RFC 7617); the user name says nothing here. */
function basicPassword(header: string | null): string | undefined {
  const encoded = /^basic +([A-Za-z0-9+/=_-]+) *$/i.exec(header ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const decoded = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = decoded.indexOf(':');
  return colon === -1 ? undefined : decoded.slice(colon + 1);
}

/** What the caller presents as the secret, at most twice. */
export function presentedSecrets(headers: HeaderSource): readonly string[] {
  const presented = [basicPassword(headers.get('authorization')), headers.get(secretHeader) ?? undefined];
  return presented.filter((one): one is string => one !== undefined && one !== '');
}

/** Tells one generated secret from another and nothing else of it. Told only to those who presented it. */
export function markOf(secret: string): string | undefined {
  if (secret.length < markedSecretLength) return undefined;
  return createHash('sha256').update(`mayfly hook mark\0${secret}`, 'utf8').digest('hex').slice(0, 12);
}

const valuesOf = ({ current, previous, others = [] }: HookSecrets): readonly string[] =>
  [current, previous, ...others].flatMap((one) => (one === undefined ? [] : [one.reveal()]));

/**
 * Compares digests, which are of one length, and every presented value with every secret, so that neither length nor
 * order can be told from the time it takes. An empty secret matches nothing.
 */
export function matches(presented: readonly string[], secrets: HookSecrets): boolean {
  const known = valuesOf(secrets);
  let found = false;
  for (const candidate of presented) {
    for (const secret of known) {
      const equal = timingSafeEqual(digest(candidate), digest(secret));
      found = (equal && secret !== '') || found;
    }
  }
  return found;
}

interface Reread {
  readonly at: EpochMs;
  readonly outcome: Promise<HookSecrets | undefined>;
}

/** One verifier a process: it remembers the secrets and when it last asked the vault. */
export function hookVerifier(sources: VerifierSources): HookVerifier {
  let secrets = sources.initial;
  let last: Reread | undefined;
  let knownSince = sources.now();

  const read = async (): Promise<HookSecrets | undefined> => {
    try {
      secrets = await sources.read();
      knownSince = sources.now();
      return secrets;
    } catch {
      // Whatever failed, we cannot tell friend from stranger; the vault's adapter has classified and told it.
      return undefined;
    }
  };

  /** The vault's answer, at most `rereadMs` old; callers that come while it is being asked share one question. */
  const latest = (): Promise<HookSecrets | undefined> => {
    const now = sources.now();
    if (last === undefined || now - last.at >= rereadMs || now < last.at) last = { at: now, outcome: read() };
    return last.outcome;
  };

  /** Without keeping the caller waiting: who fits is let in, and the next one is judged by the answer. */
  const refresh = (): void => {
    const age = sources.now() - knownSince;
    if (age >= hookKeepMs || age < 0) void latest();
  };

  return {
    mark(headers) {
      const known = secrets;
      const accepted = presentedSecrets(headers).find((each) => known !== undefined && matches([each], known));
      return accepted === undefined ? undefined : markOf(accepted);
    },
    async verify(headers) {
      const presented = presentedSecrets(headers);
      if (presented.length === 0) return 'rejected';
      if (secrets !== undefined && matches(presented, secrets)) {
        refresh();
        return 'accepted';
      }
      const fresh = await latest();
      if (fresh === undefined) return 'unreadable';
      return matches(presented, fresh) ? 'accepted' : 'rejected';
    },
  };
}
