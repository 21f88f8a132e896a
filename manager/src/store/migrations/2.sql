-- What a launched agent costs, as JSON.
ALTER TABLE agent ADD COLUMN lease TEXT;
