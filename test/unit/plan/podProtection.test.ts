/** What of a pod is Mayfly's own by volume, folder and variable; what is by path is in podMerge.test.ts. */
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../shared/domain/json.ts';
import { generatedPodSpec } from '../../../shared/plan/manifest.ts';
import { mergePod } from '../../../shared/plan/podMerge.ts';
import { aTemplate } from '../../support/policyBuilders.ts';

interface Refused {
  readonly name: string;
  readonly given: JsonObject;
  readonly path: string;
  readonly rule: string;
}

const agent = (fields: JsonObject): JsonObject => ({ containers: [{ name: 'agent', ...fields }] });

const reserved: readonly Refused[] = [
  ...(
    [
      ['registration', "is refused: no step may reach the pool's credential"],
      ['run', "is refused: only the agent reads the agent's credentials"],
      ['inject', 'is refused: it holds the agent that runs'],
    ] as const
  ).flatMap(([name, rule]) =>
    [
      { containers: [{ name: 'agent', volumeMounts: [{ name, mountPath: '/x' }] }] },
      { initContainers: [{ name: 's', volumeMounts: [{ name, mountPath: '/x' }] }] },
    ].map((given) => ({
      name: `the volume ${name} in ${Object.keys(given).join()}`,
      given,
      path: `${'containers' in given ? 'containers[agent]' : 'initContainers[s]'}.volumeMounts[/x]`,
      rule,
    })),
  ),
  {
    name: 'a mount where the entrypoint looks for a credential that should not be there',
    given: agent({ volumeMounts: [{ name: 'work', mountPath: '/mayfly/registration/token' }] }),
    path: 'containers[agent].volumeMounts[/mayfly/registration/token]',
    rule: "is refused: no step may reach the pool's credential",
  },
  {
    name: 'a mount over the agent itself',
    given: agent({ volumeMounts: [{ name: 'work', mountPath: '/opt/mayfly/agent/bin' }] }),
    path: 'containers[agent].volumeMounts[/opt/mayfly/agent/bin]',
    rule: 'is refused: it hides the agent',
  },
  ...['MAYFLY_TOKEN_FILE', 'mayfly_grace_seconds', 'VSTS_AGENT_INPUT_REPLACE', 'vsts_agent_input_url'].map((name) => ({
    name: `the variable ${name}`,
    given: agent({ env: [{ name, value: '1' }] }),
    path: `containers[agent].env[${name}]`,
    rule: "is Mayfly's own: it would change how the agent is registered and run",
  })),
];

describe('mergePod', () => {
  const base = generatedPodSpec(aTemplate(), 'mf-a');

  it.each(reserved)('refuses $name', ({ given, path, rule }) => {
    expect(mergePod(base, given).problems).toEqual([{ path, rule, found: expect.any(String) }]);
  });

  it('takes the variables of a sidecar, which the entrypoint does not read', () => {
    const env = [{ name: 'MAYFLY_POD', value: 'x' }];
    expect(mergePod(base, { initContainers: [{ name: 's', env }] }).problems).toEqual([]);
  });
});
