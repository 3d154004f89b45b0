-- The ledger, layout 1. A released layout is never changed, only followed by another.

-- A transaction is a row, and the row is the queue (see `state`). What is large and never changes stands
-- beside it (`plan`, `link`), so that each step writes little.
CREATE TABLE txn (
    ordinal      INTEGER PRIMARY KEY,                 -- order of the intentions; the last one is never purged
    id           BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    state        INTEGER NOT NULL CHECK (state BETWEEN 0 AND 6),
        -- 0 intended, 1 armed, 2 recorded, 3 uploaded, 4 booked, 5 refused, 6 conflict
    purpose      INTEGER NOT NULL CHECK (purpose BETWEEN 0 AND 2),
        -- 0 settlement, 1 cancellation, 2 load
    of           BLOB    CHECK (of IS NULL OR length(of) = 16),
        -- the settlement that is cancelled, or the cancellation whose refund is loaded
    visit        TEXT,
    person       INTEGER NOT NULL,                    -- first 17 digits of the person number
    card         BLOB    NOT NULL CHECK (length(card) = 12),
    cycle        TEXT    NOT NULL,
    operator     TEXT    NOT NULL,
    intended_at  INTEGER NOT NULL,
    armed        TEXT,                                -- JSON: enough to ask the card for its proof
    armed_at     INTEGER,
    -- The outcome:
    sequence     INTEGER,                             -- place in the chain; none yet while unresolved
    recorded_at  INTEGER,
    abandoned    INTEGER,                             -- 1 when nothing has happened on the card
    -- Sums for reconciliation and for the year of the person:
    medfee       INTEGER, fund INTEGER, account INTEGER, cash INTEGER,
    year         INTEGER,
    deductible   INTEGER, pooled_outpatient INTEGER, pooled_inpatient INTEGER,
    own_in_scope INTEGER, stays INTEGER,
    -- What the center said:
    verdict_at   INTEGER,                             -- the center's clock
    receipt      TEXT,
    refusal      TEXT,
    -- Flags:
    late         INTEGER NOT NULL DEFAULT 0,          -- not uploaded within the deadline
    cancelled_by BLOB,
    CHECK ((state >= 1) OR (armed IS NULL)),
    CHECK ((state >= 2) = (sequence IS NOT NULL)),
    CHECK ((sequence IS NULL) = (abandoned IS NULL))
);
CREATE INDEX txn_person ON txn (person);
CREATE INDEX txn_card ON txn (card);
CREATE INDEX txn_of ON txn (of) WHERE of IS NOT NULL;
CREATE INDEX txn_disputed ON txn (state) WHERE state >= 5;

CREATE TRIGGER txn_starts_intended BEFORE INSERT ON txn
WHEN NEW.state <> 0
BEGIN SELECT RAISE(ABORT, 'a transaction starts as an intention'); END;

CREATE TRIGGER txn_forward_only BEFORE UPDATE OF state ON txn
WHEN NEW.state < OLD.state OR (OLD.state >= 4 AND NEW.state <> OLD.state)
BEGIN SELECT RAISE(ABORT, 'a state never moves back'); END;

CREATE TRIGGER txn_intention_frozen BEFORE UPDATE OF
    ordinal, id, purpose, of, visit, person, card, cycle, operator, intended_at ON txn
BEGIN SELECT RAISE(ABORT, 'an intention never changes'); END;

CREATE TRIGGER txn_armed_frozen BEFORE UPDATE OF armed, armed_at ON txn
WHEN OLD.state >= 1
BEGIN SELECT RAISE(ABORT, 'what the card was asked never changes'); END;

CREATE TRIGGER txn_outcome_frozen BEFORE UPDATE OF
    sequence, recorded_at, abandoned, medfee, fund, account, cash ON txn
WHEN OLD.sequence IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'an outcome never changes'); END;

-- A sequence is given together with its link, and a link belongs to one transaction.
CREATE TRIGGER txn_linked BEFORE UPDATE OF sequence ON txn
WHEN (SELECT ordinal FROM link WHERE sequence = NEW.sequence) IS NOT OLD.ordinal
BEGIN SELECT RAISE(ABORT, 'a sequence belongs to a link'); END;

CREATE TRIGGER txn_verdict_frozen BEFORE UPDATE OF verdict_at, receipt, refusal ON txn
WHEN OLD.state >= 4
BEGIN SELECT RAISE(ABORT, 'a verdict never changes'); END;

CREATE TRIGGER txn_cancelled_once BEFORE UPDATE OF cancelled_by ON txn
WHEN OLD.cancelled_by IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a settlement is cancelled once'); END;

-- What the flow needs to finish after a restart, JSON.
CREATE TABLE plan (
    ordinal INTEGER PRIMARY KEY,
    text    TEXT    NOT NULL
);

CREATE TRIGGER plan_frozen BEFORE UPDATE ON plan
BEGIN SELECT RAISE(ABORT, 'an intention never changes'); END;

CREATE TRIGGER plan_kept BEFORE DELETE ON plan
WHEN EXISTS (SELECT 1 FROM txn WHERE ordinal = OLD.ordinal)
BEGIN SELECT RAISE(ABORT, 'a plan is kept as long as its transaction'); END;

-- The chain: outcomes, frozen, in the order in which they became known.
CREATE TABLE link (
    sequence  INTEGER PRIMARY KEY,                    -- from 1, without gaps
    ordinal   INTEGER NOT NULL,                       -- the transaction
    digest    BLOB    NOT NULL CHECK (length(digest) = 32),
    signature BLOB    NOT NULL CHECK (length(signature) = 64),
    body      TEXT    NOT NULL                        -- JSON, verbatim what is hashed, signed and sent
);

CREATE TRIGGER link_once BEFORE INSERT ON link
WHEN NOT EXISTS (SELECT 1 FROM txn WHERE ordinal = NEW.ordinal AND sequence IS NULL)
BEGIN SELECT RAISE(ABORT, 'a transaction has one outcome'); END;

CREATE TRIGGER link_frozen BEFORE UPDATE ON link
BEGIN SELECT RAISE(ABORT, 'an outcome never changes'); END;

-- Where rows were purged: spans of the chain and the digest of the last link of each.
CREATE TABLE anchor (
    first_sequence INTEGER PRIMARY KEY,
    last_sequence  INTEGER NOT NULL,
    digest         BLOB    NOT NULL CHECK (length(digest) = 32),
    purged_at      INTEGER NOT NULL,
    CHECK (last_sequence >= first_sequence)
);

-- Only what is booked and anchored may go.
CREATE TRIGGER txn_kept BEFORE DELETE ON txn
WHEN OLD.state <> 4 OR NOT EXISTS (
    SELECT 1 FROM anchor
    WHERE first_sequence <= OLD.sequence AND last_sequence >= OLD.sequence)
BEGIN SELECT RAISE(ABORT, 'a transaction is kept until it is booked and anchored'); END;

CREATE TRIGGER link_kept BEFORE DELETE ON link
WHEN EXISTS (SELECT 1 FROM txn WHERE ordinal = OLD.ordinal) OR NOT EXISTS (
    SELECT 1 FROM anchor
    WHERE first_sequence <= OLD.sequence AND last_sequence >= OLD.sequence)
BEGIN SELECT RAISE(ABORT, 'a link is kept until it is anchored'); END;

-- The center's receipts, as signed.
CREATE TABLE receipt (
    number      TEXT    PRIMARY KEY,
    text        TEXT    NOT NULL,
    signature   BLOB    NOT NULL CHECK (length(signature) = 64),
    received_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE visit (
    number        TEXT    PRIMARY KEY,
    state         INTEGER NOT NULL CHECK (state IN (0, 1, 3)),
        -- 0 open, 1 with a settlement, 3 cancelled; whether 1 is settling or settled, the settlement says,
        -- so that its record need not write this row too
    person        INTEGER NOT NULL,                   -- first 17 digits of the person number
    region        TEXT    NOT NULL,
    card          BLOB    NOT NULL CHECK (length(card) = 12),
    card_id       TEXT    NOT NULL,
    med_type      TEXT    NOT NULL,
    insutype      TEXT    NOT NULL,
    cycle         TEXT    NOT NULL,
    operator      TEXT    NOT NULL,
    registered_at INTEGER NOT NULL,
    settlement    BLOB,
    CHECK ((state = 1) = (settlement IS NOT NULL))
) WITHOUT ROWID;

CREATE INDEX visit_open ON visit (registered_at) WHERE state = 0;

CREATE TRIGGER visit_kept BEFORE DELETE ON visit
WHEN OLD.state = 1 AND EXISTS (SELECT 1 FROM txn WHERE id = OLD.settlement)
BEGIN SELECT RAISE(ABORT, 'a visit is kept as long as its settlement'); END;

CREATE TABLE fee_line (
    visit    TEXT    NOT NULL,
    position INTEGER NOT NULL,                        -- order of upload
    serial   TEXT    NOT NULL,                        -- the hospital's number of the line
    batch    TEXT    NOT NULL,
    content  TEXT    NOT NULL,                        -- JSON, verbatim
    PRIMARY KEY (visit, position),
    UNIQUE (visit, serial)
) WITHOUT ROWID;

CREATE TRIGGER fee_line_added BEFORE INSERT ON fee_line
WHEN (SELECT state FROM visit WHERE number = NEW.visit) IS NOT 0
BEGIN SELECT RAISE(ABORT, 'the visit is not open'); END;

CREATE TRIGGER fee_line_frozen BEFORE UPDATE ON fee_line
BEGIN SELECT RAISE(ABORT, 'a fee line never changes'); END;

CREATE TRIGGER fee_line_removed BEFORE DELETE ON fee_line
WHEN (SELECT state FROM visit WHERE number = OLD.visit) = 1
BEGIN SELECT RAISE(ABORT, 'the visit is not open'); END;

-- Account money of cancelled settlements that belongs back on a card.
CREATE TABLE refund (
    cancellation BLOB    PRIMARY KEY CHECK (length(cancellation) = 16),
    card         BLOB    NOT NULL CHECK (length(card) = 12),
    person       INTEGER NOT NULL,
    amount       INTEGER NOT NULL CHECK (amount > 0),
    loaded_by    BLOB    CHECK (loaded_by IS NULL OR length(loaded_by) = 16)
) WITHOUT ROWID;

CREATE TRIGGER refund_once BEFORE UPDATE ON refund
WHEN OLD.loaded_by IS NOT NULL OR NEW.cancellation IS NOT OLD.cancellation
  OR NEW.card IS NOT OLD.card OR NEW.person IS NOT OLD.person OR NEW.amount IS NOT OLD.amount
BEGIN SELECT RAISE(ABORT, 'a refund is loaded once'); END;

CREATE TABLE operator (
    number       TEXT    PRIMARY KEY,
    role         INTEGER NOT NULL CHECK (role BETWEEN 0 AND 3),
    active       INTEGER NOT NULL,
    salt         BLOB    NOT NULL,
    iterations   INTEGER NOT NULL,
    secret       BLOB    NOT NULL,
    failures     INTEGER NOT NULL DEFAULT 0,
    locked_until INTEGER
) WITHOUT ROWID;

CREATE TABLE cycle (
    number        TEXT    PRIMARY KEY,
    operator      TEXT    NOT NULL,
    opened_at     INTEGER NOT NULL,
    from_sequence INTEGER NOT NULL,                   -- first sequence that can belong to the cycle
    closed_at     INTEGER,
    to_sequence   INTEGER,
    agreed_to     INTEGER,                            -- up to where the center's sums were the same
    reconciled_at INTEGER,                            -- last comparison with the center
    outcome       TEXT                                -- JSON of that comparison
) WITHOUT ROWID;

-- Cycles that have still to be compared with the center.
CREATE INDEX cycle_unagreed ON cycle (from_sequence, opened_at)
WHERE (agreed_to IS NULL OR closed_at IS NULL OR agreed_to < to_sequence)
  AND (to_sequence IS NULL OR to_sequence >= from_sequence);

CREATE TABLE audit (
    number   INTEGER PRIMARY KEY,
    at       INTEGER NOT NULL,
    operator TEXT,
    cycle    TEXT,
    event    TEXT    NOT NULL,                        -- JSON, without personal data
    digest   BLOB    NOT NULL CHECK (length(digest) = 32)
);

CREATE TRIGGER audit_frozen BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit is only added to'); END;

CREATE TRIGGER audit_kept BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit is only added to'); END;

-- Single values: why business was stopped, the clock's last comparison.
CREATE TABLE setting (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;
