//! Dates as [RFC 9110 §5.6.7] prefers them, written and read without any code of the product.
//!
//! [RFC 9110 §5.6.7]: https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];

/// `Sun, 06 Nov 1994 08:49:37 GMT`, of seconds since the epoch.
///
/// # Panics
/// Past the year 9999.
#[must_use]
pub fn write(at: u64) -> String {
    let (mut days, time) = (at / 86_400, at % 86_400);
    let weekday = WEEKDAYS[usize::try_from(days % 7).unwrap_or(0)];
    let year = (1970..10_000).find(|year| take(&mut days, days_in_year(*year)));
    let year = year.expect("a year of four digits");
    let month = (0..12).find(|month| take(&mut days, days_in_month(year, *month))).unwrap_or(0);
    let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60);
    let (day, month) = (days + 1, MONTHS[month]);
    format!("{weekday}, {day:02} {month} {year} {hour:02}:{minute:02}:{second:02} GMT")
}

/// Seconds since the epoch, of exactly that form; the weekday is not looked at.
#[must_use]
pub fn parse(text: &str) -> Option<u64> {
    let (_, rest) = text.split_once(", ")?;
    let mut words = rest.split(' ');
    let (day, month, year) = (words.next()?, words.next()?, words.next()?);
    let (time, zone) = (words.next()?, words.next()?);
    if zone != "GMT" || words.next().is_some() {
        return None;
    }
    let (day, year): (u64, u64) = (day.parse().ok()?, year.parse().ok()?);
    let month = MONTHS.iter().position(|name| *name == month)?;
    if !(1970..10_000).contains(&year) || day < 1 || day > days_in_month(year, month) {
        return None;
    }
    let mut numbers = time.split(':').map(|number| number.parse::<u64>().ok());
    let (hour, minute, second) = (numbers.next()??, numbers.next()??, numbers.next()??);
    let days = (1970..year).map(days_in_year).sum::<u64>()
        + (0..month).map(|month| days_in_month(year, month)).sum::<u64>();
    Some((days + day - 1) * 86_400 + hour * 3600 + minute * 60 + second)
}

/// Takes `len` off `left` if it is more than that; true when it is not: the end of the search.
fn take(left: &mut u64, len: u64) -> bool {
    match left.checked_sub(len) {
        Some(rest) => {
            *left = rest;
            false
        }
        None => true,
    }
}

fn days_in_year(year: u64) -> u64 {
    (0..12).map(|month| days_in_month(year, month)).sum()
}

fn days_in_month(year: u64, month: usize) -> u64 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        1 => 28 + u64::from(leap),
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_and_read_as_the_rfc_spells_them() {
        let cases = [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT"),
            (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
        ];
        for (at, text) in cases {
            assert_eq!((write(at).as_str(), parse(text)), (text, Some(at)));
        }
        assert_eq!(parse("Sun, 31 Feb 2024 00:00:00 GMT"), None);
    }
}
