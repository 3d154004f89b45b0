-- The ledger, layout 4: what operators are called, and whose first secret another has typed.

ALTER TABLE operator ADD COLUMN name TEXT NOT NULL DEFAULT '';

ALTER TABLE operator ADD COLUMN must_change INTEGER NOT NULL DEFAULT 0 CHECK (must_change IN (0, 1));
