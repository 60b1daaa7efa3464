import {
  isMap,
  isScalar,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type YAMLMap,
} from 'yaml';
import type { ConfigFault } from './config-error.js';
import type { ConfigInput, GivenValue } from './config-input.js';
import { type BlockClass, blockMembers, type Knob, type Member } from './knob.js';
import { nearestName } from './nearest-name.js';
import { WeirConfig } from './weir-config.js';

/** More than any configuration needs; it bounds what a mistaken path can make us read. */
export const CONFIG_FILE_BYTES_MAX = 1_048_576;

/** Reads the text of `weir.yaml`. `fileName` is what faults call it. */
export function fileInput(text: string, fileName: string): ConfigInput {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    const faults = document.errors.map((error) => ({
      key: `${fileName}:${lines.linePos(error.pos[0]).line}`,
      problem: `is not valid YAML: ${error.message}`,
    }));
    return { given: [], faults, warnings: [] };
  }
  const reader = new FileReader(fileName, lines, (node) => node.toJS(document));
  reader.readFile(document.contents);
  return reader;
}

/** Walks the tree of the document beside the tree of the schema. */
class FileReader implements ConfigInput {
  readonly given: GivenValue[] = [];
  readonly faults: ConfigFault[] = [];
  readonly warnings: string[] = [];

  constructor(
    private readonly fileName: string,
    private readonly lines: LineCounter,
    private readonly toValue: (node: Node) => unknown,
  ) {}

  /**
   * The cluster's block also loads from below `bifrost`, where the Helm values of that name have it, so
   * that they can be taken over as they are. What else stands there is not for us, and is refused.
   */
  readFile(node: Node | null): void {
    const borrowed = isMap(node) ? pairsOf(node).find(isBifrost) : undefined;
    if (!isMap(node) || borrowed === undefined) return this.readBlock(node, WeirConfig, []);
    const written = new Map<string, string>();
    for (const pair of pairsOf(node)) {
      if (pair !== borrowed) this.readPair(pair, WeirConfig, [], written);
    }
    return this.readBifrost(borrowed, written);
  }

  private readBifrost({ key, value }: Pair<Node, Node | null>, written: Map<string, string>): void {
    if (value === null || (isScalar(value) && value.value === null)) return;
    const pairs = isMap(value) ? pairsOf(value) : [];
    for (const pair of pairs.filter((inner) => nameOf(inner) === 'cluster')) {
      this.readPair(pair, WeirConfig, [], written);
    }
    const others = pairs.map(nameOf).filter((name) => name !== 'cluster');
    if (isMap(value) && others.length === 0) return;
    this.faults.push({
      key: ['bifrost', ...others.slice(0, 1)].join('.'),
      problem: 'is not read; of this block only cluster is. Remove the rest',
      ...this.sourceOf(key),
    });
  }

  private readBlock(node: Node | null, type: BlockClass, path: readonly string[]): void {
    if (node === null || (isScalar(node) && node.value === null)) return;
    if (!isMap(node)) {
      this.faults.push({
        key: path.join('.') || this.fileName,
        problem: `must be a block of settings: ${namesOf(type).join(', ')}`,
        ...this.sourceOf(node),
      });
      return;
    }
    const written = new Map<string, string>();
    for (const pair of pairsOf(node)) this.readPair(pair, type, path, written);
  }

  private readPair(
    pair: Pair<Node, Node | null>,
    type: BlockClass,
    path: readonly string[],
    written: Map<string, string>,
  ): void {
    const name = nameOf(pair);
    const found = findMember(type, name);
    const key = [...path, name].join('.');
    const source = this.sourceOf(pair.key);
    if (!found) {
      this.faults.push({ key, problem: unknownKey(name, type), ...source });
      return;
    }
    const earlier = written.get(found.name);
    written.set(found.name, name);
    if (earlier !== undefined) {
      this.faults.push({ key, problem: `is the same setting as ${earlier}: keep one`, ...source });
    } else if (found.member.kind === 'block') {
      this.readBlock(pair.value, found.member.type, [...path, found.name]);
    } else {
      this.readKnob(pair.value, found.member.knob, { path: [...path, found.name], key, ...source });
    }
  }

  private readKnob(
    node: Node | null,
    knob: Knob,
    at: { readonly path: readonly string[]; readonly key: string; readonly source: string },
  ): void {
    const value = node === null ? null : this.valueOf(node);
    if (value === null || value === '') {
      const problem = `has no value: remove the key, or give ${knob.expected}`;
      this.faults.push({ key: at.key, problem, source: at.source });
    } else {
      this.given.push({ path: at.path, value, source: at.source });
    }
  }

  /** An alias that is unknown or explodes is no value that any knob accepts. */
  private valueOf(node: Node): unknown {
    try {
      return this.toValue(node);
    } catch (error) {
      return [String(error)];
    }
  }

  private sourceOf(node: Node): { readonly source: string } {
    const offset = node.range?.[0] ?? 0;
    return { source: `${this.fileName}:${this.lines.linePos(offset).line}` };
  }
}

/** The parser gives every key of a map as a node. */
const pairsOf = (map: YAMLMap): Pair<Node, Node | null>[] => map.items as Pair<Node, Node | null>[];

const nameOf = ({ key }: Pair<Node, Node | null>): string =>
  isScalar(key) ? String(key.value) : '(a composite key)';

const isBifrost = (pair: Pair<Node, Node | null>): boolean => nameOf(pair) === 'bifrost';

const namesOf = (type: BlockClass): string[] => [...blockMembers(type).keys()];

function findMember(
  type: BlockClass,
  written: string,
): { readonly name: string; readonly member: Member } | undefined {
  for (const [name, member] of blockMembers(type)) {
    const aliases = member.kind === 'knob' ? (member.knob.meaning.aliases ?? []) : [];
    if (name === written || aliases.includes(written)) return { name, member };
  }
  return undefined;
}

/** The value is left out: under a misspelt name it may well be a secret. */
function unknownKey(name: string, type: BlockClass): string {
  const names = namesOf(type);
  const near = nearestName(name, names);
  const hint = near ? `did you mean ${near}? ` : '';
  return `is not a setting; ${hint}Allowed here: ${names.join(', ')}`;
}
