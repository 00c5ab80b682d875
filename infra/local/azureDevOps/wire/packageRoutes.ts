/** The agent packages that an organisation offers, newest first. */
import { idOf } from './body.ts';
import { notModelled } from './refusal.ts';
import { requireUser } from './rights.ts';
import type { Wire, WireApp } from './wire.ts';
import type { Json } from './wireJson.ts';
import { listOf } from './wireJson.ts';

const platforms = ['linux-x64', 'linux-arm64', 'win-x64'];

/** PackageMetadata of azure-devops-node-api 17.0.1, TaskAgentInterfaces. */
function packageJson(text: string, platform: string): Json {
  const [major = 0, minor = 0, patch = 0] = text.split('.').map(Number);
  const filename = `vsts-agent-${platform}-${text}.${platform.startsWith('win') ? 'zip' : 'tar.gz'}`;
  const downloadUrl = `https://download.agent.dev.azure.com/agent/${text}/${filename}`;
  return {
    type: 'agent',
    platform,
    createdOn: '2026-01-01T00:00:00Z',
    version: { major, minor, patch },
    filename,
    downloadUrl,
  };
}

export function packageRoutes(app: WireApp, wire: Wire): void {
  app.get('/_apis/distributedtask/packages/:packageType', (c) => {
    requireUser(c);
    if (c.req.param('packageType') !== 'agent') throw notModelled(`packages of the type ${c.req.param('packageType')}`);
    const { platform, $top } = c.req.query();
    const wanted = platform === undefined ? platforms : platforms.filter((each) => each === platform);
    const all = wire.agentPackages.flatMap((version) => wanted.map((each) => packageJson(version, each)));
    return c.json(listOf($top === undefined ? all : all.slice(0, idOf($top, '$top'))));
  });
}
