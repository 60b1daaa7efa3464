import { IntegerKnob, TextKnob } from './knob.js';

/** Where debits go while the database is away. */
export class JournalConfig {
  /** Folder of the journal. Default .weir/journal under the working directory. */
  @TextKnob({
    unit: 'path, relative to the working directory',
    effect:
      'Folder that takes debits while the database is away; one replica for each folder, on a disk that outlives it.',
  })
  readonly dataDir: string = '.weir/journal';

  /** Bytes of all files. Default 1 GiB. */
  @IntegerKnob({
    unit: 'bytes',
    min: 65_536,
    max: 1_099_511_627_776,
    effect: 'Most bytes of the journal; past them debits are refused and the replica is not ready.',
  })
  readonly bytesMax: number = 1_073_741_824;

  /** Debits. Default 1 million. */
  @IntegerKnob({
    unit: 'debits',
    min: 1,
    max: 10_000_000,
    effect: 'Most debits in the journal; it bounds the memory, about half a kilobyte a debit.',
  })
  readonly recordsMax: number = 1_000_000;

  /** Milliseconds to wait for the disk. Default 5 s. */
  @IntegerKnob({
    unit: 'milliseconds',
    min: 10,
    max: 600_000,
    effect: 'How long a debit waits for the disk of the journal before it is refused.',
  })
  readonly fsyncMaxWaitMs: number = 5_000;

  /** Milliseconds to wait for the database. Default 5 s. */
  @IntegerKnob({
    unit: 'milliseconds',
    min: 10,
    max: 600_000,
    effect: 'How long a debit waits for a database that does not answer before it is journaled.',
  })
  readonly ledgerMaxWaitMs: number = 5_000;
}
