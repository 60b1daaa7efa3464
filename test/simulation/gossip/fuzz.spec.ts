/**
 * Goal: nothing that arrives crashes a replica, fills its memory, or, when a key is set, changes what
 * it believes. Method: captures and the corpus, mutated and crossed, into decoders and machine for
 * `FUZZ_SECONDS` (a minute here, two hours in `npm run soak`). An input that breaks a promise is
 * written to `corpus/`, from where every later run begins.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { SeededRandom } from '../../../src/common/seeded-random.js';
import { Keyring } from '../../../src/gossip/core/keyring.js';
import { decodePacket } from '../../../src/gossip/core/packet-decoder.js';
import { StreamDecoder } from '../../../src/gossip/core/stream-decoder.js';
import type { WireSettings } from '../../../src/gossip/core/wire-settings.js';
import { at, Bench, PLAIN_WIRE } from './machine-kit.js';
import { mutate } from './mutator.js';

const SECONDS = Number(process.env['FUZZ_SECONDS'] ?? 60);
/** Long runs look for something new; the minute that each change has to pass does not depend on luck. */
const ANY_SEED = process.env['FUZZ_SECONDS'] === undefined ? 1 : Math.floor(performance.timeOrigin);
const SEED = Number(process.env['SEED'] ?? ANY_SEED % 2 ** 31);
const CORPUS = fileURLToPath(new URL('./corpus/', import.meta.url));
const FIXTURES = new URL('../../interop/memberlist/fixtures.json', import.meta.url);
const KEYED: WireSettings = { ...PLAIN_WIRE, keyring: new Keyring([new Uint8Array(32).fill(9)]) };

/** Fewer were no fuzzing. Not a rate: how fast a machine is, is not what this tests. */
const INPUTS_MIN = 1_000;
/** Interesting inputs kept in memory at a time. */
const POOL_MAX = 4_096;
/** A single input may keep us this long at most. */
const SLOW_MS = 2_000;

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));

function seeds(): Uint8Array[] {
  const { fixtures, acceptance } = JSON.parse(readFileSync(FIXTURES, 'utf8'));
  const captured = [...fixtures, ...acceptance].map(({ hex }: { hex: string }) => bytes(hex));
  const kept = readdirSync(CORPUS).filter((file) => file.endsWith('.hex'));
  return [...captured, ...kept.map((file) => bytes(readFileSync(CORPUS + file, 'utf8').trim()))];
}

/** What an input did, so that one which does something new is mutated further. */
function shapeOf(input: Uint8Array): string {
  const { messages, faults } = decodePacket(PLAIN_WIRE, input);
  const kinds = new Set(messages.map(({ kind }) => kind));
  return `${[...kinds].join()}|${[...new Set(faults)].join()}|${Math.min(9, messages.length)}`;
}

class Subject {
  private bench = new Bench();
  private readonly random: SeededRandom;

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
  }

  /** Gives the input to everything that takes bytes; says which promise it broke. */
  try(input: Uint8Array): string | undefined {
    const { messages, faults } = decodePacket(PLAIN_WIRE, input);
    if (messages.length > 2_048 || faults.length > 2_048) return 'too many messages';
    if (decodePacket(KEYED, input).messages.length > 0) return 'believed without the key';
    if (this.stream(KEYED, input) === 'message') return 'believed a stream without the key';
    this.stream(PLAIN_WIRE, input);
    this.bench.now += 1 + this.random.below(50);
    this.bench.give({ kind: 'packet', from: at(1 + this.random.below(200)), messages });
    this.bench.give({ kind: 'tick' });
    this.bench.take();
    if (this.bench.machine.members().length > 2_000) this.bench = new Bench();
    return undefined;
  }

  private stream(settings: WireSettings, input: Uint8Array): string {
    const decoder = new StreamDecoder(settings, 'request', { bytesMax: 1 << 20 });
    const cut = this.random.below(input.length + 1);
    const first = decoder.push(input.subarray(0, cut));
    return first.kind === 'more' ? decoder.push(input.subarray(cut)).kind : first.kind;
  }
}

describe(`fuzzing for ${SECONDS} s with SEED=${SEED}`, () => {
  it(
    'breaks no promise',
    () => {
      const random = new SeededRandom(SEED);
      const subject = new Subject(SEED);
      const pool = seeds();
      const shapes = new Set<string>();
      const broken: string[] = [];
      const until = performance.now() + SECONDS * 1_000;
      let count = 0;
      for (; performance.now() < until && broken.length < 10; count++) {
        const pick = (): Uint8Array => pool[random.below(pool.length)] ?? new Uint8Array(0);
        const input = mutate(pick(), pick(), random);
        const why = verdict(subject, input);
        if (why !== undefined) broken.push(keep(input, why));
        else grow(pool, shapes, input);
      }
      process.stderr.write(`fuzz: ${count} inputs, ${shapes.size} shapes, seed ${SEED}\n`);
      expect(broken).toEqual([]);
      expect(count).toBeGreaterThan(INPUTS_MIN);
    },
    SECONDS * 1_000 + 60_000,
  );

  it('never again on the corpus', () => {
    const subject = new Subject(1);
    expect(seeds().flatMap((input) => verdict(subject, input) ?? [])).toEqual([]);
  });
});

function verdict(subject: Subject, input: Uint8Array): string | undefined {
  const start = process.cpuUsage();
  try {
    const why = subject.try(input);
    if (why !== undefined) return why;
  } catch (error) {
    return `threw ${String(error)}`;
  }
  // Of this process, so that a busy machine does not accuse an innocent input.
  const usedMs = process.cpuUsage(start).user / 1_000;
  return usedMs > SLOW_MS ? 'took too long' : undefined;
}

function grow(pool: Uint8Array[], shapes: Set<string>, input: Uint8Array): void {
  const shape = shapeOf(input);
  if (shapes.has(shape) || pool.length >= POOL_MAX) return;
  shapes.add(shape);
  pool.push(input.slice());
}

function keep(input: Uint8Array, why: string): string {
  const hex = Buffer.from(input).toString('hex');
  const name = createHash('sha256').update(hex).digest('hex').slice(0, 16);
  writeFileSync(`${CORPUS}${name}.hex`, `${hex}\n`);
  return `${name}: ${why}`;
}
