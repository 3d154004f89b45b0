-- The eligibility cache, layout 1: a copy of what the center knows, rebuilt at will.

-- Where in the feed the copy stands. One row.
CREATE TABLE feed (
    id      INTEGER PRIMARY KEY CHECK (id = 1),
    city    TEXT    NOT NULL,
    epoch   INTEGER NOT NULL,
    cursor  INTEGER NOT NULL,
    newest  INTEGER NOT NULL,
    as_of   INTEGER,             -- the center's clock when the copy was last complete
    seen_at INTEGER              -- the center's clock of the last page
);

-- Ten million rows: small integers that are often 0 take no space, and the key is the row's own number.
CREATE TABLE person (
    key               INTEGER PRIMARY KEY,   -- first 17 digits of the person number
    class             INTEGER NOT NULL,      -- insutype × 2048 + psn_type × 8 + civil servant × 4 + state
    paid_until        INTEGER NOT NULL,      -- year × 12 + month − 1
    year              INTEGER NOT NULL,
    deductible        INTEGER NOT NULL,
    pooled_outpatient INTEGER NOT NULL,
    pooled_inpatient  INTEGER NOT NULL,
    own_in_scope      INTEGER NOT NULL,
    stays             INTEGER NOT NULL
);

-- Rows that pages have brought since the copy was last complete: they are younger than `feed.as_of` says.
-- Empty while the copy is complete.
CREATE TABLE refreshed (
    key   INTEGER PRIMARY KEY,
    as_of INTEGER NOT NULL        -- the center's clock when it made the page
);

CREATE TABLE blocked (
    card   BLOB    PRIMARY KEY CHECK (length(card) = 12),
    reason INTEGER NOT NULL
) WITHOUT ROWID;

-- Rules and limits, as signed.
CREATE TABLE document (
    kind      TEXT    PRIMARY KEY,
    version   INTEGER NOT NULL,
    text      TEXT    NOT NULL,
    signature BLOB    NOT NULL CHECK (length(signature) = 64)
) WITHOUT ROWID;
