-- The ledger, layout 3: contributions that are paid, and payments that are taken back.
--
-- A CHECK cannot be changed in place: the table is built anew, with all that hangs on it.

DROP TRIGGER txn_starts_intended;
DROP TRIGGER txn_forward_only;
DROP TRIGGER txn_intention_frozen;
DROP TRIGGER txn_armed_frozen;
DROP TRIGGER txn_outcome_frozen;
DROP TRIGGER txn_linked;
DROP TRIGGER txn_verdict_frozen;
DROP TRIGGER txn_cancelled_once;
DROP TRIGGER plan_kept;
DROP TRIGGER link_once;
DROP TRIGGER txn_kept;
DROP TRIGGER link_kept;
DROP TRIGGER visit_kept;
DROP INDEX txn_person;
DROP INDEX txn_card;
DROP INDEX txn_of;
DROP INDEX txn_disputed;
DROP INDEX txn_month_paid_once;

CREATE TABLE txn_3 (
    ordinal      INTEGER PRIMARY KEY,                 -- order of the intentions; the last one is never purged
    id           BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    state        INTEGER NOT NULL CHECK (state BETWEEN 0 AND 6),
        -- 0 intended, 1 armed, 2 recorded, 3 uploaded, 4 booked, 5 refused, 6 conflict
    purpose      INTEGER NOT NULL CHECK (purpose BETWEEN 0 AND 7),
        -- 0 settlement, 1 cancellation, 2 load, 3 enrolment of fingers, 4 certification, 5 pension,
        -- 6 contributions paid, 7 such a payment taken back
    of           BLOB    CHECK (of IS NULL OR length(of) = 16),
        -- the settlement that is cancelled, the cancellation whose refund is loaded, or the payment taken back
    visit        TEXT,
    person       INTEGER NOT NULL,                    -- first 17 digits of the person number
    card         BLOB    NOT NULL CHECK (length(card) = 12),
    cycle        TEXT    NOT NULL,
    operator     TEXT    NOT NULL,
    intended_at  INTEGER NOT NULL,
    period       INTEGER CHECK ((period IS NOT NULL) = (purpose = 5)),
        -- the month of a pension, CCYYMM
    armed        TEXT,                                -- JSON: enough to ask the card for its proof
    armed_at     INTEGER,
    -- The outcome:
    sequence     INTEGER,                             -- place in the chain; none yet while unresolved
    recorded_at  INTEGER,
    abandoned    INTEGER,                             -- 1 when nothing has happened on the card
    -- Sums for reconciliation and for the year of the person:
    medfee       INTEGER, fund INTEGER, account INTEGER, cash INTEGER,
    contribution INTEGER, contribution_cash INTEGER,  -- a line of their own
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

INSERT INTO txn_3 (ordinal, id, state, purpose, of, visit, person, card, cycle, operator, intended_at, period, armed,
    armed_at, sequence, recorded_at, abandoned, medfee, fund, account, cash, year, deductible, pooled_outpatient,
    pooled_inpatient, own_in_scope, stays, verdict_at, receipt, refusal, late, cancelled_by)
SELECT ordinal, id, state, purpose, of, visit, person, card, cycle, operator, intended_at, period, armed,
    armed_at, sequence, recorded_at, abandoned, medfee, fund, account, cash, year, deductible, pooled_outpatient,
    pooled_inpatient, own_in_scope, stays, verdict_at, receipt, refusal, late, cancelled_by
FROM txn;

DROP TABLE txn;
ALTER TABLE txn_3 RENAME TO txn;

CREATE INDEX txn_person ON txn (person);
CREATE INDEX txn_card ON txn (card);
CREATE INDEX txn_of ON txn (of) WHERE of IS NOT NULL;
CREATE INDEX txn_disputed ON txn (state) WHERE state >= 5;

-- No month of a person is paid twice here, whatever else goes wrong. One that the center refuses was paid out all
-- the same, so it counts; one that came to nothing does not.
CREATE UNIQUE INDEX txn_month_paid_once ON txn (person, period)
WHERE period IS NOT NULL AND (abandoned IS NULL OR abandoned = 0);

CREATE TRIGGER txn_starts_intended BEFORE INSERT ON txn
WHEN NEW.state <> 0
BEGIN SELECT RAISE(ABORT, 'a transaction starts as an intention'); END;

CREATE TRIGGER txn_forward_only BEFORE UPDATE OF state ON txn
WHEN NEW.state < OLD.state OR (OLD.state >= 4 AND NEW.state <> OLD.state)
BEGIN SELECT RAISE(ABORT, 'a state never moves back'); END;

CREATE TRIGGER txn_intention_frozen BEFORE UPDATE OF
    ordinal, id, purpose, of, visit, person, card, cycle, operator, intended_at, period ON txn
BEGIN SELECT RAISE(ABORT, 'an intention never changes'); END;

CREATE TRIGGER txn_armed_frozen BEFORE UPDATE OF armed, armed_at ON txn
WHEN OLD.state >= 1
BEGIN SELECT RAISE(ABORT, 'what the card was asked never changes'); END;

CREATE TRIGGER txn_outcome_frozen BEFORE UPDATE OF
    sequence, recorded_at, abandoned, medfee, fund, account, cash, contribution, contribution_cash ON txn
WHEN OLD.sequence IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'an outcome never changes'); END;

CREATE TRIGGER txn_linked BEFORE UPDATE OF sequence ON txn
WHEN (SELECT ordinal FROM link WHERE sequence = NEW.sequence) IS NOT OLD.ordinal
BEGIN SELECT RAISE(ABORT, 'a sequence belongs to a link'); END;

CREATE TRIGGER txn_verdict_frozen BEFORE UPDATE OF verdict_at, receipt, refusal ON txn
WHEN OLD.state >= 4
BEGIN SELECT RAISE(ABORT, 'a verdict never changes'); END;

CREATE TRIGGER txn_cancelled_once BEFORE UPDATE OF cancelled_by ON txn
WHEN OLD.cancelled_by IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a settlement is cancelled once'); END;

CREATE TRIGGER plan_kept BEFORE DELETE ON plan
WHEN EXISTS (SELECT 1 FROM txn WHERE ordinal = OLD.ordinal)
BEGIN SELECT RAISE(ABORT, 'a plan is kept as long as its transaction'); END;

CREATE TRIGGER link_once BEFORE INSERT ON link
WHEN NOT EXISTS (SELECT 1 FROM txn WHERE ordinal = NEW.ordinal AND sequence IS NULL)
BEGIN SELECT RAISE(ABORT, 'a transaction has one outcome'); END;

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

CREATE TRIGGER visit_kept BEFORE DELETE ON visit
WHEN OLD.state = 1 AND EXISTS (SELECT 1 FROM txn WHERE id = OLD.settlement)
BEGIN SELECT RAISE(ABORT, 'a visit is kept as long as its settlement'); END;
