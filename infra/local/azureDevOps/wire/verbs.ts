/**
 * The name of a call for journal and faults: verb and target of the in-process door where it has the call, so that a
 * fault meant for one door strikes at the other as well; else the request itself.
 */
export interface NamedCall {
  readonly verb: string;
  readonly target: string;
}

interface Route {
  readonly method: string;
  readonly path: RegExp;
  readonly verb: string;
}

const agents = /^distributedtask\/pools\/(\d+)\/agents$/;
const agent = /^distributedtask\/pools\/(\d+)\/agents\/(\d+)$/;
const requests = /^distributedtask\/pools\/(\d+)\/jobrequests$/;
const personalTokens = /^tokens\/pats$/;
const request = /^distributedtask\/pools\/(\d+)\/jobrequests\/(\d+)$/;

const routes: readonly Route[] = [
  { method: 'GET', path: requests, verb: 'listJobRequests' },
  { method: 'GET', path: request, verb: 'getJobRequest' },
  { method: 'GET', path: agents, verb: 'listAgents' },
  { method: 'GET', path: agent, verb: 'getAgent' },
  { method: 'POST', path: agents, verb: 'addAgent' },
  { method: 'PATCH', path: agent, verb: 'updateAgent' },
  { method: 'PUT', path: agent, verb: 'updateAgent' },
  { method: 'DELETE', path: agent, verb: 'deleteAgent' },
  { method: 'GET', path: personalTokens, verb: 'listPersonalTokens' },
  { method: 'POST', path: personalTokens, verb: 'createPersonalToken' },
  { method: 'DELETE', path: personalTokens, verb: 'revokePersonalToken' },
  { method: 'GET', path: /^distributedtask\/resourceusage$/, verb: 'getParallelJobs' },
  { method: 'GET', path: /^build\/builds\/(\d+)$/, verb: 'isRunOver' },
  { method: 'PATCH', path: /^build\/builds\/(\d+)$/, verb: 'cancelRun' },
  { method: 'GET', path: /^build\/builds\/(\d+)\/tags$/, verb: 'getTags' },
  { method: 'PUT', path: /^build\/builds\/(\d+)\/tags\/[^/]+$/, verb: 'addTag' },
  { method: 'GET', path: /^build\/builds\/(\d+)\/timeline$/, verb: 'listStages' },
  { method: 'PATCH', path: /^build\/builds\/(\d+)\/stages\/[^/]+$/, verb: 'retryStage' },
];

/** `agentName` is that of the query, or of the body of a POST. */
export function nameCall(method: string, url: URL, agentName: string | undefined): NamedCall {
  const path = url.pathname.replace(/^.*?\/_apis\/?/, '').replace(/\/$/, '');
  for (const route of routes) {
    const match = route.method === method ? route.path.exec(path) : null;
    if (match !== null) return named(route.verb, match.slice(1), agentName);
  }
  return { verb: `${method} ${path}`, target: path };
}

function named(verb: string, ids: readonly string[], agentName: string | undefined): NamedCall {
  if (agentName === undefined || (verb !== 'listAgents' && verb !== 'addAgent')) return { verb, target: ids.join('/') };
  return { verb: verb === 'listAgents' ? 'findAgent' : verb, target: [...ids, agentName].join('/') };
}
