//! When is it that a date field speaks of: `HTTP-date`, RFC 9110 §5.6.7, and how we write one.
//!
//! Accepted are the three forms of the RFC, with names in any case, because some senders get only that
//! wrong and there is no doubt about what they mean. Weekdays must be weekdays but are not compared with
//! the date. Everything else is refused, and a refused `Expires` means stale: other time zones, two-digit
//! years in the preferred form, missing commas, repeated spaces, one-digit hours.

use http::HeaderValue;

use crate::Timestamp;

const MONTHS: [&[u8; 3]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];
const WEEKDAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const DAY_SECS: u64 = 24 * 60 * 60;

/// Reads a date; before 1970 is 1970.
#[must_use]
pub fn parse(value: &[u8]) -> Option<Timestamp> {
    let value = value.trim_ascii();
    let end = value.iter().position(|byte| !byte.is_ascii_alphabetic())?;
    let (weekday, rest) = value.split_at_checked(end)?;
    let form = match (is_short(weekday), rest) {
        (true, [b',', b' ', rest @ ..]) => preferred(rest),
        (true, [b' ', rest @ ..]) => asctime(rest),
        (false, [b',', b' ', rest @ ..]) if is_long(weekday) => rfc850(rest),
        _ => None,
    }?;
    form.timestamp()
}

fn is_short(weekday: &[u8]) -> bool {
    weekday.len() == 3
        && WEEKDAYS.iter().any(|name| {
            name.as_bytes().get(..3).is_some_and(|short| weekday.eq_ignore_ascii_case(short))
        })
}

fn is_long(weekday: &[u8]) -> bool {
    WEEKDAYS.iter().any(|name| weekday.eq_ignore_ascii_case(name.as_bytes()))
}

/// `18 Aug 2050 02:01:18 GMT`
fn preferred(rest: &[u8]) -> Option<Civil> {
    let [d1, d2, b' ', m1, m2, m3, b' ', y1, y2, y3, y4, b' ', time @ ..] = rest else {
        return None;
    };
    Civil::new(&[*y1, *y2, *y3, *y4], [*m1, *m2, *m3], [*d1, *d2], before_gmt(time)?)
}

/// `18-Aug-50 02:01:18 GMT`
fn rfc850(rest: &[u8]) -> Option<Civil> {
    let [d1, d2, b'-', m1, m2, m3, b'-', y1, y2, b' ', time @ ..] = rest else {
        return None;
    };
    // RFC 9110 §5.6.7 lets the century depend on today; without a clock the usual pivot does.
    let century = if number(&[*y1, *y2])? < 70 { *b"20" } else { *b"19" };
    let year = [century[0], century[1], *y1, *y2];
    Civil::new(&year, [*m1, *m2, *m3], [*d1, *d2], before_gmt(time)?)
}

/// `Aug  8 02:01:18 2050`
fn asctime(rest: &[u8]) -> Option<Civil> {
    let [m1, m2, m3, b' ', d1, d2, b' ', time @ ..] = rest else {
        return None;
    };
    let (time, year) = time.split_at_checked(8)?;
    let [b' ', year @ ..] = year else { return None };
    let tens = if *d1 == b' ' { b'0' } else { *d1 };
    Civil::new(
        year.first_chunk::<4>().filter(|_| year.len() == 4)?,
        [*m1, *m2, *m3],
        [tens, *d2],
        time,
    )
}

fn before_gmt(time: &[u8]) -> Option<&[u8]> {
    let (time, zone) = time.split_at_checked(8)?;
    zone.eq_ignore_ascii_case(b" GMT").then_some(time)
}

/// A date and time of day in UTC whose parts are in range.
#[derive(Clone, Copy)]
struct Civil {
    year: u64,
    month: u64,
    day: u64,
    second_of_day: u64,
}

impl Civil {
    fn new(year: &[u8; 4], month: [u8; 3], day: [u8; 2], time: &[u8]) -> Option<Self> {
        let [h1, h2, b':', m1, m2, b':', s1, s2] = time else { return None };
        let (hour, minute) = (number(&[*h1, *h2])?, number(&[*m1, *m2])?);
        let second = number(&[*s1, *s2])?;
        let month = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(&month))?;
        let civil = Self {
            year: number(year)?,
            month: u64::try_from(month).ok()?.checked_add(1)?,
            day: number(&day)?,
            second_of_day: hour * 3600 + minute * 60 + second,
        };
        // RFC 9110 §5.6.7 allows the leap second 60.
        let in_range = hour < 24 && minute < 60 && second <= 60;
        (in_range && (1..=civil.days_in_month()).contains(&civil.day)).then_some(civil)
    }

    const fn days_in_month(self) -> u64 {
        let leap = self.year.is_multiple_of(4)
            && (!self.year.is_multiple_of(100) || self.year.is_multiple_of(400));
        match self.month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }

    /// Days since the epoch by counting years from March, so that the leap day is a year's last.
    fn timestamp(self) -> Option<Timestamp> {
        let (year, month) = if self.month > 2 {
            (self.year, self.month - 3)
        } else {
            (self.year.saturating_sub(1), self.month + 9)
        };
        let days_before_year = 365 * year + year / 4 - year / 100 + year / 400;
        let day_of_year = (153 * month + 2) / 5 + self.day;
        // 1970-01-01 is day 719,469 of a calendar whose day 1 is 0000-03-01.
        let days = (days_before_year + day_of_year).saturating_sub(719_469);
        let before_epoch = self.year < 1970;
        let secs = if before_epoch { 0 } else { days * DAY_SECS + self.second_of_day };
        Some(Timestamp::from_secs(secs))
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |value, digit| {
        digit.is_ascii_digit().then(|| value * 10 + u64::from(digit - b'0'))
    })
}

/// Writes the preferred form; after the year 9999 is its last second.
#[must_use]
pub fn write(at: Timestamp) -> HeaderValue {
    const LAST: u64 = 253_402_300_799;
    let secs = at.as_secs().min(LAST);
    let days = secs / DAY_SECS;
    // The inverse of `Civil::timestamp`: eras of 400 years beginning in March.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);

    let mut text = *b"Thu, 01 Jan 1970 00:00:00 GMT";
    // 1970-01-01 was a Thursday, the fourth of `WEEKDAYS`.
    put(&mut text, 0, WEEKDAYS.get(index((days + 3) % 7)).map_or(b"Mon", |name| head(name)));
    put_digits(&mut text, 5, day);
    put(&mut text, 8, MONTHS.get(index(month - 1)).copied().unwrap_or(b"Jan"));
    put_digits(&mut text, 12, year / 100);
    put_digits(&mut text, 14, year % 100);
    put_digits(&mut text, 17, secs % DAY_SECS / 3600);
    put_digits(&mut text, 20, secs % 3600 / 60);
    put_digits(&mut text, 23, secs % 60);
    HeaderValue::from_bytes(&text)
        .unwrap_or_else(|_| HeaderValue::from_static("Thu, 01 Jan 1970 00:00:00 GMT"))
}

fn head(name: &'static str) -> &'static [u8; 3] {
    name.as_bytes().first_chunk().unwrap_or(b"Mon")
}

fn index(value: u64) -> usize {
    usize::try_from(value).unwrap_or(0)
}

fn put(text: &mut [u8; 29], at: usize, part: &[u8; 3]) {
    if let Some(place) = text.get_mut(at..at + 3) {
        place.copy_from_slice(part);
    }
}

fn put_digits(text: &mut [u8; 29], at: usize, value: u64) {
    let digit = |value: u64| b"0123456789".get(index(value % 10)).copied().unwrap_or(b'0');
    if let Some(place) = text.get_mut(at..at + 2) {
        place.copy_from_slice(&[digit(value / 10), digit(value)]);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const AUG_18_2050: u64 = 2_544_400_878;

    #[test]
    fn the_three_forms_are_read_in_any_case() {
        let cases = [
            ("Thu, 18 Aug 2050 02:01:18 GMT", AUG_18_2050),
            ("THU, 18 Aug 2050 02:01:18 GMT", AUG_18_2050),
            ("Thu, 18 AUG 2050 02:01:18 GMT", AUG_18_2050),
            ("Thu, 18 Aug 2050 02:01:18 gMT", AUG_18_2050),
            ("Thursday, 18-Aug-50 02:01:18 GMT", AUG_18_2050),
            ("Thu Aug 18 02:01:18 2050", AUG_18_2050),
            // The wrong weekday, and a day of one digit.
            ("Thu Aug  8 02:01:18 2050", AUG_18_2050 - 10 * DAY_SECS),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777),
            ("Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777),
            ("Sun Nov  6 08:49:37 1994", 784_111_777),
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Wed, 31 Dec 1969 23:59:59 GMT", 0),
            ("Mon, 01 Jan 0000 00:00:00 GMT", 0),
            ("Tue, 29 Feb 2000 00:00:00 GMT", 951_782_400),
            ("Fri, 31 Dec 9999 23:59:59 GMT", 253_402_300_799),
        ];
        for (text, secs) in cases {
            assert_eq!(parse(text.as_bytes()), Some(Timestamp::from_secs(secs)), "{text}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        let cases = [
            "",
            "0",
            "-1",
            "Thu, 18 Aug 2050 02:01:18 UTC",
            "Thu, 18 Aug 2050 02:01:18 AEST",
            "Thu, 18 Aug 2050 02:01:18",
            "Thu, 18 Aug 50 02:01:18 GMT",
            "Thu 18 Aug 2050 02:01:18 GMT",
            "Thu, 18  Aug  2050 02:01:18 GMT",
            "Thu, 18-Aug-2050 02:01:18 GMT",
            "Thu, 18 Aug 2050 02.01.18 GMT",
            "Thu, 18 Aug 2050 2:01:18 GMT",
            "Thu, 8 Aug 2050 02:01:18 GMT",
            "Thu Aug 8 02:01:18 2050",
            "Thu Aug  8 02:01:18 20500",
            "Foo, 18 Aug 2050 02:01:18 GMT",
            "Thu, 00 Aug 2050 02:01:18 GMT",
            "Thu, 32 Aug 2050 02:01:18 GMT",
            "Thu, 29 Feb 2051 02:01:18 GMT",
            "Thu, 29 Feb 2100 02:01:18 GMT",
            "Thu, 18 Aug 2050 24:01:18 GMT",
            "Thu, 18 Aug 2050 02:60:18 GMT",
            "Thu, 18 Aug 2050 02:01:61 GMT",
            "Thu, 18 Aug 2050 02:01:18 GMT, Thu, 18 Aug 2050 02:01:18 GMT",
        ];
        for text in cases {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(secs in 0_u64..=253_402_300_799) {
            let at = Timestamp::from_secs(secs);
            prop_assert_eq!(parse(write(at).as_bytes()), Some(at));
        }

        #[test]
        fn what_is_written_is_what_others_write(secs in 0_u64..=253_402_300_799) {
            let others = std::time::UNIX_EPOCH + std::time::Duration::from_secs(secs);
            prop_assert_eq!(write(Timestamp::from_secs(secs)), httpdate::fmt_http_date(others));
        }

        #[test]
        fn reading_is_total(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _unread = parse(&bytes);
        }

        #[test]
        fn reading_something_like_a_date_is_total(text in "[A-Za-z]{2,10},? ?[0-9 -]{1,4}[A-Za-z]{3}[ -][0-9]{1,5} [0-9:.]{5,9} ?(GMT|UTC)?") {
            let _unread = parse(text.as_bytes());
        }
    }
}
