import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { stringify } from 'yaml';
import { EXIT } from '../../src/cli/exit-code.js';
import { removeFolder } from '../../src/common/remove-folder.js';
import { WeirProcess } from '../support/weir-process.js';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weir-discover-'));
});

afterEach(async () => {
  await removeFolder(folder);
});

/** Looks for longer where the machine was too slow for the sources to say what is expected of them. */
async function discover(expected: RegExp, cluster: object, ...args: readonly string[]) {
  await writeFile(join(folder, 'weir.yaml'), stringify({ cluster }));
  for (const wait of ['1s', '5s', '25s']) {
    const process = new WeirProcess(folder, ['discover', '--wait', wait, ...args]);
    const exitCode = await process.end();
    const { out, err } = process;
    if (expected.test(out + err)) return { exitCode, out, err };
  }
  throw new Error(`weir discover does not say ${expected}`);
}

describe('weir discover', () => {
  it('prints what is found, and of what is refused the reason', async () => {
    const { exitCode, out } = await discover(/static: 4 found/, {
      peers: ['10.0.0.1', '192.0.2.7:7000', '[fd00::5]:7001', '0.0.0.0'],
      discovery: { allowedAddressSpace: ['10.0.0.0/8', 'fd00::/8', '0.0.0.0/8'] },
    });
    expect(exitCode).toBe(EXIT.OK);
    expect(out).toContain('static: 4 found, 2 of them would be called');
    expect(out).toMatch(/10\.0\.0\.1:7946 +static 10\.0\.0\.1 +would be called/);
    expect(out).toMatch(/\[fd00::5\]:7001 +static .* would be called/);
    expect(out).toMatch(/192\.0\.2\.7:7000 +.* is outside cluster\.discovery\.allowedAddressSpace/);
    expect(out).toMatch(/0\.0\.0\.0:7946 +.* is not the address of one host/);
  });

  it('says what fails, for programs too', async () => {
    // Nothing listens at the port of this name server.
    const discovery = {
      enabled: true,
      type: 'dns',
      dnsNames: ['weir.lab.'],
      dnsServers: ['127.0.0.1:9'],
    };
    const { exitCode, out } = await discover(/"fault"/, { discovery }, '--json');
    expect(exitCode).toBe(EXIT.UNAVAILABLE);
    expect(JSON.parse(out)).toEqual({
      sources: [
        {
          source: 'dns',
          hasAnswered: false,
          fault: expect.stringMatching(/^"weir\.lab\.": .*name server/),
          addresses: [],
        },
      ],
    });
  });

  it('asks both where peers and a type are set', async () => {
    const discovery = {
      enabled: true,
      type: 'dns',
      dnsNames: ['weir.lab.'],
      dnsServers: ['127.0.0.1:9'],
    };
    const { out } = await discover(
      /"hasAnswered": ?true/,
      { peers: ['10.0.0.1:7946'], discovery },
      '--json',
    );
    expect(JSON.parse(out)).toMatchObject({
      sources: [
        { source: 'static', hasAnswered: true, addresses: [{ address: '10.0.0.1:7946' }] },
        { source: 'dns', hasAnswered: false },
      ],
    });
  });

  it('says what to set where there is nothing to ask', async () => {
    const { exitCode, err } = await discover(/nothing to ask/, {});
    expect(exitCode).toBe(EXIT.USAGE);
    expect(err).toContain('set cluster.peers, or cluster.discovery.enabled and its type');
  });
});
