import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../infra/local/world/clock.ts';
import { accessOf, type CredentialSources, credentialOf, lazyCluster } from '../../shared/connections.ts';
import { UpstreamError } from '../../shared/domain/errors.ts';
import { minutesMs } from '../../shared/domain/instant.ts';
import { Secret } from '../../shared/domain/secret.ts';
import { leastGraceMs } from '../../shared/domain/token.ts';
import type { TokenSource } from '../../shared/ports.ts';

const entra: TokenSource = { getToken: async () => ({ token: new Secret('entra'), expiresAt: 0 }) };

const sources: CredentialSources = {
  tokens: () => entra,
  readSecret: async ({ kind, name }) => new Secret(`${kind}:${name}`),
  clock: new VirtualClock(),
};

describe('accessOf', () => {
  it('hands on what holds no secret', async () => {
    const file = { kind: 'kubeconfigFile', path: 'kubeconfig', context: 'one' } as const;
    expect([await accessOf({ kind: 'inCluster' }, sources), await accessOf(file, sources)]).toEqual([
      { kind: 'inCluster' },
      file,
    ]);
  });

  it('reads a kubeconfig from where it lies', async () => {
    const access = await accessOf({ kind: 'kubeconfig', secret: { kind: 'keyVault', name: 'k' } }, sources);
    expect(access.kind === 'kubeconfig' && access.text.reveal()).toBe('keyVault:k');
  });

  it('reaches AKS with Entra tokens', async () => {
    const access = await accessOf({ kind: 'aks', server: 'https://aks.example', caData: 'Y2E=' }, sources);
    expect(access).toEqual({ kind: 'server', server: 'https://aks.example', caData: 'Y2E=', token: entra });
  });

  it('reads a stored token again, so that a rotation reaches the cluster', async () => {
    const secret = { kind: 'environment', name: 'CLUSTER_TOKEN' } as const;
    const access = await accessOf({ kind: 'token', server: 'https://k8s.example', secret }, sources);
    const tokens = access.kind === 'server' && 'getToken' in access.token ? access.token : undefined;
    expect((await tokens?.getToken('any'))?.token.reveal()).toBe('environment:CLUSTER_TOKEN');
  });
});

describe('credentialOf', () => {
  it('uses no PAT of the vault for as long as a rotation leaves the former one, even while the vault is away', async () => {
    const clock = new VirtualClock();
    let answer: Secret | undefined = new Secret('former');
    const readSecret = async (): Promise<Secret> => {
      if (answer !== undefined) return answer;
      throw new UpstreamError({ upstream: 'keyVault', operation: 'getting a secret', kind: 'unavailable' });
    };
    const pat = { kind: 'pat', secret: { kind: 'keyVault', name: 'agents' } } as const;
    const { tokens } = credentialOf(pat, { ...sources, readSecret, clock });
    await tokens.getToken('any');
    answer = undefined;
    let usedUntil = 0;
    for (let minute = 1; minute <= 20; minute++) {
      await clock.advance(minutesMs(1));
      await tokens.getToken('any').then(
        () => {
          usedUntil = minutesMs(minute);
        },
        () => undefined,
      );
    }
    expect(usedUntil).toBeGreaterThan(minutesMs(5));
    expect(usedUntil).toBeLessThan(leastGraceMs - minutesMs(5));
    answer = new Secret('latest');
    expect((await tokens.getToken('any')).token.reveal()).toBe('latest');
  });
});

describe('lazyCluster', () => {
  it('rejects every call of a cluster whose credential cannot be had, and only calls', async () => {
    const refusal = new UpstreamError({ upstream: 'keyVault', operation: 'getting a secret', kind: 'forbidden' });
    const cluster = lazyCluster('one', () => Promise.reject(refusal));
    const calls = [
      cluster.listAgentJobs({ installation: 'test', organisation: 'brch', poolId: 7 }),
      cluster.getAgentJob('n'),
      cluster.createAgentJob({}),
      cluster.patchAgentJob('n', []),
      cluster.deleteAgentJob('n', 'u'),
      cluster.createSecret({}),
      cluster.getSecretOwners('n'),
      cluster.deleteSecret('n'),
      cluster.getControl(7),
      cluster.recordEvent(7, { reason: 'R', message: 'm', type: 'Normal', subject: 's' }),
      cluster.listLeftovers({ installation: 'test', organisation: 'brch', poolId: 7 }),
      cluster.deleteLeftover({ kind: 'Secret', name: 'n', uid: 'u' }),
      cluster.endPod('n', 'u', 5),
      cluster.readPodLog('n', 10),
    ];
    const reasons = (await Promise.allSettled(calls)).map((one) =>
      one.status === 'rejected' ? one.reason : undefined,
    );
    expect(reasons).toEqual(calls.map(() => refusal));
  });
});
