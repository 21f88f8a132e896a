-- What is known of a frame besides what of it is rendered. `failure` is a WorkFailure, as JSON.
CREATE TABLE frame_kept (
    job TEXT NOT NULL,
    number INTEGER NOT NULL,
    dropped INTEGER NOT NULL,
    paused INTEGER NOT NULL,
    rank INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    settled INTEGER NOT NULL,
    failure TEXT,
    PRIMARY KEY (job, number)
) STRICT, WITHOUT ROWID;
