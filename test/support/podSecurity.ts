/** What namespaces of agents enforce, judged without an API server. */
import { list, record, text } from '../../infra/local/kubernetes/object.ts';
import type { JsonObject } from '../../shared/domain/json.ts';

/** Pod Security Standards, restricted, for Linux (kubernetes.io/docs/concepts/security/pod-security-standards). */
export function isRestricted(pod: JsonObject): boolean {
  if (text(pod, 'os', 'name') === 'windows') return true;
  const containers = [...list(pod, 'initContainers'), ...list(pod, 'containers')];
  const sources = list(pod, 'volumes').flatMap((volume) => Object.keys(record(volume)));
  const { runAsNonRoot, runAsUser, seccompProfile } = record(pod, 'securityContext');
  return (
    runAsNonRoot === true &&
    runAsUser !== 0 &&
    text(seccompProfile, 'type') === 'RuntimeDefault' &&
    containers.map((container) => record(container, 'securityContext')).every(isRestrictedContext) &&
    sources.every((source) => restrictedVolumes.includes(source))
  );
}

const restrictedVolumes =
  'name configMap csi downwardAPI emptyDir ephemeral persistentVolumeClaim projected secret'.split(' ');

function isRestrictedContext(context: JsonObject): boolean {
  const dropsAll = list(context, 'capabilities', 'drop').includes('ALL');
  const adds = list(context, 'capabilities', 'add').filter((each) => each !== 'NET_BIND_SERVICE');
  const isPlain = ['privileged', 'procMount', 'seccompProfile', 'seLinuxOptions'].every((key) => !(key in context));
  const isRoot = context['runAsUser'] === 0 || context['runAsNonRoot'] === false;
  return context['allowPrivilegeEscalation'] === false && dropsAll && adds.length === 0 && isPlain && !isRoot;
}
