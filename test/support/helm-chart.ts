import { execFile } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { parseAllDocuments, stringify } from 'yaml';
import { removeFolderSync } from '../../src/common/remove-folder.js';
import { type LoadedConfig, loadConfig } from '../../src/config/load-config.js';
import { goProgram } from './discovery/go-program.js';
import type { KubeApiServer } from './discovery/kube-api-server.js';

const run = promisify(execFile);

/** An object of Kubernetes, as far as tests look at it. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec?: unknown;
  readonly data?: Readonly<Record<string, string>>;
  readonly rules?: unknown;
  readonly subjects?: unknown;
}

export const CHART = resolve('charts/weir');
export const RELEASE = 'quota';
export const NAMESPACE = 'prod';

/** Our chart in the hands of helm. */
export class HelmChart {
  private readonly helm = goProgram('helm');
  private readonly folder = mkdtempSync(join(tmpdir(), 'weir-chart-'));

  /** What would be installed. Rejects with what helm says. */
  async render(values: object): Promise<readonly Manifest[]> {
    const text = await this.call('template', values);
    return parseAllDocuments(text)
      .map((document) => document.toJS() as Manifest | null)
      .filter((manifest) => manifest !== null);
  }

  /** Gives what it tells the operator. Does not wait for pods. */
  install(values: object, { helmArguments }: KubeApiServer): Promise<string> {
    return this.call('install', values, helmArguments);
  }

  upgrade(values: object, { helmArguments }: KubeApiServer): Promise<string> {
    return this.call('upgrade', values, helmArguments);
  }

  async uninstall({ helmArguments }: KubeApiServer): Promise<void> {
    await this.ask(['uninstall', RELEASE, '--namespace', NAMESPACE, ...helmArguments]);
  }

  async lint(values: object): Promise<void> {
    await this.ask(['lint', '--strict', CHART, '--values', this.fileOf(values)]);
  }

  /** The settings that a pod would read, taken by the service's own reader. */
  settingsOf(manifests: readonly Manifest[]): LoadedConfig {
    const { data } = oneOf(manifests, 'ConfigMap');
    writeFileSync(join(this.folder, 'weir.yaml'), data?.['weir.yaml'] ?? '');
    return loadConfig({ cwd: this.folder, env: {} });
  }

  remove(): void {
    removeFolderSync(this.folder);
  }

  private call(verb: string, values: object, more: readonly string[] = []): Promise<string> {
    const file = this.fileOf(values);
    return this.ask([verb, RELEASE, CHART, '-n', NAMESPACE, '--values', file, ...more]);
  }

  private fileOf(values: object): string {
    const file = join(this.folder, 'values.yaml');
    writeFileSync(file, stringify(values));
    return file;
  }

  private async ask(args: readonly string[]): Promise<string> {
    const env = { ...process.env, HELM_CACHE_HOME: this.folder, HELM_CONFIG_HOME: this.folder };
    return (await run(this.helm, args, { env, maxBuffer: 16 << 20 })).stdout;
  }
}

/** The only one of its kind. */
export function oneOf(manifests: readonly Manifest[], kind: string): Manifest {
  const found = manifests.filter((manifest) => manifest.kind === kind);
  const [only] = found;
  if (only === undefined || found.length > 1)
    throw new Error(`${found.length} of ${kind}, not one`);
  return only;
}
