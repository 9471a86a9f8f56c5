"""The tables on a PostgreSQL server: those of the embedded file, in the server's own types."""

from typing import Final

_TABLES_1: Final = """
CREATE TABLE version(number BIGINT NOT NULL);
CREATE TABLE subject(
    id BIGINT PRIMARY KEY,
    pseudonym TEXT COLLATE "C" NOT NULL UNIQUE,
    wrapped BYTEA NOT NULL,
    profile BYTEA NOT NULL,
    consents BIGINT NOT NULL
);
CREATE TABLE identifier(
    blind TEXT COLLATE "C" NOT NULL,
    subject BIGINT NOT NULL REFERENCES subject ON DELETE CASCADE,
    bare BIGINT NOT NULL,
    PRIMARY KEY(blind, subject)
);
CREATE INDEX identifier_subject ON identifier(subject);
CREATE TABLE tombstone(blind TEXT COLLATE "C" PRIMARY KEY);
CREATE TABLE kind(id BIGINT PRIMARY KEY, name TEXT COLLATE "C" NOT NULL UNIQUE);
CREATE TABLE block(
    key BIGINT PRIMARY KEY,
    rows BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    sealed BYTEA NOT NULL,
    sequence BIGINT NOT NULL
);
ALTER TABLE block ALTER COLUMN sealed SET STORAGE EXTERNAL; -- it is compressed already
CREATE TABLE file(
    id BIGINT PRIMARY KEY,
    digest BYTEA,
    source TEXT COLLATE "C" NOT NULL,
    name BYTEA,
    at BIGINT NOT NULL,
    rows_in BIGINT NOT NULL, stored BIGINT NOT NULL,
    rejected BIGINT NOT NULL, duplicates BIGINT NOT NULL,
    entry TEXT COLLATE "C" NOT NULL
);
CREATE INDEX file_digest ON file(digest);
CREATE TABLE file_subject(
    file BIGINT NOT NULL REFERENCES file ON DELETE CASCADE,
    subject BIGINT NOT NULL REFERENCES subject ON DELETE CASCADE,
    consents BIGINT NOT NULL,
    PRIMARY KEY(file, subject)
);
CREATE INDEX file_subject_subject ON file_subject(subject);
CREATE TABLE reject(
    id BIGINT PRIMARY KEY,
    file BIGINT NOT NULL REFERENCES file ON DELETE CASCADE,
    row BIGINT NOT NULL, rows BIGINT NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    subject BIGINT REFERENCES subject ON DELETE CASCADE,
    whose TEXT COLLATE "C"
);
CREATE INDEX reject_file ON reject(file);
CREATE INDEX reject_subject ON reject(subject);
CREATE INDEX reject_whose ON reject(whose);
CREATE TABLE directory(digest BYTEA PRIMARY KEY, sealed BYTEA NOT NULL);
CREATE TABLE counter(name TEXT COLLATE "C" PRIMARY KEY, last BIGINT NOT NULL);
CREATE TABLE change(
    number BIGINT PRIMARY KEY,
    entry TEXT COLLATE "C" NOT NULL,
    state BYTEA
);
"""

_EPOCHS: Final = """
ALTER TABLE subject ADD COLUMN made BIGINT NOT NULL DEFAULT 0;
ALTER TABLE block ADD COLUMN shape BIGINT NOT NULL DEFAULT 0;
CREATE TABLE subject_key(
    subject BIGINT NOT NULL REFERENCES subject ON DELETE CASCADE,
    zone TEXT COLLATE "C" NOT NULL,
    wrapped BYTEA NOT NULL,
    PRIMARY KEY(subject, zone)
);
CREATE TABLE epoch(zone TEXT COLLATE "C" PRIMARY KEY, number BIGINT NOT NULL);
"""

MIGRATIONS: Final = (_TABLES_1, _EPOCHS)
"""Step `i` takes the tables from version `i` to `i + 1`. Steps are added, never changed."""
