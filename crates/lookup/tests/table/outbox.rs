//! Purges that wait outlive the process, whole or not at all.

use larder_lookup::{Outbox, Selector};

use crate::world::tag;

#[test]
fn what_waits_is_there_after_a_restart_and_what_was_done_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("larder.outbox");
    let outbox = Outbox::open(&path).unwrap();
    assert!(outbox.is_empty());
    let first = outbox.keep(&tag("a")).unwrap();
    let second = outbox.keep(&Selector::Host("example.com".into())).unwrap();
    let third = outbox.keep(&tag("c")).unwrap();
    assert_eq!(outbox.keep(&tag("a")).unwrap(), first, "the same order need not wait twice");
    outbox.done(second).unwrap();
    drop(outbox);
    let outbox = Outbox::open(&path).unwrap();
    assert_eq!(outbox.waiting(), [(first, tag("a")), (third, tag("c"))]);
    let fourth = outbox.keep(&tag("b")).unwrap();
    assert!(fourth > third, "numbers are not given twice");
    for number in [first, third, fourth] {
        outbox.done(number).unwrap();
    }
    drop(outbox);
    assert!(Outbox::open(&path).unwrap().is_empty());
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 0, "the file begins anew");
}

#[test]
fn a_line_that_a_crash_cut_off_is_no_order_and_another_kind_of_file_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("larder.outbox");
    let outbox = Outbox::open(&path).unwrap();
    outbox.keep(&tag("a")).unwrap();
    drop(outbox);
    let whole = std::fs::read(&path).unwrap();
    for cut in 1..whole.len() {
        std::fs::write(&path, [&whole[..], &whole[..cut]].concat()).unwrap();
        assert_eq!(Outbox::open(&path).unwrap().waiting().len(), 1, "cut at {cut}");
    }
    std::fs::write(&path, "listen = 80\n").unwrap();
    let error = Outbox::open(&path).unwrap_err().to_string();
    assert!(error.contains("line 1 of") && error.contains("larder.outbox"), "{error}");
    let kept = std::fs::read(&path).unwrap();
    assert_eq!(kept, b"listen = 80\n", "what is not understood is not thrown away");
}

#[test]
fn an_order_given_while_the_same_is_carried_out_is_carried_out_again() {
    let folder = tempfile::tempdir().unwrap();
    let outbox = Outbox::open(&folder.path().join("larder.outbox")).unwrap();
    let first = outbox.keep(&tag("a")).unwrap();
    assert_eq!(outbox.begin(first), Some(tag("a")));
    let second = outbox.keep(&tag("a")).unwrap();
    assert_ne!(first, second, "what was published since the first began is the second's");
    outbox.done(first).unwrap();
    assert_eq!(outbox.waiting(), [(second, tag("a"))]);
    outbox.begin(second).unwrap();
    outbox.put_back(second);
    assert_eq!(outbox.keep(&tag("a")).unwrap(), second, "it begins anew in any case");
    assert_eq!(outbox.begin(first), None);
}

#[test]
fn too_many_orders_become_one_for_everything() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("larder.outbox");
    let outbox = Outbox::open(&path).unwrap();
    let first = outbox.keep(&tag("first")).unwrap();
    outbox.begin(first).unwrap();
    outbox.keep(&tag("second")).unwrap();
    let all = outbox.keep(&Selector::All).unwrap();
    assert_eq!(outbox.waiting(), [(first, tag("first")), (all, Selector::All)]);
    assert_eq!(outbox.keep(&tag("third")).unwrap(), all, "everything is everything");
    drop(outbox);
    assert_eq!(Outbox::open(&path).unwrap().len(), 2);
}
