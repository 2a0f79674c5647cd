//! Event times as milliseconds since the epoch, rounded down, as `monitor/adapters/event_times.py` counts them.

/// A larger number counts milliseconds, a smaller one seconds.
const SECONDS_UP_TO: f64 = 1e11;
const FIRST_MS: f64 = -62_135_596_800_000.0;
const LAST_MS: f64 = 253_402_300_799_999.0;
const ALMOST_NEXT: f64 = 0.9995;

/// A number of seconds or milliseconds; None outside the years 1 to 9999.
#[allow(clippy::cast_possible_truncation)] // within the years that were just checked
pub fn of_number(value: f64) -> Option<i64> {
    let milliseconds = if value.abs() > SECONDS_UP_TO { value } else { value * 1_000.0 };
    if !(FIRST_MS..=LAST_MS).contains(&milliseconds) {
        return None;
    }
    let mut whole = milliseconds.floor();
    if milliseconds - whole >= ALMOST_NEXT {
        whole += 1.0;
    }
    Some(whole as i64)
}

/// `2026-11-01T10:00:00[.123456][Z|+01:00]` of the years 1971 to 2104; without zone it is UTC.
pub fn of_text(text: &[u8]) -> Option<i64> {
    let date = text.get(..19)?;
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if separators.iter().any(|&(at, byte)| date[at] != byte) {
        return None;
    }
    let (year, month, day) = (pair(date, 0)? * 100 + pair(date, 2)?, pair(date, 5)?, pair(date, 8)?);
    let (hour, minute, second) = (pair(date, 11)?, pair(date, 14)?, pair(date, 17)?);
    let is_real = (1971..=2104).contains(&year) && (1..=12).contains(&month) && hour < 24 && minute < 60 && second < 60;
    if !is_real || day < 1 || day > days_in(year, month) {
        return None;
    }
    let (milliseconds, zone) = fraction(text.get(19..)?)?;
    let minutes = days_since_epoch(year, month, day) * 1_440 + hour * 60 + minute - offset_minutes(zone)?;
    Some((minutes * 60 + second) * 1_000 + milliseconds)
}

/// Two digits.
fn pair(text: &[u8], at: usize) -> Option<i64> {
    let (tens, ones) = (text.get(at)?.wrapping_sub(b'0'), text.get(at + 1)?.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| i64::from(tens * 10 + ones))
}

/// Milliseconds of one to six decimals, rounded down, and what stands behind them.
fn fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    if text.first() != Some(&b'.') {
        return Some((0, text));
    }
    let digits = text[1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    if !(1..=6).contains(&digits) {
        return None;
    }
    let value = text[1..=digits].iter().chain(b"000").take(3).fold(0, |sum, byte| sum * 10 + i64::from(byte - b'0'));
    Some((value, &text[digits + 1..]))
}

fn offset_minutes(zone: &[u8]) -> Option<i64> {
    let sign = match zone {
        [] | [b'Z'] => return Some(0),
        [b'+', _, _, b':', _, _] => 1,
        [b'-', _, _, b':', _, _] => -1,
        _ => return None,
    };
    let (hours, minutes) = (pair(zone, 1)?, pair(zone, 4)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Days of the proleptic Gregorian calendar, counted in years that begin in March.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let march_year = if month > 2 { year } else { year - 1 };
    let march_month = (month + 9) % 12;
    let before = march_year * 365 + march_year / 4 - march_year / 100 + march_year / 400;
    before + (march_month * 153 + 2) / 5 + day - 1 - 719_468
}
