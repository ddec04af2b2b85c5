//! One table, two engines: the same statements for both, where they understand the same.
//!
//! SQLite has one connection that writes, because it has one writer anyway, and others that read beside it (WAL).

use std::collections::HashMap;
use std::time::Duration;

use sqlx::postgres::{PgConnection, PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, Connection as _, QueryBuilder, Row as _};

use crate::batch::Batch;
use crate::entry::{Entry, Listed, Selector};
use crate::error::LookupError;
use crate::limits::{ERASED_MAX, EXPIRED_MAX, PATIENCE, ROWS_MAX, SQLITE_CACHE};
use crate::place::Place;
use crate::schema;

/// Connections to the table.
#[derive(Clone, Debug)]
pub(crate) enum Engine {
    Sqlite { writer: SqlitePool, readers: SqlitePool },
    Postgres(PgPool),
}

/// Does the same with whichever database it is.
macro_rules! with {
    (read $engine:expr, $pool:ident => $do:expr) => {
        match $engine {
            Engine::Sqlite { readers: $pool, .. } => $do,
            Engine::Postgres($pool) => $do,
        }
    };
    (write $engine:expr, $pool:ident => $do:expr) => {
        match $engine {
            Engine::Sqlite { writer: $pool, .. } => $do,
            Engine::Postgres($pool) => $do,
        }
    };
}

const REMEMBER: &str = "INSERT INTO page (key, scheme, host, target, rule, version, content_type, stored_at, expires_at, revision) ";

const RENEW: &str = "
    ON CONFLICT (key) DO UPDATE SET
        scheme = excluded.scheme, host = excluded.host, target = excluded.target,
        rule = excluded.rule, version = excluded.version,
        content_type = excluded.content_type, stored_at = excluded.stored_at,
        expires_at = CASE WHEN page.expires_at > excluded.expires_at
            THEN page.expires_at ELSE excluded.expires_at END,
        revision = page.revision + 1
    RETURNING key, id, revision";

const LABEL: &str = "INSERT INTO label (kind, parent, name) ";

/// Updated although nothing changes: so that nobody takes it away before the page holds on to it.
const HOLD: &str = "
    ON CONFLICT (kind, name, parent) DO UPDATE SET name = excluded.name
    RETURNING kind, parent, name, id";

const LABELLED: &str = "INSERT INTO page_label (label_id, page_id) ";

/// Whether a page was erased, as it is now.
const ERASED: &str =
    "(SELECT 1 FROM erased WHERE erased.page_id = page.id AND erased.revision = page.revision)";

const COLUMNS: &str = "page.id, page.revision, page.key, page.scheme, page.host, page.target,
    page.rule, page.version, page.content_type, page.stored_at, page.expires_at";

impl Engine {
    /// Connects, and brings the tables up to date.
    pub(crate) async fn open(place: &Place) -> Result<Self, LookupError> {
        let engine = match place {
            Place::Sqlite(path) => {
                let options = SqliteConnectOptions::new()
                    .filename(path)
                    .create_if_missing(true)
                    .busy_timeout(PATIENCE)
                    .journal_mode(SqliteJournalMode::Wal)
                    // A page must not be published by a row that a power cut takes back.
                    .synchronous(SqliteSynchronous::Full)
                    .foreign_keys(true)
                    .pragma("cache_size", SQLITE_CACHE);
                let pool = SqlitePoolOptions::new().acquire_timeout(PATIENCE);
                let writer = pool.clone().max_connections(1).connect_with(options.clone()).await?;
                schema::sqlite().run(&writer).await.map_err(LookupError::Schema)?;
                let readers = pool.max_connections(4).connect_with(options.read_only(true)).await?;
                Self::Sqlite { writer, readers }
            }
            Place::Postgres(postgres) => {
                let options = postgres.options();
                // The pool keeps trying and says only that time is up; this says what is wrong.
                PgConnection::connect_with(options).await?.close().await?;
                let pool = PgPoolOptions::new()
                    .acquire_timeout(PATIENCE)
                    .max_connections(8)
                    .idle_timeout(Duration::from_secs(300))
                    .connect_with(options.clone())
                    .await?;
                schema::postgres().run(&pool).await.map_err(LookupError::Schema)?;
                Self::Postgres(pool)
            }
        };
        Ok(engine)
    }

    /// Writes pages down, all of them or none. What is there of a page already keeps its labels, until it is forgotten.
    pub(crate) async fn remember(&self, entries: &[&Entry]) -> Result<(), LookupError> {
        let batch = Batch::of(entries);
        with!(write self, pool => {
            let mut work = pool.begin().await?;
            let mut labels = HashMap::new();
            for some in batch.labels.chunks(ROWS_MAX) {
                let mut query = QueryBuilder::new(LABEL);
                query.push_values(some, |mut row, label| {
                    row.push_bind(label.kind as i64)
                        .push_bind(label.parent.clone().into_owned())
                        .push_bind(label.name.to_owned());
                });
                for row in query.push(HOLD).build().fetch_all(&mut *work).await? {
                    let label: (i64, String, String) =
                        (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
                    labels.insert(label, row.try_get::<i64, _>(3)?);
                }
            }
            let (mut pages, mut renewed) = (HashMap::new(), Vec::new());
            for some in batch.pages.chunks(ROWS_MAX) {
                let mut query = QueryBuilder::new(REMEMBER);
                query.push_values(some, |mut row, (entry, _)| {
                    row.push_bind(entry.key.clone())
                        .push_bind(entry.scheme.clone())
                        .push_bind(entry.host.clone())
                        .push_bind(entry.target.clone())
                        .push_bind(entry.rule.clone())
                        .push_bind(entry.version.clone())
                        .push_bind(entry.content_type.clone())
                        .push_bind(entry.stored_at)
                        .push_bind(entry.expires_at)
                        .push_bind(1_i64);
                });
                for row in query.push(RENEW).build().fetch_all(&mut *work).await? {
                    let id = row.try_get::<i64, _>(1)?;
                    pages.insert(row.try_get::<Vec<u8>, _>(0)?, id);
                    renewed.extend((row.try_get::<i64, _>(2)? > 1).then_some(id));
                }
            }
            for forget in forgetting(&renewed) {
                sqlx::query(AssertSqlSafe(forget)).persistent(false).execute(&mut *work).await?;
            }
            for some in batch.pairs(&labels, &pages).chunks(ROWS_MAX) {
                let mut query = QueryBuilder::new(LABELLED);
                query.push_values(some, |mut row, (label, page)| {
                    row.push_bind(*label).push_bind(*page);
                });
                query.push(" ON CONFLICT DO NOTHING").build().execute(&mut *work).await?;
            }
            work.commit().await?;
            Ok(())
        })
    }

    /// The number of the newest page: what is remembered from now on has a higher one.
    pub(crate) async fn newest(&self) -> Result<i64, LookupError> {
        let newest: Option<i64> = with!(read self, pool => {
            sqlx::query_scalar("SELECT max(id) FROM page").fetch_one(pool).await?
        });
        Ok(newest.unwrap_or_default())
    }

    /// Some of the pages that are meant, numbered up to `upto`: the first in some order, or those behind `after` in it.
    pub(crate) async fn find(
        &self,
        selector: &Selector,
        after: &After,
        upto: i64,
        most: u32,
    ) -> Result<Vec<Listed>, LookupError> {
        with!(read self, pool => {
            let mut query = QueryBuilder::new("SELECT ");
            query.push(COLUMNS).push(" FROM page");
            if let Some(label) = selector.label() {
                query.push(
                    " JOIN page_label ON page_label.page_id = page.id
                      JOIN label ON label.id = page_label.label_id AND label.kind = ",
                );
                query.push_bind(label.kind as i64);
                query.push(" AND label.name = ").push_bind(label.name.to_owned());
                query.push(" AND label.parent = ").push_bind(label.parent.clone().into_owned());
            }
            // By the column that the engine goes along: or it would put all of them in order for each portion.
            let id = if selector.label().is_some() { "page_label.page_id" } else { "page.id" };
            query.push(" WHERE ").push(id).push(" <= ").push_bind(upto);
            let by_url = after.by_url(selector);
            match after {
                After::Id(0) | After::Page(None) => {}
                After::Page(Some((target, after))) if by_url => {
                    query.push(" AND page.target >= ").push_bind(target.clone());
                    query.push(" AND (page.target > ").push_bind(target.clone());
                    query.push(" OR page.id > ").push_bind(*after).push(")");
                }
                After::Id(after) | After::Page(Some((_, after))) => {
                    query.push(" AND ").push(id).push(" > ").push_bind(*after);
                }
            }
            query.push(" AND NOT EXISTS ").push(ERASED);
            if let Some(host) = selector.host() {
                query.push(" AND page.host = ").push_bind(host.to_owned());
            }
            if let Some((first, end)) = selector.targets() {
                query.push(" AND page.target >= ").push_bind(first);
                if let Some(end) = end {
                    query.push(" AND page.target < ").push_bind(end);
                }
            }
            if let Selector::Path { path, .. } = selector {
                // `@` comes after `?`: between the two lie the path's queries and nothing else.
                query.push(" AND (page.target = ").push_bind(path.as_bytes().to_vec());
                query.push(" OR (page.target >= ").push_bind([path.as_bytes(), b"?"].concat());
                query.push(" AND page.target < ").push_bind([path.as_bytes(), b"@"].concat());
                query.push("))");
            }
            query.push(" ORDER BY ").push(if by_url { "page.target, page.id" } else { id });
            query.push(" LIMIT ").push_bind(i64::from(most));
            let rows = query.build().fetch_all(pool).await?;
            let mut found = Vec::with_capacity(rows.len());
            for row in rows {
                found.push(Listed {
                    id: row.try_get(0)?,
                    revision: row.try_get(1)?,
                    key: row.try_get(2)?,
                    scheme: row.try_get(3)?,
                    host: row.try_get(4)?,
                    target: row.try_get(5)?,
                    rule: row.try_get(6)?,
                    version: row.try_get(7)?,
                    content_type: row.try_get(8)?,
                    stored_at: row.try_get(9)?,
                    expires_at: row.try_get(10)?,
                });
            }
            Ok(found)
        })
    }

    /// The labels of a page: kind, name and parent, as people read them.
    pub(crate) async fn labels(
        &self,
        page: i64,
    ) -> Result<Vec<(i64, String, String)>, LookupError> {
        const LABELS: &str = "SELECT label.kind, label.name, label.parent FROM label
            JOIN page_label ON page_label.label_id = label.id WHERE page_label.page_id = $1
            ORDER BY label.kind, label.parent, label.name";
        with!(read self, pool => {
            let rows = sqlx::query(LABELS).bind(page).fetch_all(pool).await?;
            let mut labels = Vec::with_capacity(rows.len());
            for row in rows {
                labels.push((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?));
            }
            Ok(labels)
        })
    }

    /// Forgets pages that were erased, unless they were remembered anew since they were found. Says how many.
    pub(crate) async fn forget(&self, pages: &[Listed]) -> Result<u64, LookupError> {
        const FORGET: &str = ") INSERT INTO erased (page_id, revision)
            SELECT page.id, page.revision FROM page
                JOIN gone ON page.id = gone.id AND page.revision = gone.revision
            WHERE TRUE
            ON CONFLICT (page_id) DO UPDATE SET revision = excluded.revision";
        with!(write self, pool => {
            let mut work = pool.begin().await?;
            let mut forgotten = 0;
            for some in pages.chunks(ROWS_MAX) {
                let mut query = QueryBuilder::new("WITH gone (id, revision) AS (");
                query.push_values(some, |mut row, page| {
                    row.push_bind(page.id).push_bind(page.revision);
                });
                let done = query.push(FORGET).build().execute(&mut *work).await?;
                forgotten += done.rows_affected();
            }
            work.commit().await?;
            Ok(forgotten)
        })
    }

    /// Takes the rows of some erased pages away. Says of how many.
    pub(crate) async fn clear_erased(&self) -> Result<u64, LookupError> {
        const SOME: &str = "SELECT page_id FROM erased ORDER BY page_id LIMIT $1";
        // The revision besides: a page that is remembered anew at this very moment stays.
        const CLEAR: &str = "DELETE FROM page
            WHERE id IN (SELECT page_id FROM erased WHERE page_id <= $1)
            AND revision = (SELECT revision FROM erased WHERE page_id = page.id)";
        const OUTLIVED: &str = "DELETE FROM erased WHERE page_id <= $1 AND NOT EXISTS
            (SELECT 1 FROM page WHERE page.id = erased.page_id AND page.revision = erased.revision)";
        with!(write self, pool => {
            let mut work = pool.begin().await?;
            let some: Vec<i64> = sqlx::query_scalar(SOME).bind(ERASED_MAX).fetch_all(&mut *work).await?;
            let Some(last) = some.last() else { return Ok(0) };
            sqlx::query(CLEAR).bind(last).execute(&mut *work).await?;
            sqlx::query(OUTLIVED).bind(last).execute(&mut *work).await?;
            work.commit().await?;
            Ok(some.len() as u64)
        })
    }

    /// Forgets some pages whose time was over before `now`, and labels that no page has. Says how many pages.
    pub(crate) async fn forget_expired(&self, now: i64) -> Result<u64, LookupError> {
        const EXPIRED: &str = "DELETE FROM page WHERE id IN
            (SELECT id FROM page WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)";
        const UNUSED: &str = "DELETE FROM label WHERE id IN
            (SELECT label.id FROM label WHERE NOT EXISTS
                (SELECT 1 FROM page_label WHERE page_label.label_id = label.id) LIMIT $1)";
        with!(write self, pool => {
            let expired = sqlx::query(EXPIRED).bind(now).bind(EXPIRED_MAX).execute(pool).await?;
            // A label that a page takes hold of at this moment stays: the database refuses, and the next time comes.
            if let Err(error) = sqlx::query(UNUSED).bind(EXPIRED_MAX).execute(pool).await {
                tracing::debug!(%error, "unused labels stay for now");
            }
            Ok(expired.rows_affected())
        })
    }

    /// How many pages there are.
    pub(crate) async fn count(&self) -> Result<i64, LookupError> {
        let count: i64 = with!(read self, pool => {
            let mut query = QueryBuilder::new("SELECT (SELECT count(*) FROM page) -
                (SELECT count(*) FROM erased CROSS JOIN page
                    WHERE page.id = erased.page_id AND page.revision = erased.revision)");
            query.build_query_scalar().fetch_one(pool).await?
        });
        Ok(count)
    }

    /// Lets go of all connections.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

/// Of a page that was erased nothing is left but its row: the names of those that were remembered anew are not those of before.
/// The numbers are the database's own.
fn forgetting(renewed: &[i64]) -> impl Iterator<Item = String> {
    renewed.chunks(ROWS_MAX).flat_map(|some| {
        let ids = some.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
        let names = format!(
            "DELETE FROM page_label WHERE page_id IN (SELECT erased.page_id FROM erased
                JOIN page ON page.id = erased.page_id AND page.revision = erased.revision + 1
                WHERE erased.page_id IN ({ids}))"
        );
        [names, format!("DELETE FROM erased WHERE page_id IN ({ids})")]
    })
}

/// From where on pages are looked for.
#[derive(Debug)]
pub(crate) enum After {
    /// In order of their numbers, behind this one.
    Id(i64),
    /// In the order in which they are found quickest, behind the page with this target and number; the first, if none.
    Page(Option<(Vec<u8>, i64)>),
}

impl After {
    /// Whether it is the order of the index of URLs.
    fn by_url(&self, selector: &Selector) -> bool {
        matches!(self, Self::Page(_)) && selector.host().is_some() && selector.label().is_none()
    }
}

impl Selector {
    /// The host that the pages are of, where it is one.
    fn host(&self) -> Option<&str> {
        match self {
            Self::Url { host, .. } | Self::Path { host, .. } | Self::Host(host) => Some(host),
            Self::Prefix { host, .. } | Self::Tag { host, .. } => host.as_deref(),
            // A group's label says its origin.
            Self::Group { .. } | Self::Matching(_) | Self::Identifier(_) | Self::All => None,
        }
    }

    /// Between which targets they are: the first, and the first that is none of them.
    fn targets(&self) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
        match self {
            Self::Url { target, .. } => {
                let mut end = target.as_bytes().to_vec();
                end.push(0);
                Some((target.as_bytes().to_vec(), Some(end)))
            }
            Self::Prefix { prefix, .. } => {
                Some((prefix.as_bytes().to_vec(), after_all(prefix.as_bytes())))
            }
            Self::Path { .. }
            | Self::Host(_)
            | Self::Tag { .. }
            | Self::Group { .. }
            | Self::Matching(_)
            | Self::Identifier(_)
            | Self::All => None,
        }
    }
}

/// The first text behind all that begin with `prefix`; none, if there is no such text.
fn after_all(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte < u8::MAX)?;
    let mut end = prefix.get(..=last)?.to_vec();
    if let Some(byte) = end.last_mut() {
        *byte += 1;
    }
    Some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behind_a_beginning_comes_the_next_text_that_does_not_begin_so() {
        let cases: [(&[u8], Option<&[u8]>); 5] = [
            (b"/a", Some(b"/b")),
            (b"/", Some(b"0")),
            (b"/\xff", Some(b"0")),
            (b"\xff\xff", None),
            (b"", None),
        ];
        for (prefix, end) in cases {
            assert_eq!(after_all(prefix).as_deref(), end, "{prefix:?}");
        }
    }
}
