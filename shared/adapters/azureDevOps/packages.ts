/** The agent packages that an organisation offers: agents are told to update to the newest of these. */
import { z } from 'zod';
import type { AgentPackages } from '../../ports/images.ts';
import type { AzureDevOpsRest } from './rest.ts';
import { readWire } from './wire.ts';

const number = z.number().int().nonnegative();

/** TaskAgentInterfaces of azure-devops-node-api 17.0.1: PackageMetadata, PackageVersion. */
const packages = z
  .object({
    value: z.array(
      z.object({ platform: z.string(), version: z.object({ major: number, minor: number, patch: number }) }),
    ),
  })
  .transform(({ value }) => value);

type Version = z.output<typeof packages>[number]['version'];

const order = (a: Version, b: Version): number => a.major - b.major || a.minor - b.minor || a.patch - b.patch;

/** The server sorts them newest first; a few are asked for, so that nothing hangs on it. */
const top = 5;

export function azureDevOpsPackages(rest: AzureDevOpsRest): AgentPackages {
  return {
    newest: async (platform) => {
      const operation = 'listing agent packages';
      const path = '_apis/distributedtask/packages/agent';
      const query = { platform, $top: top, 'api-version': '7.1' };
      const { body } = await rest.call({ operation, method: 'GET', path, query, repeatable: true });
      const versions = readWire(packages, body, operation)
        .filter((each) => each.platform === platform)
        .map(({ version }) => version);
      const newest = versions.toSorted(order).at(-1);
      return newest && `${newest.major}.${newest.minor}.${newest.patch}`;
    },
  };
}
