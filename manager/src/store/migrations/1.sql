-- What was submitted, and where it is. `spec` is a JobSpec, `state` the rest of what is known of it.
CREATE TABLE job (
    id TEXT PRIMARY KEY,
    spec TEXT NOT NULL,
    state TEXT NOT NULL
) STRICT;

-- The finished files of a frame.
CREATE TABLE frame (
    job TEXT NOT NULL,
    number INTEGER NOT NULL,
    result TEXT NOT NULL,
    PRIMARY KEY (job, number)
) STRICT, WITHOUT ROWID;

-- The ledger: regions of frames that are ours. Until one is merged, its file lies in `parts/`.
CREATE TABLE part (
    job TEXT NOT NULL,
    frame INTEGER NOT NULL,
    region TEXT NOT NULL,
    blob TEXT NOT NULL,
    file TEXT NOT NULL,
    merged INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (job, frame, region)
) STRICT, WITHOUT ROWID;

-- What agents were given to do.
CREATE TABLE work (
    id TEXT PRIMARY KEY,
    agent TEXT NOT NULL,
    job TEXT NOT NULL,
    work TEXT NOT NULL
) STRICT;

CREATE INDEX work_of_agent ON work (agent);

-- Agents: written down before they are launched; the address comes when they answer. A launched
-- one's password is in its folder.
CREATE TABLE agent (
    id TEXT PRIMARY KEY,
    launched INTEGER NOT NULL,
    address TEXT,
    password TEXT,
    ca_pem TEXT
) STRICT;
