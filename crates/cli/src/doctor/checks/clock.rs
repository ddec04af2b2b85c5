//! Does another machine's clock agree with ours?

use crate::doctor::examined::Examined;
use crate::doctor::finding::Told;
use crate::doctor::limits::{SKEW_BAD, SKEW_TOLERATED};

pub(super) fn skew(examined: &Examined, base: usize) -> Told {
    // Kept answers have the date of when they were made.
    let mut fresh = examined.answers(base).filter(|(_, answer)| answer.field("age").is_none());
    let dated = fresh.find_map(|(probe, answer)| answer.date().map(|date| (probe, answer, date)));
    let Some((probe, answer, date)) = dated else {
        return Told::skipped("no answer has a Date");
    };
    // `Date` is of some moment between the question and the answer, rounded down to its second.
    let (asked, came) = (answer.timing.request_time, answer.timing.response_time);
    let (late, early) = (date.since(came), asked.since(date));
    let off = late.max(early);
    let side = if late > early { "ahead" } else { "behind" };
    let says = format!("its clock is {} seconds {side} of this machine's", off.as_secs());
    let what = format!("Date: {}", answer.field("date").unwrap_or_default());
    if off > SKEW_BAD {
        Told::problem(says).on(probe.url.to_string(), what)
    } else if off > SKEW_TOLERATED {
        Told::warning(says).on(probe.url.to_string(), what)
    } else {
        Told::ok("its clock agrees with this machine's")
    }
}

#[cfg(test)]
mod tests {
    use larder_semantics::Timestamp;
    use larder_semantics::field::date;

    use crate::doctor::checks::testing::{Case, told};
    use crate::doctor::finding::Verdict;
    use crate::doctor::probe::Why;
    use crate::doctor::probe::testing::NOON;
    use crate::doctor::table::Check;

    #[test]
    fn clocks_that_are_off_are_told_on_both_sides_of_each_limit() {
        let rows = [
            (0, Verdict::Ok),
            (5, Verdict::Ok),
            (6, Verdict::Warning),
            (60, Verdict::Warning),
            (61, Verdict::Problem),
            (-5, Verdict::Ok),
            (-6, Verdict::Warning),
            (-3600, Verdict::Problem),
        ];
        for (off, expected) in rows {
            let at = Timestamp::from_secs(NOON.as_secs().saturating_add_signed(off));
            let line = format!("Date: {}", date::write(at).to_str().expect("a date"));
            let case = Case::application().came(Why::Untold, "/", 200, &line, "");
            let found = told(&case, Check::ClockSkew);
            assert_eq!(found.verdict, expected, "{off}: {found:?}");
        }
    }

    #[test]
    fn what_was_kept_or_has_no_date_says_nothing() {
        for fields in ["", "Date: yesterday", "Date: Sun, 06 Nov 1994 08:49:37 GMT\nAge: 5"] {
            let case = Case::application().came(Why::Untold, "/", 200, fields, "");
            assert_eq!(told(&case, Check::ClockSkew).verdict, Verdict::Skipped, "{fields}");
        }
    }
}
