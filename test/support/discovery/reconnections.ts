import { eventually } from '../eventually.js';
import { leavesNothing } from '../leaks.js';
import type { RecordingPeerListener } from '../recording-peer-listener.js';
import type { TcpGate } from './tcp-gate.js';

/** A thousand by hand; each takes the real server a while. */
const RECONNECTIONS = Number(process.env['RECONNECTIONS'] ?? 100);

/** Of a test of them. */
export const RECONNECTING_MS = 120_000 + RECONNECTIONS * 2_000;

/** However long a slow machine needs for one. */
const EACH_MS = 120_000;

/** Cuts the source off from the service behind the gate, again and again, and lets it back: it must leave nothing behind. */
export async function reconnects(
  gate: TcpGate,
  { seen, stop }: { readonly seen: RecordingPeerListener; readonly stop: () => Promise<void> },
): Promise<void> {
  const cut = async (times: number): Promise<void> => {
    for (let i = 0; i < times; i++) {
      const [answers, faults] = [seen.answers.length, seen.faults.length];
      gate.shut();
      await eventually('it is lost', () => seen.faults.length > faults, EACH_MS);
      gate.open();
      await eventually('it is back', () => seen.answers.length > answers, EACH_MS);
    }
  };
  await leavesNothing({
    warm: () => cut(RECONNECTIONS / 2),
    run: () => cut(RECONNECTIONS),
    stop,
  });
  await gate.close();
}
