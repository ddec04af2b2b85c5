//! The tables, and how they become what this version needs.
//!
//! ```text
//!  page ──< page_label >── label (a tag, a parent identifier, a supplementary one, a group)
//!    └──── erased
//! ```
//!
//! A page that was erased is only written down as that: to take its row out of every index at once would keep a purge of many
//! pages waiting for the disk. Its rows leave little by little.
//!
//! A change of the schema is one more entry of both lists; what was released is never edited.

use std::borrow::Cow;

use sqlx::migrate::{Migration, MigrationType, Migrator};

const SQLITE: &[(&str, &str)] = &[(
    "pages and their labels",
    "CREATE TABLE page (
        id INTEGER PRIMARY KEY,
        key BLOB NOT NULL UNIQUE,
        scheme TEXT NOT NULL,
        host TEXT NOT NULL,
        target BLOB NOT NULL,
        rule TEXT NOT NULL,
        version TEXT NOT NULL,
        content_type TEXT NOT NULL,
        stored_at INTEGER NOT NULL,
        expires_at INTEGER NOT NULL,
        revision INTEGER NOT NULL
    );
    CREATE INDEX page_by_url ON page (host, target);
    CREATE INDEX page_by_end ON page (expires_at);
    CREATE TABLE label (
        id INTEGER PRIMARY KEY,
        kind INTEGER NOT NULL,
        parent TEXT NOT NULL,
        name TEXT NOT NULL,
        UNIQUE (kind, name, parent)
    );
    CREATE TABLE page_label (
        label_id INTEGER NOT NULL REFERENCES label (id),
        page_id INTEGER NOT NULL REFERENCES page (id) ON DELETE CASCADE,
        PRIMARY KEY (label_id, page_id)
    ) WITHOUT ROWID;
    CREATE INDEX page_label_by_page ON page_label (page_id);
    CREATE TABLE erased (
        page_id INTEGER PRIMARY KEY REFERENCES page (id) ON DELETE CASCADE,
        revision INTEGER NOT NULL
    );",
)];

const POSTGRES: &[(&str, &str)] = &[(
    "pages and their labels",
    r#"CREATE TABLE page (
        id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        key BYTEA NOT NULL UNIQUE,
        scheme TEXT NOT NULL,
        host TEXT COLLATE "C" NOT NULL,
        target BYTEA NOT NULL,
        rule TEXT NOT NULL,
        version TEXT NOT NULL,
        content_type TEXT NOT NULL,
        stored_at BIGINT NOT NULL,
        expires_at BIGINT NOT NULL,
        revision BIGINT NOT NULL
    );
    CREATE INDEX page_by_url ON page (host, target);
    CREATE INDEX page_by_end ON page (expires_at);
    CREATE TABLE label (
        id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        kind BIGINT NOT NULL,
        parent TEXT COLLATE "C" NOT NULL,
        name TEXT COLLATE "C" NOT NULL,
        UNIQUE (kind, name, parent)
    );
    CREATE TABLE page_label (
        label_id BIGINT NOT NULL REFERENCES label (id),
        page_id BIGINT NOT NULL REFERENCES page (id) ON DELETE CASCADE,
        PRIMARY KEY (label_id, page_id)
    );
    CREATE INDEX page_label_by_page ON page_label (page_id);
    CREATE TABLE erased (
        page_id BIGINT PRIMARY KEY REFERENCES page (id) ON DELETE CASCADE,
        revision BIGINT NOT NULL
    );"#,
)];

/// The changes for SQLite.
pub(crate) fn sqlite() -> Migrator {
    migrator(SQLITE)
}

/// The changes for PostgreSQL.
pub(crate) fn postgres() -> Migrator {
    migrator(POSTGRES)
}

fn migrator(changes: &'static [(&'static str, &'static str)]) -> Migrator {
    let numbered = (1..).zip(changes);
    let migrations = numbered.map(|(version, (name, sql))| {
        let kind = MigrationType::Simple;
        Migration::new(
            version,
            Cow::Borrowed(*name),
            kind,
            sqlx::SqlSafeStr::into_sql_str(*sql),
            false,
        )
    });
    Migrator::with_migrations(migrations.collect())
}
