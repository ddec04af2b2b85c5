//! The lookup table on both of its engines: SQLite in a folder of the test's own, and a PostgreSQL that the test starts.
//!
//! The tests of PostgreSQL are `#[ignore]`d: `./test lookup` installs it and runs them.
#![expect(
    clippy::tests_outside_test_module,
    clippy::unwrap_used,
    reason = "the whole binary is tests"
)]

mod claims;
mod outbox;
mod postgres;
mod world;

use larder_lookup::{Lookup, Place};
use world::World;

async fn sqlite() -> (World, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::Sqlite(folder.path().join("pages.db"));
    (World::on(Lookup::open(&place).await.unwrap()), folder)
}

/// Each claim, as a test of each engine.
macro_rules! on_both {
    ($($claim:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test]
            async fn $claim() {
                let (world, _folder) = super::sqlite().await;
                super::claims::$claim(&world).await;
            })*
        }
        mod on_postgres {
            $(#[tokio::test]
            #[ignore = "needs PostgreSQL: ./test lookup"]
            async fn $claim() {
                let server = super::postgres::Server::start();
                let world = super::World::on(larder_lookup::Lookup::open(&server.place()).await.unwrap());
                super::claims::$claim(&world).await;
                world.table.close().await;
            })*
        }
    };
}

on_both!(
    a_page_is_found_by_all_that_it_belongs_to_and_by_nothing_else,
    a_page_stored_again_under_other_names_belongs_to_both,
    a_purge_goes_on_in_portions_until_nothing_is_left,
    what_could_not_be_erased_stays_and_is_erased_the_next_time,
    a_page_published_again_while_it_is_erased_stays_listed,
    what_has_ended_leaves_with_its_names,
    what_was_erased_leaves_little_by_little_and_what_came_back_stays,
    pages_are_shown_with_their_names,
    pages_that_come_together_are_written_together,
    names_of_any_kind_are_kept_apart,
    what_stays_keeps_nothing_else_from_being_erased,
    groups_are_of_their_origin_and_expressions_see_all_of_a_page,
);

#[tokio::test]
async fn a_table_of_an_earlier_process_is_opened_as_it_was_left() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::Sqlite(folder.path().join("pages.db"));
    for round in 0..3 {
        let table = Lookup::open(&place).await.unwrap();
        assert_eq!(table.count().await.unwrap(), round);
        table.remember(world::entry(&format!("/{round}"))).await.unwrap();
        table.close().await;
    }
}

#[tokio::test]
async fn a_place_that_can_not_be_had_is_an_error_that_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("not-a-database");
    std::fs::write(&file, "x".repeat(4096)).unwrap();
    for (place, says) in [
        (Place::Sqlite(folder.path().join("missing/pages.db")), "unable to open"),
        (Place::Sqlite(file), "not a database"),
        ("postgres://127.0.0.1:1/none".parse().unwrap(), "refused"),
    ] {
        let error = Lookup::open(&place).await.unwrap_err().to_string();
        assert!(error.contains(says), "{place}: {error}");
    }
}
