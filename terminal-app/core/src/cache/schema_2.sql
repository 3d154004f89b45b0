-- The eligibility cache, layout 2: pensions.

CREATE TABLE pension (
    key             INTEGER PRIMARY KEY,   -- first 17 digits of the person number
    monthly         INTEGER NOT NULL,      -- fen
    next_unpaid     INTEGER NOT NULL,      -- CCYYMM
    paid_ahead      INTEGER NOT NULL,      -- bit n: the month n + 1 later is paid
    certified_until INTEGER,               -- CCYYMMDD
    fingers         INTEGER NOT NULL       -- 0 unknown, 1 enrolled, 2 none usable
);
