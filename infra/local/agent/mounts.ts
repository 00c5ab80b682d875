/** The file system of a container, as far as its volume mounts go: what is not mounted cannot be read. */
import type { JsonValue } from '../../../shared/domain/json.ts';
import { list, record, text } from '../kubernetes/object.ts';
import type { ContainerContext } from '../kubernetes/podStory.ts';

export type Files = Readonly<Record<string, string>>;

function specOf({ pod, container: name }: ContainerContext): JsonValue | undefined {
  const all = ['initContainers', 'containers'].flatMap((key) => list(pod, 'spec', key));
  return all.find((each) => text(each, 'name') === name);
}

function volumeOf(context: ContainerContext, name: string): JsonValue | undefined {
  return list(context.pod, 'spec', 'volumes').find((each) => text(each, 'name') === name);
}

/** An emptyDir outlives the container that wrote it: what an init container leaves, the main one finds. */
function shared({ scratch }: ContainerContext, volume: string): Files {
  const own = [...scratch].filter(([path]) => path.startsWith(`${volume}/`));
  return Object.fromEntries(own.map(([path, content]) => [path.slice(volume.length + 1), content]));
}

function contentOf(context: ContainerContext, name: string): Files {
  const volume = record(volumeOf(context, name));
  if (volume['emptyDir'] !== undefined) return shared(context, name);
  const projected = list(volume, 'projected', 'sources').some((source) => record(source)['secret'] !== undefined);
  return volume['secret'] !== undefined || projected ? context.readSecretFiles(name) : {};
}

/** Folders that are mounted into the container, with the files that are in them now. */
export function mountedFolders(context: ContainerContext): ReadonlyMap<string, Files> {
  const mounts = list(specOf(context), 'volumeMounts');
  return new Map(
    mounts.map((mount) => [text(mount, 'mountPath') ?? '', contentOf(context, text(mount, 'name') ?? '')]),
  );
}

/** The files of one folder; none where nothing is mounted. */
export function filesIn(context: ContainerContext, folder: string): Files {
  return mountedFolders(context).get(folder) ?? {};
}

/** False where the folder cannot be written: not mounted, read-only, or a Secret. */
export function writeFiles(context: ContainerContext, folder: string, files: Files): boolean {
  const mount = list(specOf(context), 'volumeMounts').find((each) => text(each, 'mountPath') === folder);
  const name = text(mount, 'name') ?? '';
  if (record(mount)['readOnly'] === true || record(volumeOf(context, name))['emptyDir'] === undefined) return false;
  for (const [file, content] of Object.entries(files)) context.scratch.set(`${name}/${file}`, content);
  return true;
}

/** The arguments of the container, as `--name value` pairs. */
export function argumentsOf(context: ContainerContext): ReadonlyMap<string, string> {
  const words = list(specOf(context), 'args').map(String);
  return new Map(
    words.flatMap((word, index) => (word.startsWith('--') ? [[word.slice(2), words[index + 1] ?? '']] : [])),
  );
}

/** True where the container's first argument is this mode of the entrypoint. */
export function isMode(context: ContainerContext, mode: string): boolean {
  return list(specOf(context), 'args')[0] === mode;
}

/**
 * The environment as the agent reports it: all but what the entrypoint removes and what is on the ignore list
 * (azure-pipelines-agent EnvironmentCapabilitiesProvider.cs). Values that come from elsewhere are not followed.
 */
export function reportedEnvironment(context: ContainerContext): Files {
  const given = list(specOf(context), 'env').flatMap((each) => {
    const [name, value] = [text(each, 'name') ?? '', text(each, 'value')];
    return value === undefined || name.startsWith('MAYFLY_') ? [] : [[name, value] as const];
  });
  const ignored = new Map(given).get('VSO_AGENT_IGNORE')?.toLowerCase().split(',') ?? [];
  const silent = new Set([...ignored, 'vso_agent_ignore']);
  return Object.fromEntries(given.filter(([name, value]) => value !== '' && !silent.has(name.toLowerCase())));
}
