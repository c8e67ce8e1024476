//! The columns of a change: runs of equal values, measured before they are expanded, in their one shortest form.
//!
//! A column that could be written in another way would save as other bytes than it came in, and the document
//! could not be loaded again; so everything but the form that Automerge itself writes is refused.

use super::error::Refused;
use super::leb::Cursor;
use super::limit::{KEY_BYTES_MAX, OPS_PER_CHANGE_MAX};

/// A value that runs are made of.
pub(super) trait Value<'a>: Copy + PartialEq {
    fn read(cursor: &mut Cursor<'a>) -> Result<Self, Refused>;
}

impl Value<'_> for u64 {
    fn read(cursor: &mut Cursor<'_>) -> Result<Self, Refused> {
        cursor.unsigned()
    }
}

impl Value<'_> for i64 {
    fn read(cursor: &mut Cursor<'_>) -> Result<Self, Refused> {
        cursor.signed()
    }
}

impl<'a> Value<'a> for &'a str {
    fn read(cursor: &mut Cursor<'a>) -> Result<Self, Refused> {
        let len = cursor.length()?;
        if len == 0 || len > KEY_BYTES_MAX {
            return Err(Refused::Key);
        }
        let key = std::str::from_utf8(cursor.take(len)?).map_err(|_| Refused::Utf8)?;
        if key.contains('\0') || !unicode_normalization::is_nfc(key) {
            return Err(Refused::Key);
        }
        Ok(key)
    }
}

/// What stood before, to tell the shortest form from the others.
#[derive(Clone, Copy)]
enum Before<T> {
    Nothing,
    Nulls,
    Run(T),
    Literal(T),
}

/// Counts the values of a column without expanding a run.
///
/// # Errors
/// [`Refused::Run`] for any form but the shortest, and as soon as the count passes the bound.
pub(super) fn measure<'a, T: Value<'a>>(bytes: &'a [u8], nulls: bool) -> Result<u64, Refused> {
    let mut cursor = Cursor::new(bytes);
    let mut before = Before::<T>::Nothing;
    let mut total = 0_u64;
    let mut values = false;
    while !cursor.is_empty() {
        let head = cursor.signed()?;
        let count = if head == 0 { cursor.unsigned()? } else { head.unsigned_abs() };
        if count > OPS_PER_CHANGE_MAX - total {
            return Err(Refused::Run);
        }
        total += count;
        before = match head {
            0 => {
                if !nulls || count == 0 || matches!(before, Before::Nulls) {
                    return Err(Refused::Run);
                }
                Before::Nulls
            }
            1 => return Err(Refused::Run),
            2.. => {
                values = true;
                Before::Run(different(T::read(&mut cursor)?, before)?)
            }
            ..0 => {
                if matches!(before, Before::Literal(_)) || count > cursor.len() as u64 {
                    return Err(Refused::Run);
                }
                values = true;
                let mut last = before;
                for _ in 0..count {
                    last = Before::Literal(different(T::read(&mut cursor)?, last)?);
                }
                last
            }
        };
    }
    if values { Ok(total) } else { Err(Refused::Run) }
}

fn different<T: PartialEq>(value: T, before: Before<T>) -> Result<T, Refused> {
    match before {
        Before::Run(last) | Before::Literal(last) if last == value => Err(Refused::Run),
        Before::Nothing | Before::Nulls | Before::Run(_) | Before::Literal(_) => Ok(value),
    }
}

/// Counts the values of a column of bools: lengths of alternating runs, the first one false.
///
/// # Errors
/// As [`measure`].
pub(super) fn measure_bools(bytes: &[u8]) -> Result<u64, Refused> {
    let mut cursor = Cursor::new(bytes);
    let mut total = 0_u64;
    let mut first = true;
    while !cursor.is_empty() {
        let count = cursor.unsigned()?;
        if count > OPS_PER_CHANGE_MAX - total || (count == 0 && (!first || cursor.is_empty())) {
            return Err(Refused::Run);
        }
        total += count;
        first = false;
    }
    Ok(total)
}

/// Reads a measured column value by value. An absent column gives nulls for ever.
#[derive(Clone)]
pub(super) struct Runs<'a, T> {
    cursor: Cursor<'a>,
    left: u64,
    run: Run<T>,
}

#[derive(Clone, Copy)]
enum Run<T> {
    /// The same value, or null, again and again.
    Of(Option<T>),
    /// Values that stand one by one.
    Literal,
}

impl<'a, T: Value<'a>> Runs<'a, T> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { cursor: Cursor::new(bytes), left: 0, run: Run::Of(None) }
    }

    pub(super) fn next(&mut self) -> Result<Option<T>, Refused> {
        if self.left == 0 {
            if self.cursor.is_empty() {
                return Ok(None);
            }
            let head = self.cursor.signed()?;
            (self.left, self.run) = match head {
                0 => (self.cursor.unsigned()?, Run::Of(None)),
                1.. => (head.unsigned_abs(), Run::Of(Some(T::read(&mut self.cursor)?))),
                ..0 => (head.unsigned_abs(), Run::Literal),
            };
        }
        self.left = self.left.checked_sub(1).ok_or(Refused::Run)?;
        match self.run {
            Run::Of(value) => Ok(value),
            Run::Literal => T::read(&mut self.cursor).map(Some),
        }
    }

    /// As [`Self::next`], for a column without nulls.
    pub(super) fn value(&mut self) -> Result<T, Refused> {
        self.next()?.ok_or(Refused::Uneven)
    }
}

/// Reads a column of differences: each value is its predecessor and the difference.
#[derive(Clone)]
pub(super) struct Deltas<'a> {
    runs: Runs<'a, i64>,
    at: i64,
}

impl<'a> Deltas<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { runs: Runs::new(bytes), at: 0 }
    }

    /// The next value; differences that lead below zero or out of range are refused.
    pub(super) fn next(&mut self) -> Result<Option<u64>, Refused> {
        let Some(difference) = self.runs.next()? else { return Ok(None) };
        self.at = self.at.checked_add(difference).ok_or(Refused::Run)?;
        u64::try_from(self.at).map(Some).map_err(|_| Refused::Run)
    }
}

/// Reads a measured column of bools.
#[derive(Clone)]
pub(super) struct Bools<'a> {
    cursor: Cursor<'a>,
    left: u64,
    value: bool,
}

impl<'a> Bools<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { cursor: Cursor::new(bytes), left: 0, value: true }
    }

    pub(super) fn next(&mut self) -> Result<bool, Refused> {
        // Only the first count may be zero, so this runs at most twice.
        while self.left == 0 {
            self.left = self.cursor.unsigned()?;
            self.value = !self.value;
        }
        self.left -= 1;
        Ok(self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(bytes: &[u8]) -> Result<u64, Refused> {
        measure::<u64>(bytes, true)
    }

    #[test]
    fn a_column_has_one_form() {
        assert_eq!(numbers(&[2, 5]), Ok(2));
        assert_eq!(numbers(&[0x7f, 5, 2, 6, 0, 3, 0x7e, 6, 7]), Ok(8));
        for (bytes, why) in [
            (&[1, 5][..], "a run of one"),
            (&[0, 0], "no nulls"),
            (&[0, 3], "only nulls"),
            (&[0, 1, 0, 1, 2, 5], "nulls twice"),
            (&[2, 5, 3, 5], "a run cut in two"),
            (&[0x7f, 5, 2, 5], "a literal that ends with the run's value"),
            (&[0x7e, 5, 5], "a literal that repeats"),
            (&[0x7f, 5, 0x7f, 6], "two literals"),
            (&[0x70, 5], "a literal longer than its data"),
            (&[0x80, 0x80, 4, 5, 2, 6], "above the bound"),
        ] {
            assert_eq!(numbers(bytes), Err(Refused::Run), "{why}");
        }
        assert_eq!(measure::<u64>(&[2, 5, 0, 1], false), Err(Refused::Run));
    }

    #[test]
    fn values_come_out_one_by_one() {
        let mut runs = Runs::<u64>::new(&[0x7f, 5, 2, 6, 0, 1, 0x7f, 6]);
        let values: Vec<_> = (0..6).map(|_| runs.next().unwrap()).collect();
        assert_eq!(values, [Some(5), Some(6), Some(6), None, Some(6), None]);
        let mut deltas = Deltas::new(&[0x7f, 5, 2, 1, 0x7f, 0x7c]);
        let values: Vec<_> = (0..4).map(|_| deltas.next().unwrap()).collect();
        assert_eq!(values, [Some(5), Some(6), Some(7), Some(3)]);
        assert_eq!(Deltas::new(&[0x7f, 0x7f]).next(), Err(Refused::Run));
        let mut bools = Bools::new(&[0, 2, 1]);
        assert_eq!([bools.next(), bools.next(), bools.next()], [Ok(true), Ok(true), Ok(false)]);
        assert_eq!(measure_bools(&[0, 2, 1]), Ok(3));
        assert_eq!(measure_bools(&[0]), Err(Refused::Run));
        assert_eq!(measure_bools(&[1, 0, 1]), Err(Refused::Run));
    }
}
