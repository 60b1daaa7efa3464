import { Injectable } from '@nestjs/common';
import { Clock } from '../common/clock.js';
import { invalidArgument } from '../common/domain-error.js';
import { type IdPrefix, newId } from '../common/ids.js';
import { Random } from '../common/random.js';
import type { WallMs } from '../common/time.js';
import type { DraftByKind, FieldsByKind, PriceDraft } from './core/drafts.js';
import { planImport, validateImport } from './core/import-prices.js';
import type { RecordByKind, RecordKind } from './core/model.js';
import {
  type MaskedUpdate,
  reviseRecord,
  updateFields,
  validateDraft,
} from './core/record-rules.js';
import {
  alreadyExists,
  missingReference,
  notFound,
  referencesOf,
  stillInUse,
} from './core/references.js';
import { checkOptionalId } from './core/validate-text.js';
import { type Checked, quote, Violations } from './core/violations.js';
import { DirectoryFollower } from './directory-follower.js';
import { PolicyStore, type PolicyTransaction } from './policy-store.js';
import { isTimeZone } from './time-zones.js';

interface Stamps {
  readonly id: string;
  readonly createdAt: WallMs;
  readonly updatedAt: WallMs;
}

/** Makes a record of checked fields, with what Weir adds to them. */
type Birth<K extends RecordKind> = (
  fields: FieldsByKind[K],
  stamps: Stamps,
  transaction: PolicyTransaction,
) => RecordByKind[K] | Promise<RecordByKind[K]>;

const ID_PREFIXES: Readonly<Record<RecordKind, IdPrefix>> = {
  customer: 'cus',
  team: 'team',
  virtual_key: 'key',
  limit: 'lim',
  budget: 'bud',
  price: 'price',
};

/**
 * The rules that hold between records, in one transaction each. A write is visible on this replica when
 * its promise resolves.
 */
@Injectable()
export class PolicyWriter {
  constructor(
    private readonly store: PolicyStore,
    private readonly follower: DirectoryFollower,
    private readonly clock: Clock,
    private readonly random: Random,
  ) {}

  async create<K extends RecordKind>(
    kind: K,
    draft: DraftByKind[K],
    birth: Birth<K>,
  ): Promise<RecordByKind[K]> {
    const fields = valid(checkCreate(kind, draft));
    const stamps = this.stamp(kind, draft.id);
    return this.commit(async (transaction) => {
      if ((await transaction.get(kind, stamps.id)) !== undefined) {
        throw alreadyExists(kind, `${kind}.id`, stamps.id);
      }
      const settled = await settleReferences(kind, fields, transaction);
      const record = await birth(settled, stamps, transaction);
      await transaction.put(kind, [record]);
      return record;
    });
  }

  update<K extends RecordKind>(
    kind: K,
    update: MaskedUpdate<K>,
  ): Promise<{ readonly before: RecordByKind[K]; readonly after: RecordByKind[K] }> {
    const { id } = update.wanted;
    return this.commit(async (transaction) => {
      const before = await requireRecord(kind, id, transaction);
      const fields = valid(updateFields(kind, before, { ...update, isTimeZone }));
      const settled = await settleReferences(kind, fields, transaction);
      const after = reviseRecord(kind, before, { fields: settled, now: this.clock.wallNow() });
      if (after !== before) await transaction.put(kind, [after]);
      return { before, after };
    });
  }

  delete(kind: RecordKind, id: string): Promise<void> {
    return this.commit(async (transaction) => {
      await requireRecord(kind, id, transaction);
      const refusal = stillInUse(kind, id, await transaction.countDependents(kind, id));
      if (refusal !== undefined) throw refusal;
      await transaction.remove(kind, id);
    });
  }

  replaceSecret(
    id: string,
    secret: Pick<RecordByKind['virtual_key'], 'secretHash' | 'secretHint'>,
  ): Promise<RecordByKind['virtual_key']> {
    return this.commit(async (transaction) => {
      const before = await requireRecord('virtual_key', id, transaction);
      const after = { ...before, ...secret, updatedAt: this.clock.wallNow() };
      await transaction.put('virtual_key', [after]);
      return after;
    });
  }

  async importPrices(
    drafts: readonly PriceDraft[],
  ): Promise<{ readonly created: number; readonly updated: number; readonly unchanged: number }> {
    const wanted = valid(validateImport(drafts));
    return this.commit(async (transaction) => {
      const now = this.clock.wallNow();
      const plan = planImport(wanted, await transaction.findPrices(wanted), {
        now,
        newId: () => newId('price', now, this.random),
      });
      const changed = [...plan.created, ...plan.updated];
      if (changed.length > 0) await transaction.put('price', changed);
      return {
        created: plan.created.length,
        updated: plan.updated.length,
        unchanged: plan.unchangedCount,
      };
    });
  }

  private async commit<T>(work: (transaction: PolicyTransaction) => Promise<T>): Promise<T> {
    const written = await this.store.write(work);
    await this.follower.follow(written);
    return written.result;
  }

  private stamp(kind: RecordKind, id: string): Stamps {
    const now = this.clock.wallNow();
    const given = id === '' ? newId(ID_PREFIXES[kind], now, this.random) : id;
    return { id: given, createdAt: now, updatedAt: now };
  }
}

function checkCreate<K extends RecordKind>(
  kind: K,
  draft: DraftByKind[K],
): Checked<FieldsByKind[K]> {
  const found = new Violations();
  checkOptionalId(draft.id, `${kind}.id`, found);
  const checked = validateDraft(kind, draft, { path: kind, isTimeZone });
  if (checked.kind === 'valid') return found.conclude(checked.value);
  found.addAll(checked.violations);
  return { kind: 'invalid', violations: found.list() };
}

function valid<T>(checked: Checked<T>): T {
  if (checked.kind === 'invalid') throw invalidArgument(checked.violations);
  return checked.value;
}

async function requireRecord<K extends RecordKind>(
  kind: K,
  id: string,
  transaction: PolicyTransaction,
): Promise<RecordByKind[K]> {
  const record = await transaction.get(kind, id);
  if (record === undefined) throw notFound(kind, id);
  return record;
}

/** Everything that the fields name exists; a key's customer is that of its team. */
async function settleReferences<K extends RecordKind>(
  kind: K,
  fields: FieldsByKind[K],
  transaction: PolicyTransaction,
): Promise<FieldsByKind[K]> {
  for (const reference of referencesOf(kind, fields)) {
    const found = await transaction.get(reference.kind, reference.id);
    if (found === undefined) throw missingReference(reference);
  }
  return kind === 'virtual_key' && 'teamId' in fields && fields.teamId !== undefined
    ? { ...fields, customerId: await customerOfTeam(fields, fields.teamId, transaction) }
    : fields;
}

async function customerOfTeam(
  fields: { readonly customerId?: string | undefined },
  teamId: string,
  transaction: PolicyTransaction,
): Promise<string | undefined> {
  const { customerId } = await requireRecord('team', teamId, transaction);
  if (fields.customerId === undefined || fields.customerId === customerId) return customerId;
  const description =
    customerId === undefined
      ? `must be empty, because the team ${quote(teamId)} has no customer`
      : `must be empty or ${quote(customerId)}, the customer of the team ${quote(teamId)}`;
  throw invalidArgument([{ field: 'virtual_key.customer_id', description }]);
}
