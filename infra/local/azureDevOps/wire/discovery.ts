/** What clients ask before they ask: locations, resource areas, who am I. */
import { locationsOf, resourceAreas } from './locations.ts';
import type { Wire, WireApp } from './wire.ts';
import { listOf } from './wireJson.ts';

const instanceId = '6ba4bf1a-6a41-4ab2-9b32-6a1b2d5ee1c0';

function identityJson(name: string): Readonly<Record<string, unknown>> {
  const properties = { Account: { $type: 'System.String', $value: name } };
  return { id: instanceId, descriptor: `stand-in;${name}`, providerDisplayName: name, isActive: true, properties };
}

export function discoveryRoutes(app: WireApp, wire: Wire): void {
  app.on('OPTIONS', ['/_apis', '/_apis/'], (c) => c.json(listOf(locationsOf())));
  app.on('OPTIONS', '/_apis/:area', (c) => c.json(listOf(locationsOf(c.req.param('area')))));
  app.get('/_apis/resourceAreas', (c) => c.json(listOf(resourceAreas(wire.world.organisation.url))));
  app.get('/_apis/connectionData', (c) => {
    const identity = identityJson(c.get('identity').name);
    return c.json({
      authenticatedUser: identity,
      authorizedUser: identity,
      instanceId,
      deploymentId: instanceId,
      deploymentType: 'hosted',
      locationServiceData: {
        serviceOwner: instanceId,
        defaultAccessMappingMoniker: 'PublicAccessMapping',
        lastChangeId: 1,
        lastChangeId64: 1,
        accessMappings: [{ moniker: 'PublicAccessMapping', accessPoint: `${wire.world.organisation.url}/` }],
      },
    });
  });
}
