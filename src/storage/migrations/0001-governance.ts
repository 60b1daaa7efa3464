import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Owners, policies and prices. Ids are compared byte by byte (`COLLATE "C"`), so that pages have the same
 * order on every database. What names another record is a foreign key; the rules of the service come
 * first and have better words, these are what holds when they fail.
 */
export class Governance1763942400001 implements MigrationInterface {
  readonly name = 'Governance1763942400001';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...OWNERS, ...POLICIES, ...PRICES, ...CHANGES]) {
      await runner.query(statement);
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE governance_changes, governance_state, price_revisions, prices');
    await runner.query('DROP TABLE budgets, limits, virtual_keys, teams, customers');
  }
}

const OWNERS = [
  `CREATE TABLE customers (
    id text COLLATE "C" NOT NULL,
    name text NOT NULL,
    created_at timestamp(3) with time zone NOT NULL,
    updated_at timestamp(3) with time zone NOT NULL,
    CONSTRAINT customers_pk PRIMARY KEY (id)
  )`,
  `CREATE TABLE teams (
    id text COLLATE "C" NOT NULL,
    name text NOT NULL,
    customer_id text COLLATE "C",
    created_at timestamp(3) with time zone NOT NULL,
    updated_at timestamp(3) with time zone NOT NULL,
    CONSTRAINT teams_pk PRIMARY KEY (id),
    CONSTRAINT teams_customer_fk FOREIGN KEY (customer_id) REFERENCES customers (id)
  )`,
  'CREATE INDEX teams_customer_id ON teams (customer_id, id)',
  `CREATE TABLE virtual_keys (
    id text COLLATE "C" NOT NULL,
    name text NOT NULL,
    team_id text COLLATE "C",
    customer_id text COLLATE "C",
    active boolean NOT NULL,
    expires_at timestamp(3) with time zone,
    allowed_providers text[],
    allowed_models text[],
    secret_hint text NOT NULL,
    secret_hash text NOT NULL,
    created_at timestamp(3) with time zone NOT NULL,
    updated_at timestamp(3) with time zone NOT NULL,
    CONSTRAINT virtual_keys_pk PRIMARY KEY (id),
    CONSTRAINT virtual_keys_team_fk FOREIGN KEY (team_id) REFERENCES teams (id),
    CONSTRAINT virtual_keys_customer_fk FOREIGN KEY (customer_id) REFERENCES customers (id)
  )`,
  'CREATE INDEX virtual_keys_team_id ON virtual_keys (team_id, id)',
  'CREATE INDEX virtual_keys_customer_id ON virtual_keys (customer_id, id)',
  'CREATE UNIQUE INDEX virtual_keys_secret_hash ON virtual_keys (secret_hash)',
];

/** Columns and constraints that limits and budgets share. */
const policyTable = (table: string, columns: string): readonly string[] => [
  `CREATE TABLE ${table} (
    id text COLLATE "C" NOT NULL,
    name text NOT NULL,
    customer_id text COLLATE "C",
    team_id text COLLATE "C",
    virtual_key_id text COLLATE "C",
    match jsonb NOT NULL,
    shadow boolean NOT NULL,
    generation integer NOT NULL,
    created_at timestamp(3) with time zone NOT NULL,
    updated_at timestamp(3) with time zone NOT NULL,
    ${columns},
    CONSTRAINT ${table}_pk PRIMARY KEY (id),
    CONSTRAINT ${table}_one_owner CHECK (num_nonnulls(customer_id, team_id, virtual_key_id) <= 1),
    CONSTRAINT ${table}_customer_fk FOREIGN KEY (customer_id) REFERENCES customers (id),
    CONSTRAINT ${table}_team_fk FOREIGN KEY (team_id) REFERENCES teams (id),
    CONSTRAINT ${table}_virtual_key_fk FOREIGN KEY (virtual_key_id) REFERENCES virtual_keys (id)
  )`,
  `CREATE INDEX ${table}_customer_id ON ${table} (customer_id, id)`,
  `CREATE INDEX ${table}_team_id ON ${table} (team_id, id)`,
  `CREATE INDEX ${table}_virtual_key_id ON ${table} (virtual_key_id, id)`,
];

/** The three of `carry` together, or none: NULL means that a period begins with its amount. */
const CARRIES_ALL_OR_NOTHING = `CONSTRAINT budgets_carry CHECK (
      num_nulls(carry_max_nanos, carry_min_nanos, carry_overage) IN (0, 3)
      AND carry_min_nanos >= 0 AND carry_max_nanos >= carry_min_nanos)`;

const POLICIES = [
  ...policyTable(
    'limits',
    `unit text NOT NULL,
    maximum bigint NOT NULL CONSTRAINT limits_maximum CHECK (maximum >= 0),
    algorithm text NOT NULL,
    "window" jsonb NOT NULL`,
  ),
  ...policyTable(
    'budgets',
    `amount_nanos bigint NOT NULL CONSTRAINT budgets_amount CHECK (amount_nanos >= 0),
    period jsonb NOT NULL,
    on_expiry text NOT NULL,
    on_unavailable text NOT NULL,
    on_unpriced text NOT NULL,
    threshold_percents integer[] NOT NULL,
    carry_max_nanos bigint,
    carry_min_nanos bigint,
    carry_overage boolean,
    ${CARRIES_ALL_OR_NOTHING}`,
  ),
];

const PRICES = [
  `CREATE TABLE prices (
    id text COLLATE "C" NOT NULL,
    provider text NOT NULL,
    model text NOT NULL,
    revision integer NOT NULL,
    input_picos bigint NOT NULL,
    cached_input_picos bigint,
    output_picos bigint NOT NULL,
    reasoning_picos bigint,
    created_at timestamp(3) with time zone NOT NULL,
    updated_at timestamp(3) with time zone NOT NULL,
    CONSTRAINT prices_pk PRIMARY KEY (id)
  )`,
  'CREATE UNIQUE INDEX prices_provider_model ON prices (provider, model)',
  `CREATE TABLE price_revisions (
    price_id text COLLATE "C" NOT NULL,
    revision integer NOT NULL,
    provider text NOT NULL,
    model text NOT NULL,
    input_picos bigint NOT NULL,
    cached_input_picos bigint,
    output_picos bigint NOT NULL,
    reasoning_picos bigint,
    recorded_at timestamp(3) with time zone NOT NULL,
    CONSTRAINT price_revisions_pk PRIMARY KEY (price_id, revision)
  )`,
];

const CHANGES = [
  `CREATE TABLE governance_state (
    singleton boolean NOT NULL CONSTRAINT governance_state_one_row CHECK (singleton),
    version bigint NOT NULL,
    CONSTRAINT governance_state_pk PRIMARY KEY (singleton)
  )`,
  'INSERT INTO governance_state (singleton, version) VALUES (true, 0)',
  `CREATE TABLE governance_changes (
    version bigint NOT NULL,
    kind text NOT NULL,
    id text COLLATE "C" NOT NULL,
    deleted boolean NOT NULL,
    CONSTRAINT governance_changes_pk PRIMARY KEY (version, kind, id)
  )`,
];
