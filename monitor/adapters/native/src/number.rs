//! JSON numbers as the nearest float, or not at all.

/// Longer integers do not fit 64 bits for certain; they are left to the safe path.
const MOST_INTEGER_DIGITS: usize = 18;
/// So many digits of a mantissa fit 64 bits.
const MOST_DIGITS: usize = 19;
/// Integers up to here and these powers of ten are floats exactly, so one operation rounds once (Clinger 1990).
const EXACT: u64 = 1 << 53;
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

#[derive(Clone, Copy)]
pub struct Number {
    pub value: f64,
    pub is_integer: bool,
    /// Bytes that it was written in.
    pub length: usize,
}

/// The number at the start of the bytes. None for what is no JSON number, and where it would be infinite, subnormal
/// or a long or negative-zero integer: readers differ about those.
#[inline]
pub fn read(bytes: &[u8]) -> Option<Number> {
    let negative = bytes.first() == Some(&b'-');
    let start = usize::from(negative);
    let (mut mantissa, mut at) = digits(bytes, start, 0);
    let whole = at - start;
    if whole == 0 || (whole > 1 && bytes[start] == b'0') {
        return None;
    }
    let next = bytes.get(at).copied().unwrap_or(0);
    if next != b'.' && next | 0x20 != b'e' {
        return integer(mantissa, negative, whole, at);
    }
    let mut fraction = 0;
    if next == b'.' {
        let first = at + 1;
        (mantissa, at) = digits(bytes, first, mantissa);
        fraction = at - first;
        if fraction == 0 {
            return None;
        }
    }
    let exponent = exponent(bytes, &mut at)?;
    let scale = exponent - i32::try_from(fraction).ok()?;
    let value = if whole + fraction <= MOST_DIGITS {
        scaled(mantissa, scale).map(|value| if negative { -value } else { value })
    } else {
        None
    };
    let value = match value {
        Some(value) => value,
        None => nearest(bytes.get(..at)?)?,
    };
    Some(Number { value, is_integer: false, length: at })
}

/// Digits from a place on, behind those of the mantissa so far (it may wrap: whoever counts more than 19 ignores it).
#[inline]
fn digits(bytes: &[u8], mut at: usize, mut mantissa: u64) -> (u64, usize) {
    while let Some(digit) = bytes.get(at).map(|byte| byte.wrapping_sub(b'0')).filter(|&digit| digit < 10) {
        mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
        at += 1;
    }
    (mantissa, at)
}

#[inline]
#[allow(clippy::cast_precision_loss)] // the cast rounds to the nearest float, which is what is asked for
fn integer(magnitude: u64, negative: bool, digits: usize, length: usize) -> Option<Number> {
    if digits > MOST_INTEGER_DIGITS || (negative && magnitude == 0) {
        return None;
    }
    let value = magnitude as f64;
    Some(Number { value: if negative { -value } else { value }, is_integer: true, length })
}

/// The exponent when there is one, of at most three digits.
#[inline]
fn exponent(bytes: &[u8], at: &mut usize) -> Option<i32> {
    if bytes.get(*at).copied().unwrap_or(0) | 0x20 != b'e' {
        return Some(0);
    }
    let sign = bytes.get(*at + 1).copied().unwrap_or(0);
    let first = *at + 1 + usize::from(sign == b'-' || sign == b'+');
    let (magnitude, end) = digits(bytes, first, 0);
    if end == first || end - first > 3 {
        return None;
    }
    *at = end;
    let magnitude = i32::try_from(magnitude).ok()?;
    Some(if sign == b'-' { -magnitude } else { magnitude })
}

/// mantissa x 10^scale when one exact operation gives it.
#[inline]
#[allow(clippy::cast_precision_loss)] // exact: the mantissa is at most 2^53
fn scaled(mantissa: u64, scale: i32) -> Option<f64> {
    if mantissa > EXACT {
        return None;
    }
    let power = POWERS.get(scale.unsigned_abs() as usize)?;
    let value = mantissa as f64;
    Some(if scale < 0 { value / power } else { value * power })
}

/// The nearest float by the standard library (Eisel-Lemire, exact), None when it is not an ordinary one.
fn nearest(written: &[u8]) -> Option<f64> {
    let value: f64 = std::str::from_utf8(written).ok()?.parse().ok()?;
    value.is_normal().then_some(value)
}
