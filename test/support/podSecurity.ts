/** What namespaces of agents enforce, judged without an API server. */
import { list, record, scalar, text } from '../../infra/local/kubernetes/object.ts';
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

const baselineCapabilities =
  'AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID SYS_CHROOT';

/** The same standards, baseline, as far as our manifests could break it. */
export function isBaseline(pod: JsonObject): boolean {
  const containers = [...list(pod, 'initContainers'), ...list(pod, 'containers')];
  const sources = list(pod, 'volumes').flatMap((volume) => Object.keys(record(volume)));
  const hosts = ['hostNetwork', 'hostPID', 'hostIPC'].some((key) => pod[key] === true);
  return (
    !hosts &&
    !sources.includes('hostPath') &&
    containers.map((each) => record(each, 'securityContext')).every(isBaselineContext)
  );
}

function isBaselineContext(context: JsonObject): boolean {
  const adds = list(context, 'capabilities', 'add').map(scalar);
  const confined = ['seccompProfile', 'appArmorProfile'].every((key) => text(context, key, 'type') !== 'Unconfined');
  return (
    context['privileged'] !== true && confined && adds.every((each) => baselineCapabilities.split(' ').includes(each))
  );
}
