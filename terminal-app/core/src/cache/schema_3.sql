-- The eligibility cache, layout 3: what hangs on the wall (articles, offices, vacancies).

-- Where in the stream of public documents the copy stands. One row.
CREATE TABLE public_feed (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    epoch  INTEGER NOT NULL,
    cursor INTEGER NOT NULL,
    newest INTEGER NOT NULL,
    as_of  INTEGER,             -- the center's clock when the copy was last complete
    here   TEXT    NOT NULL     -- where this terminal stands, as the center knows it (JSON)
);
INSERT INTO public_feed VALUES (1, 0, 0, 0, NULL, '{"district":null,"place":null}');

CREATE TABLE public_document (
    kind TEXT NOT NULL,
    code TEXT NOT NULL,
    text TEXT NOT NULL,         -- the document (JSON)
    PRIMARY KEY (kind, code)
) WITHOUT ROWID;
