/**
 * Images as registries hold them: bytes under their own digest. Source of the shapes: OCI image-spec v1.1 (manifest,
 * index, config); distribution, "Image Manifest Version 2, Schema 2".
 */
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { JsonObject } from '../../../shared/domain/json.ts';

export interface Stored {
  readonly digest: string;
  readonly mediaType: string;
  readonly bytes: Buffer;
}

export interface ImageSpec {
  readonly labels?: Readonly<Record<string, string>>;
  /** RFC 3339. */
  readonly created?: string;
  /** What the only layer holds; another text is another image. */
  readonly content?: string;
  readonly format?: 'oci' | 'docker';
  readonly platform?: { readonly os: string; readonly architecture: string };
}

export interface BuiltImage {
  readonly manifest: Stored;
  readonly config: Stored;
  readonly layer: Stored;
  readonly platform: { readonly os: string; readonly architecture: string };
}

const types = {
  oci: {
    manifest: 'application/vnd.oci.image.manifest.v1+json',
    index: 'application/vnd.oci.image.index.v1+json',
    config: 'application/vnd.oci.image.config.v1+json',
    layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
  },
  docker: {
    manifest: 'application/vnd.docker.distribution.manifest.v2+json',
    index: 'application/vnd.docker.distribution.manifest.list.v2+json',
    config: 'application/vnd.docker.container.image.v1+json',
    layer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  },
} as const;

export const digestOf = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

export function stored(mediaType: string, content: JsonObject | Buffer): Stored {
  const bytes = Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content), 'utf8');
  return { digest: digestOf(bytes), mediaType, bytes };
}

export const descriptor = ({ mediaType, digest, bytes }: Stored): JsonObject => ({
  mediaType,
  digest,
  size: bytes.length,
});

export function buildImage(spec: ImageSpec = {}): BuiltImage {
  const { labels = {}, created = '2026-11-16T03:00:00Z', content = 'agent', format = 'oci' } = spec;
  const { platform = { os: 'linux', architecture: 'amd64' } } = spec;
  const type = types[format];
  const plain = Buffer.from(content, 'utf8');
  const layer = stored(type.layer, gzipSync(plain));
  const config = stored(type.config, {
    created,
    ...platform,
    config: { User: '1000', Entrypoint: ['/opt/mayfly/entrypoint.sh'], Labels: { ...labels } },
    rootfs: { type: 'layers', diff_ids: [digestOf(plain)] },
    history: [{ created, created_by: 'COPY / /' }],
  });
  const manifest = stored(type.manifest, {
    schemaVersion: 2,
    mediaType: type.manifest,
    config: descriptor(config),
    layers: [descriptor(layer)],
  });
  return { manifest, config, layer, platform };
}

/** One image for several platforms; with an attestation, as BuildKit adds it by default. */
export function buildIndex(
  images: readonly BuiltImage[],
  { format = 'oci', attested = false }: { readonly format?: 'oci' | 'docker'; readonly attested?: boolean } = {},
): { readonly index: Stored; readonly attestation: BuiltImage | undefined } {
  const attestation = attested ? buildImage({ content: 'provenance' }) : undefined;
  const entries = images.map(({ manifest, platform }) => ({ ...descriptor(manifest), platform: { ...platform } }));
  const extra =
    attestation === undefined
      ? []
      : [
          {
            ...descriptor(attestation.manifest),
            platform: { os: 'unknown', architecture: 'unknown' },
            annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
          },
        ];
  const { index: mediaType } = types[format];
  return { index: stored(mediaType, { schemaVersion: 2, mediaType, manifests: [...extra, ...entries] }), attestation };
}
