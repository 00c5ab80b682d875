import { describe, expect, it } from 'vitest';
import { type Challenge, challengeIn } from '../../../shared/adapters/registry/challenge.ts';
import { apiOf, isReachable } from '../../../shared/adapters/registry/credentials.ts';

describe('challengeIn', () => {
  it.each<{ name: string; given: string | null; want: Challenge | undefined }>([
    {
      name: 'a token service with service and scope',
      given: 'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull"',
      want: {
        kind: 'bearer',
        realm: 'https://auth.docker.io/token',
        service: 'registry.docker.io',
        scope: 'repository:a/b:pull',
      },
    },
    {
      name: 'several actions in the scope, and an error after it',
      given: 'Bearer realm="https://r.io/t", scope="repository:a:pull,push",error="insufficient_scope"',
      want: { kind: 'bearer', realm: 'https://r.io/t', scope: 'repository:a:pull,push' },
    },
    {
      name: 'names in capitals and a value without quotes',
      given: 'BEARER Realm="https://r.io/t",SERVICE=r.io',
      want: { kind: 'bearer', realm: 'https://r.io/t', service: 'r.io' },
    },
    {
      name: 'a quote and a comma inside a value',
      given: 'Bearer realm="https://r.io/t",service="a \\"b\\", c"',
      want: { kind: 'bearer', realm: 'https://r.io/t', service: 'a "b", c' },
    },
    {
      name: 'Basic before Bearer',
      given: 'Basic realm="Registry", Bearer realm="https://r.io/t"',
      want: { kind: 'bearer', realm: 'https://r.io/t' },
    },
    { name: 'Basic', given: 'Basic realm="Registry Realm"', want: { kind: 'basic' } },
    { name: 'Bearer without a realm', given: 'Bearer service="r.io"', want: undefined },
    { name: 'another scheme', given: 'Negotiate', want: undefined },
    { name: 'an empty header', given: '', want: undefined },
    { name: 'no header', given: null, want: undefined },
    { name: 'a parameter before any scheme', given: 'realm="https://r.io/t"', want: undefined },
    { name: 'a value that does not end', given: 'Bearer realm="https://r.io/t', want: undefined },
  ])('reads $name', ({ given, want }) => {
    expect(challengeIn(given)).toEqual(want);
  });
});

describe('apiOf', () => {
  it.each([
    { registry: 'docker.io', want: 'https://registry-1.docker.io/' },
    { registry: 'contoso.azurecr.io', want: 'https://contoso.azurecr.io/' },
    { registry: 'registry.example:5000', want: 'https://registry.example:5000/' },
    { registry: 'localhost:5000', want: 'http://localhost:5000/' },
    { registry: '127.0.0.1:5000', want: 'http://127.0.0.1:5000/' },
    { registry: '[::1]:5000', want: 'http://[::1]:5000/' },
    { registry: '127.0.0.1.example', want: 'https://127.0.0.1.example/' },
  ])('asks for $registry at $want', ({ registry, want }) => {
    expect(apiOf(registry).href).toBe(want);
  });
});

describe('apiOf, of what can be no host', () => {
  it.each(['1.2.3.400', '[abc]:5000'])('refuses %s', (registry) => {
    expect(() => apiOf(registry)).toThrow(expect.objectContaining({ kind: 'invalid' }));
  });
});

describe('isReachable', () => {
  it.each([
    { name: 'https anywhere', url: 'https://auth.example/token', registry: 'r.io', want: true },
    { name: 'plain HTTP elsewhere', url: 'http://auth.example/token', registry: 'r.io', want: false },
    {
      name: 'this machine, for a registry on it',
      url: 'http://127.0.0.1:1/token',
      registry: 'localhost:5',
      want: true,
    },
    { name: 'this machine, for a registry elsewhere', url: 'http://127.0.0.1:1/t', registry: 'r.io', want: false },
    { name: 'this machine by https, for one elsewhere', url: 'https://localhost/t', registry: 'r.io', want: false },
    {
      name: 'plain HTTP elsewhere, for a local one',
      url: 'http://auth.example/t',
      registry: 'localhost:5',
      want: false,
    },
    { name: 'a user in the address', url: 'https://user@auth.example/t', registry: 'r.io', want: false },
    { name: 'another scheme', url: 'file:///etc/passwd', registry: 'r.io', want: false },
  ])('judges $name', ({ url, registry, want }) => {
    expect(isReachable(new URL(url), apiOf(registry))).toBe(want);
  });
});
