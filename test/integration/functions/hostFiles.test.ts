import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { registrations } from '../../support/functionsCore.ts';
import '../../../functions/main.ts';
import { entryPath } from '../../../infra/build.ts';

const text = (name: string): string => readFileSync(new URL(`../../../${name}`, import.meta.url), 'utf8');
const json = (name: string): Record<string, unknown> => JSON.parse(text(name));

describe('package.json', () => {
  it('names the built entry, as a module', () => {
    expect(json('package.json')).toMatchObject({ main: entryPath, type: 'module' });
  });
});

describe('host.json', () => {
  it('serves many sessions, leaves an empty one soon and outlasts a pass', () => {
    expect(json('host.json')).toMatchObject({
      version: '2.0',
      functionTimeout: '00:10:00',
      extensionBundle: { id: 'Microsoft.Azure.Functions.ExtensionBundle', version: '[4.*, 5.0.0)' },
      extensions: {
        http: { routePrefix: 'api' },
        serviceBus: {
          autoCompleteMessages: true,
          maxAutoLockRenewalDuration: '00:10:00',
          maxConcurrentSessions: 64,
          sessionIdleTimeout: '00:00:02',
        },
      },
    });
  });
});

describe('local.settings.sample.json', () => {
  const sample = json('local.settings.sample.json');
  const values = Object.keys(sample['Values'] ?? {});

  const bindings = registrations().flatMap((one) => Object.values(one.bindings));
  const named = bindings.flatMap((one) => [
    ...Object.values(one).flatMap((value) => [...String(value).matchAll(/%(\w+)%/g)].map((match) => match[1])),
    ...(typeof one['connection'] === 'string' ? [one['connection']] : []),
  ]);

  it('runs on the Node worker', () => {
    expect(sample).toMatchObject({ IsEncrypted: false, Values: { FUNCTIONS_WORKER_RUNTIME: 'node' } });
  });

  it('holds every setting that a trigger names', () => {
    expect(new Set(named)).toEqual(
      new Set(['MAYFLY_QUEUE', 'ServiceBusConnection', 'MAYFLY_SWEEP', 'MAYFLY_ROTATION', 'MAYFLY_REBUILD']),
    );
    expect(values).toEqual(expect.arrayContaining([...new Set(named)]));
  });

  it('holds every setting of ours that triggers, code and configuration read, and no other', () => {
    const inCode = [...text('shared/app.ts').matchAll(/'(MAYFLY_\w+)'/g)];
    const inConfig = [...text('mayfly.yaml').matchAll(/(?:\$\{|environment: )(MAYFLY_\w+)/g)];
    const inTriggers = named.filter((name) => String(name).startsWith('MAYFLY_'));
    const read = new Set([...[...inCode, ...inConfig].map((match) => match[1]), ...inTriggers]);
    expect(new Set(values.filter((name) => name.startsWith('MAYFLY_')))).toEqual(read);
  });
});
