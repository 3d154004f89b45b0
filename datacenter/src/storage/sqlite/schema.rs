//! Tables of the SQLite storage.

/// Layout that this program writes, kept in `user_version`.
pub(super) const LAYOUT: u32 = 6;

/// Marks the file as ours ("JBCN"), kept in `application_id`.
pub(super) const APPLICATION_ID: i32 = 0x4A42_434E;

/// The steps from each earlier layout to the next.
pub(super) const STEPS: [(u32, &str); 5] =
    [(1, FROM_1), (2, FROM_2), (3, SERVICE), (4, AMOUNTS), (5, CONTRIBUTIONS)];

/// Makes a storage of layout 1 into one of layout 2: who holds which card, what is owed to whom.
const FROM_1: &str = "
CREATE TABLE holder (
    card BLOB PRIMARY KEY,
    person INTEGER NOT NULL,
    since INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX refund_by_person ON refund (person) WHERE owed > 0;
";

/// Makes a storage of layout 2 into one of layout 3: purchases, pensions, claims, the policy of proofs.
///
/// Purchases of the books are written down as they would have been: the first record of each counts, unless
/// what it says of the card is not the card's own doing. Whoever is not insured now has been so for longer
/// than anything that is still to come.
const FROM_2: &str = "
CREATE TABLE purchase (
    card TEXT NOT NULL,
    serial INTEGER NOT NULL,
    date_time TEXT NOT NULL,
    id BLOB NOT NULL,
    PRIMARY KEY (card, serial, date_time)
) WITHOUT ROWID;

CREATE TABLE pension (
    change INTEGER PRIMARY KEY,
    person INTEGER NOT NULL UNIQUE,
    monthly INTEGER,
    next_unpaid INTEGER NOT NULL,
    paid_ahead INTEGER NOT NULL,
    certified_until INTEGER,
    fingers INTEGER NOT NULL
);
CREATE INDEX pension_by_unpaid ON pension (next_unpaid) WHERE monthly IS NOT NULL;
CREATE INDEX pension_by_certified ON pension (certified_until) WHERE monthly IS NOT NULL;

CREATE TABLE payment (
    person INTEGER NOT NULL,
    period INTEGER NOT NULL,
    id BLOB NOT NULL,
    amount INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (person, period)
) WITHOUT ROWID;
CREATE INDEX payment_by_period ON payment (period, amount);

CREATE TABLE standing (
    person INTEGER NOT NULL,
    since INTEGER NOT NULL,
    state INTEGER NOT NULL,
    PRIMARY KEY (person, since)
) WITHOUT ROWID;

CREATE TABLE claim (
    number INTEGER PRIMARY KEY,
    id BLOB NOT NULL,
    person INTEGER NOT NULL,
    terminal INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    at INTEGER NOT NULL,
    card BLOB,
    clerk TEXT
);
CREATE INDEX claim_by_person ON claim (person, at);
CREATE INDEX claim_by_clerk ON claim (terminal, clerk, at) WHERE clerk IS NOT NULL;

CREATE TABLE policy (
    version INTEGER PRIMARY KEY,
    in_force_from INTEGER NOT NULL,
    in_force_until INTEGER,
    document TEXT NOT NULL
);

CREATE TABLE place (
    terminal INTEGER PRIMARY KEY,
    latitude INTEGER NOT NULL,
    longitude INTEGER NOT NULL
);

INSERT OR IGNORE INTO purchase (card, serial, date_time, id)
    SELECT upper(json_extract(body, '$.business.card.card_factor')),
        json_extract(body, '$.business.card.card_serial'),
        json_extract(body, '$.business.card.date_time'), id
    FROM record
    WHERE kind = 1 AND id IS NOT NULL
        AND (verdict = 1 OR (verdict = 2 AND reason NOT IN ('tac_wrong', 'misplaced', 'unreadable')))
        AND CASE WHEN kind = 1 THEN json_extract(body, '$.business.card.card_factor') END IS NOT NULL
    ORDER BY number;
INSERT INTO standing (person, since, state) SELECT key, 0, state FROM person WHERE state > 1;
INSERT INTO counter VALUES ('policy', 0);
";

/// Makes an empty file into a storage of layout [`LAYOUT`].
///
/// `record` is never updated and never deleted from. Its rows lie in the order of booking; the two unique
/// indexes are what makes booking exactly-once. A record whose id belonged to another one is kept as a link
/// of its chain (verdict 3) and stands outside the index of ids.
///
/// `payment` is what makes a month's pension paid once, whatever terminal it comes from; `standing` holds since
/// when a person's state is what it is, `claim` who claimed what, where and when, for supervision.
///
/// `person`, `card` and `pension` lie in the order of their last change: the primary key is the feed's cursor, so a page
/// of the feed is one stretch of the table, and an entry that changes moves to the end.
pub(super) const CREATE: &str = "
CREATE TABLE record (
    number INTEGER PRIMARY KEY,
    terminal INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    id BLOB,
    digest BLOB NOT NULL,
    verdict INTEGER NOT NULL,
    reason TEXT,
    receipt INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    made_at INTEGER NOT NULL,
    person INTEGER,
    medfee INTEGER NOT NULL,
    fund INTEGER NOT NULL,
    account INTEGER NOT NULL,
    cash INTEGER NOT NULL,
    proof INTEGER NOT NULL,
    signature BLOB NOT NULL,
    body TEXT NOT NULL
);
CREATE UNIQUE INDEX record_by_place ON record (terminal, sequence);
CREATE UNIQUE INDEX record_by_id ON record (id) WHERE verdict < 3 AND id IS NOT NULL;

CREATE TABLE cancellation (
    settlement BLOB PRIMARY KEY,
    cancellation BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE receipt (
    number INTEGER PRIMARY KEY,
    terminal INTEGER NOT NULL,
    at INTEGER NOT NULL,
    from_sequence INTEGER NOT NULL,
    to_sequence INTEGER NOT NULL,
    text TEXT NOT NULL,
    signature BLOB NOT NULL
);
CREATE INDEX receipt_by_terminal ON receipt (terminal, number);

CREATE TABLE reconciliation (
    number INTEGER PRIMARY KEY,
    terminal INTEGER NOT NULL,
    from_sequence INTEGER NOT NULL,
    to_sequence INTEGER NOT NULL,
    at INTEGER NOT NULL,
    equal INTEGER NOT NULL,
    unresolved INTEGER NOT NULL
);

CREATE TABLE alarm (
    number INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    count INTEGER NOT NULL,
    kind TEXT NOT NULL,
    terminal INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    digest BLOB NOT NULL,
    id BLOB,
    evidence TEXT,
    UNIQUE (terminal, kind, sequence, digest)
);

CREATE TABLE purchase (
    card TEXT NOT NULL,
    serial INTEGER NOT NULL,
    date_time TEXT NOT NULL,
    id BLOB NOT NULL,
    PRIMARY KEY (card, serial, date_time)
) WITHOUT ROWID;

CREATE TABLE pension (
    change INTEGER PRIMARY KEY,
    person INTEGER NOT NULL UNIQUE,
    monthly INTEGER,
    next_unpaid INTEGER NOT NULL,
    paid_ahead INTEGER NOT NULL,
    certified_until INTEGER,
    fingers INTEGER NOT NULL
);
CREATE INDEX pension_by_unpaid ON pension (next_unpaid) WHERE monthly IS NOT NULL;
CREATE INDEX pension_by_certified ON pension (certified_until) WHERE monthly IS NOT NULL;

CREATE TABLE payment (
    person INTEGER NOT NULL,
    period INTEGER NOT NULL,
    id BLOB NOT NULL,
    amount INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (person, period)
) WITHOUT ROWID;
CREATE INDEX payment_by_period ON payment (period, amount);

CREATE TABLE standing (
    person INTEGER NOT NULL,
    since INTEGER NOT NULL,
    state INTEGER NOT NULL,
    PRIMARY KEY (person, since)
) WITHOUT ROWID;

CREATE TABLE claim (
    number INTEGER PRIMARY KEY,
    id BLOB NOT NULL,
    person INTEGER NOT NULL,
    terminal INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    at INTEGER NOT NULL,
    card BLOB,
    clerk TEXT
);
CREATE INDEX claim_by_person ON claim (person, at);
CREATE INDEX claim_by_clerk ON claim (terminal, clerk, at) WHERE clerk IS NOT NULL;

CREATE TABLE policy (
    version INTEGER PRIMARY KEY,
    in_force_from INTEGER NOT NULL,
    in_force_until INTEGER,
    document TEXT NOT NULL
);

CREATE TABLE place (
    terminal INTEGER PRIMARY KEY,
    latitude INTEGER NOT NULL,
    longitude INTEGER NOT NULL
);

CREATE TABLE credit (
    person INTEGER PRIMARY KEY,
    amount INTEGER NOT NULL CHECK (amount >= 0)
);

CREATE TABLE refund (
    cancellation BLOB PRIMARY KEY,
    person INTEGER NOT NULL,
    owed INTEGER NOT NULL CHECK (owed >= 0)
) WITHOUT ROWID;

CREATE INDEX refund_by_person ON refund (person) WHERE owed > 0;

CREATE TABLE load (
    number INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    card_id TEXT NOT NULL,
    request_digest BLOB NOT NULL,
    request TEXT NOT NULL,
    mac2 BLOB NOT NULL,
    at INTEGER NOT NULL,
    state INTEGER NOT NULL
);
CREATE INDEX load_by_card ON load (card_id, number);

CREATE TABLE person (
    change INTEGER PRIMARY KEY,
    key INTEGER NOT NULL UNIQUE,
    state INTEGER,
    insutype INTEGER NOT NULL,
    psn_type INTEGER NOT NULL,
    civil_servant INTEGER NOT NULL,
    paid_until INTEGER NOT NULL,
    year INTEGER NOT NULL,
    deductible INTEGER NOT NULL,
    pooled_outpatient INTEGER NOT NULL,
    pooled_inpatient INTEGER NOT NULL,
    own_in_scope INTEGER NOT NULL,
    stays INTEGER NOT NULL
);

CREATE TABLE card (
    change INTEGER PRIMARY KEY,
    card BLOB NOT NULL UNIQUE,
    reason INTEGER,
    since INTEGER NOT NULL
);

CREATE TABLE holder (
    card BLOB PRIMARY KEY,
    person INTEGER NOT NULL,
    since INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE counter (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO counter VALUES ('feed', 0), ('people', 0), ('epoch', 1), ('rules', 0), ('limits', 0), ('policy', 0);

CREATE TABLE rules (
    version TEXT PRIMARY KEY,
    effective_from TEXT NOT NULL,
    configuration TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE limits (
    version INTEGER PRIMARY KEY,
    terminal INTEGER,
    in_force_from INTEGER NOT NULL,
    in_force_until INTEGER,
    document TEXT NOT NULL
);

CREATE TABLE terminal (
    terminal INTEGER PRIMARY KEY,
    institution_code TEXT NOT NULL,
    institution_name TEXT NOT NULL,
    level INTEGER NOT NULL,
    identity BLOB,
    blocked INTEGER NOT NULL DEFAULT 0,
    enrolled_at INTEGER
);

CREATE TABLE code (
    digest BLOB PRIMARY KEY,
    terminal INTEGER NOT NULL,
    institution_code TEXT NOT NULL,
    institution_name TEXT NOT NULL,
    level INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_by BLOB
) WITHOUT ROWID;

CREATE TABLE certificate (
    fingerprint BLOB PRIMARY KEY,
    terminal INTEGER NOT NULL,
    issued_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX certificate_by_terminal ON certificate (terminal);

CREATE TABLE audit (
    number INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL
);
";

/// Public service: what makes a storage of layout 3 into one of layout 4, and the end of what makes a new one.
///
/// `document` lies in the order of its last change, as `person` does; its cursors are its own. `asked` says who
/// asked what about whom; it is never updated. `person_name` holds digests of names, to compare one that is told.
pub(super) const SERVICE: &str = "
CREATE TABLE document (
    change INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    code TEXT NOT NULL,
    text TEXT,
    UNIQUE (kind, code)
);
INSERT INTO counter VALUES ('document', 0);

CREATE TABLE contribution (
    person INTEGER NOT NULL,
    period INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    base INTEGER NOT NULL,
    by_unit INTEGER NOT NULL,
    by_person INTEGER NOT NULL,
    state INTEGER NOT NULL,
    PRIMARY KEY (person, period, kind)
) WITHOUT ROWID;

CREATE TABLE due (
    person INTEGER NOT NULL,
    until INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    period INTEGER NOT NULL,
    months INTEGER NOT NULL,
    amount INTEGER NOT NULL,
    PRIMARY KEY (person, until, kind, period)
) WITHOUT ROWID;

CREATE TABLE unemployment (
    person INTEGER PRIMARY KEY,
    state INTEGER NOT NULL,
    monthly INTEGER NOT NULL,
    since INTEGER NOT NULL,
    months INTEGER NOT NULL,
    months_paid INTEGER NOT NULL
);

CREATE TABLE person_name (
    person INTEGER PRIMARY KEY,
    digest BLOB NOT NULL
);

CREATE TABLE seeker (
    person INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    until INTEGER NOT NULL,
    text TEXT NOT NULL
);
CREATE INDEX seeker_by_time ON seeker (at);

CREATE TABLE loss (
    number INTEGER PRIMARY KEY,
    person INTEGER NOT NULL,
    at INTEGER NOT NULL,
    terminal INTEGER NOT NULL,
    shown INTEGER NOT NULL,
    locked INTEGER NOT NULL,
    earlier INTEGER NOT NULL
);

CREATE TABLE asked (
    number INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    terminal INTEGER NOT NULL,
    person INTEGER NOT NULL,
    subject TEXT NOT NULL,
    ending TEXT NOT NULL
);
CREATE INDEX asked_by_person ON asked (person, at);
CREATE INDEX asked_by_terminal ON asked (terminal, at);

CREATE TABLE desk (
    terminal INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    district TEXT
);

CREATE INDEX record_by_person ON record (person, made_at, number) WHERE verdict = 1 AND kind IN (1, 2, 4);
CREATE INDEX holder_by_person ON holder (person, since);
";

/// What layout 5 has more: what pensions were before they changed. `pension` holds the amount that no change follows.
pub(super) const AMOUNTS: &str = "
CREATE TABLE pension_amount (
    person INTEGER NOT NULL,
    before INTEGER NOT NULL,
    monthly INTEGER NOT NULL,
    PRIMARY KEY (person, before)
) WITHOUT ROWID;
";

/// What layout 6 has more: dues that are set aside, payments of contributions and what they were for; who stood at the
/// desk; certifications at home.
///
/// `contribution_line` is what makes a contribution paid once, whatever terminal it comes from; `held_due` sets a due
/// aside for one payment before money is taken. `before` of a line is what the record of contributions said before it.
pub(super) const CONTRIBUTIONS: &str = "
ALTER TABLE record ADD COLUMN contribution INTEGER NOT NULL DEFAULT 0;
ALTER TABLE record ADD COLUMN contribution_cash INTEGER NOT NULL DEFAULT 0;
CREATE INDEX record_failed ON record (number) WHERE kind = 7 AND verdict > 1;

CREATE TABLE held_due (
    person INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    period INTEGER NOT NULL,
    months INTEGER NOT NULL,
    amount INTEGER NOT NULL,
    until INTEGER NOT NULL,
    id BLOB NOT NULL,
    terminal INTEGER NOT NULL,
    operator TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (person, kind, period)
) WITHOUT ROWID;
CREATE INDEX held_due_by_id ON held_due (id);

CREATE TABLE contribution_payment (
    number INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    person INTEGER NOT NULL,
    terminal INTEGER NOT NULL,
    operator TEXT NOT NULL,
    at INTEGER NOT NULL,
    amount INTEGER NOT NULL,
    paid_by TEXT NOT NULL,
    reversed_by BLOB,
    reversed_at INTEGER
);
CREATE INDEX contribution_payment_by_person ON contribution_payment (person, number);
CREATE INDEX contribution_payment_by_time ON contribution_payment (at);

CREATE TABLE contribution_line (
    person INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    period INTEGER NOT NULL,
    months INTEGER NOT NULL,
    amount INTEGER NOT NULL,
    until INTEGER NOT NULL,
    id BLOB NOT NULL,
    before TEXT NOT NULL,
    PRIMARY KEY (person, kind, period)
) WITHOUT ROWID;
CREATE INDEX contribution_line_by_id ON contribution_line (id);

ALTER TABLE asked ADD COLUMN operator TEXT;
CREATE INDEX asked_by_time ON asked (at);

ALTER TABLE claim ADD COLUMN home INTEGER NOT NULL DEFAULT 0;
CREATE INDEX claim_at_home ON claim (at) WHERE home = 1;
";
