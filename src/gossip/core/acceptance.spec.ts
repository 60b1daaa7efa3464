/**
 * Goal: the packets that a running memberlist node took or refused, we take or refuse. Method: each
 * is given to a machine as it came. Where we are stricter the case says why.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { at, Bench, PLAIN_WIRE } from '../../../test/simulation/gossip/machine-kit.js';
import { decodePacket } from './packet-decoder.js';

interface Case {
  readonly name: string;
  readonly hex: string;
  readonly new: string;
  readonly newView: string;
}

const cases: readonly Case[] = JSON.parse(
  readFileSync(new URL('../../../test/interop/memberlist/fixtures.json', import.meta.url), 'utf8'),
).acceptance;

/** memberlist admits these, and from then on every push/pull of the cluster fails. We do not. */
const STRICTER = new Set(['missing Vsn', 'Vsn nil', 'Vsn empty', 'Vsn pcur out of range']);

describe('acceptance', () => {
  it('has all the cases', () => expect(cases).toHaveLength(61));

  it.each(cases.map((each) => [each.name, each] as const))(
    '%s',
    (name, { hex, newView, ...expected }) => {
      const bench = new Bench({ bindPort: 17946 });
      const { messages } = decodePacket(PLAIN_WIRE, Uint8Array.from(Buffer.from(hex, 'hex')));
      bench.give({ kind: 'packet', from: at(1, 17950), messages });
      const found = bench.machine.members().find((member) => member.name !== 'self');
      const accepted = expected.new === 'accepted' && !STRICTER.has(name);
      expect(found?.state).toBe(accepted ? 'alive' : undefined);
      if (found === undefined) return;
      const meta = found.meta === undefined ? ' (nil)' : Buffer.from(found.meta).toString('hex');
      const address = newView.split(' ')[1]?.replace(/:\d+$/, '');
      expect(newView).toBe(
        `accepted ${address}:${found.port} meta=${meta} vsn=[${[...found.vsn].join(', ')}]`,
      );
    },
  );
});
