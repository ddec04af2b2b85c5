//! Claims about a fetch in progress, polled by hand: no runtime, no time.

use super::*;
use std::task::Waker;

fn flight() -> Arc<Flight> {
    Arc::new(Flight::new(Arc::new(Budget::new(1 << 20))))
}

fn share(flight: &Flight) {
    flight.publish(Outcome::Unshared(Reason::NoStore), None);
}

/// What a reader has to give, without waiting.
fn read(reader: &mut Reader) -> Result<(String, bool), Reason> {
    let cx = Context::from_waker(Waker::noop());
    let mut text = String::new();
    loop {
        match reader.poll_frame(&cx) {
            Poll::Pending => return Ok((text, false)),
            Poll::Ready(None) => return Ok((text, true)),
            Poll::Ready(Some(Err(incomplete))) => return Err(incomplete.reason),
            Poll::Ready(Some(Ok(frame))) => {
                let data = frame.into_data().unwrap();
                text.push_str(std::str::from_utf8(&data).unwrap());
            }
        }
    }
}

#[test]
fn every_reader_gets_the_whole_body_whenever_it_came() {
    let flight = flight();
    let mut early = flight.reader(0, None).unwrap();
    flight.push(Bytes::from_static(b"one "), 100);
    assert_eq!(read(&mut early), Ok(("one ".into(), false)));
    let mut late = flight.reader(0, None).unwrap();
    flight.push(Bytes::from_static(b"two"), 100);
    flight.complete(None, None);
    assert_eq!(read(&mut early), Ok(("two".into(), true)));
    assert_eq!(read(&mut late), Ok(("one two".into(), true)));
}

#[test]
fn a_window_begins_and_ends_inside_chunks() {
    let flight = flight();
    for chunk in ["0123", "4567", "89"] {
        flight.push(Bytes::from_static(chunk.as_bytes()), 100);
    }
    for (from, to, expected) in
        [(2, 6, "2345"), (4, 8, "4567"), (9, 10, "9"), (0, 10, "0123456789")]
    {
        let mut reader = flight.reader(from, Some(to)).unwrap();
        assert_eq!(read(&mut reader), Ok((expected.into(), true)), "{from}..{to}");
    }
}

#[test]
fn a_failure_fails_every_reader_and_a_late_one_too() {
    let flight = flight();
    let mut reader = flight.reader(0, None).unwrap();
    flight.push(Bytes::from_static(b"half"), 100);
    flight.fail(Reason::Truncated);
    assert_eq!(read(&mut reader), Err(Reason::Truncated));
    let mut late = flight.reader(0, None).unwrap();
    assert_eq!(read(&mut late), Err(Reason::Truncated));
    assert!(!flight.is_open());
}

#[test]
fn a_reader_goes_on_from_the_stored_body_when_the_chunks_are_gone() {
    let flight = flight();
    let mut reader = flight.reader(0, None).unwrap();
    flight.push(Bytes::from_static(b"first "), 100);
    assert_eq!(read(&mut reader), Ok(("first ".into(), false)));
    flight.push(Bytes::from_static(b"second"), 100);
    let stored = StoredBody::whole(&flight.kept().unwrap());
    flight.complete(None, Some((Arc::new(stored), 0)));
    assert_eq!(read(&mut reader), Ok(("second".into(), true)));
}

#[test]
fn what_outgrows_its_limit_is_relayed_and_closed_to_others() {
    let flight = flight();
    let mut reader = flight.reader(0, None).unwrap();
    flight.push(Bytes::from_static(b"12345"), 8);
    assert!(flight.is_open() && flight.kept().is_some());
    flight.push(Bytes::from_static(b"6789"), 8);
    assert!(!flight.is_open() && flight.kept().is_none());
    assert_eq!(read(&mut reader), Ok(("123456789".into(), false)));
    assert!(flight.reader(0, None).is_none(), "the beginning is gone");
}

#[test]
fn the_writer_waits_for_the_slowest_reader_and_gives_up_without_any() {
    let flight = flight();
    let cx = Context::from_waker(Waker::noop());
    let mut reader = flight.reader(0, None).unwrap();
    let big = Bytes::from(vec![b'x'; usize::try_from(limits::RELAY_WINDOW_BYTES).unwrap()]);
    flight.push(big, 8);
    assert!(flight.poll_room(&cx).is_pending());
    read(&mut reader).unwrap();
    assert_eq!(flight.poll_room(&cx), Poll::Ready(Ok(())));
    drop(reader);
    assert_eq!(flight.poll_room(&cx), Poll::Ready(Err(Abandoned)));
}

#[test]
fn the_budget_is_given_back_however_it_ends() {
    let budget = Arc::new(Budget::new(100));
    for end in ["complete", "fail", "drop", "outgrow"] {
        let flight = Flight::new(Arc::clone(&budget));
        flight.push(Bytes::from_static(b"0123456789"), 50);
        assert_eq!(budget.used(), 10, "{end}");
        match end {
            "complete" => flight.complete(None, None),
            "fail" => flight.fail(Reason::Truncated),
            "outgrow" => flight.push(Bytes::from(vec![0; 60]), 50),
            _ => {}
        }
        drop(flight);
        assert_eq!(budget.used(), 0, "{end}");
    }
}

#[test]
fn all_fetches_together_stay_inside_the_budget() {
    let budget = Arc::new(Budget::new(15));
    let a = Flight::new(Arc::clone(&budget));
    let b = Flight::new(Arc::clone(&budget));
    a.push(Bytes::from_static(b"0123456789"), 50);
    b.push(Bytes::from_static(b"0123456789"), 50);
    assert!(a.kept().is_some());
    assert!(b.kept().is_none(), "there was no room for it");
    assert_eq!(budget.used(), 10);
}

#[test]
fn only_the_first_outcome_counts() {
    let flight = flight();
    share(&flight);
    flight.publish(Outcome::Failed(Reason::ConnectFailed), None);
    assert!(matches!(flight.outcome(), Some(Outcome::Unshared(_))));
}

#[test]
fn those_who_wait_hear_of_a_failure_before_any_outcome() {
    let flight = flight();
    let mut wait = flight.wait().unwrap();
    let mut cx = Context::from_waker(Waker::noop());
    assert!(Future::poll(std::pin::Pin::new(&mut wait), &mut cx).is_pending());
    flight.fail(Reason::ClosedEarly);
    let outcome = Future::poll(std::pin::Pin::new(&mut wait), &mut cx);
    assert!(matches!(outcome, Poll::Ready(Outcome::Failed(Reason::ClosedEarly))));
}
