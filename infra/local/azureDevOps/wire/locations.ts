/**
 * The table of resources that clients ask for before their first call: both azure-devops-node-api and the agent's own
 * client address resources by these ids and take the routes from here. Only what is modelled is listed.
 */
interface Resource {
  readonly id: string;
  readonly area: string;
  readonly resourceName: string;
  readonly routeTemplate: string;
  readonly resourceVersion: number;
}

const resource = (
  area: string,
  resourceName: string,
  id: string,
  routeTemplate: string,
  resourceVersion = 1,
): Resource => ({ id, area, resourceName, routeTemplate, resourceVersion });

const distributedTask = (name: string, id: string, route: string, resourceVersion = 1): Resource =>
  resource('distributedtask', name, id, route, resourceVersion);

const ofPool = '_apis/{area}/pools/{poolId}/{resource}';

const resources: readonly Resource[] = [
  resource('Location', 'resourceAreas', 'e81700f7-3be2-46de-8624-2eb35882fcaa', '_apis/{resource}/{areaId}'),
  resource('Location', 'connectionData', '00d9565f-ed9c-4a06-9a50-00e7896ccab4', '_apis/{resource}'),
  distributedTask('pools', 'a8c47e17-4d56-4a56-92bb-de7ea7dc65be', '_apis/{area}/{resource}/{poolId}'),
  distributedTask('agents', 'e298ef32-5878-4cab-993c-043836571f42', `${ofPool}/{agentId}`),
  distributedTask('jobrequests', 'fc825784-c92a-4299-9221-998a02d1b54f', `${ofPool}/{requestId}`),
  distributedTask('sessions', '134e239e-2df3-4794-a6f6-24f1f19ec8dc', `${ofPool}/{sessionId}`),
  distributedTask('messages', 'c3a054f6-7a8a-49c0-944e-3a8e5d7adfd7', `${ofPool}/{messageId}`),
  distributedTask('permissions', '162778f3-4b48-48f3-9d58-436fb9c407bc', `${ofPool}/{permissions}`),
  distributedTask('resourceusage', 'eae1d376-a8b1-4475-9041-1dfdbe8f0143', '_apis/{area}/{resource}', 2),
  distributedTask(
    'usercapabilities',
    '30ba3ada-fedf-4da8-bbb5-dacf2f82e176',
    '_apis/{area}/pools/{poolId}/agents/{agentId}/{resource}',
  ),
  distributedTask(
    'events',
    '557624af-b29e-4c20-8ab0-0399d2204f3f',
    '{scopeIdentifier}/_apis/{area}/hubs/{hubName}/plans/{planId}/{resource}',
  ),
];

/** The locations of an area; without one, of all. */
export function locationsOf(area?: string): readonly Readonly<Record<string, unknown>>[] {
  const wanted = resources.filter((entry) => area === undefined || entry.area.toLowerCase() === area.toLowerCase());
  return wanted.map((entry) => ({ ...entry, minVersion: '1.0', maxVersion: '7.2', releasedVersion: '7.1' }));
}

/** Areas that live at the organisation's own address. Everything modelled does. */
export function resourceAreas(organisationUrl: string): readonly Readonly<Record<string, unknown>>[] {
  const distributedTaskArea = 'a85b8835-c1a1-4aac-ae97-1c3d0ba72dbd';
  return [{ id: distributedTaskArea, name: 'distributedtask', locationUrl: `${organisationUrl}/` }];
}
