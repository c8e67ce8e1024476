//! Instants with the zone of whoever set them. A promised time is an instant: a clock change does not move it.
//!
//! Reading an event checks a zone's *form* only: tables of zones differ between devices, and two phones must judge the
//! same bytes alike. What a person types is checked against the table, so that `Mars/Phobos` never leaves a phone.

use core::time::Duration;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use wire::time::Timestamp;

/// Instants end before the year 9999, so that every instant can be shown in every zone.
pub const INSTANT_MILLIS_MAX: u64 = 253_370_764_800_000;
/// The longest IANA name taken: the longest in use has 32 bytes.
pub const ZONE_BYTES_MAX: usize = 64;

/// Why a date, time or zone is not taken. Holds nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WhenError {
    /// Not a date and time that we can read.
    #[error("please write a date and time like 2026-03-29 09:00, or a time like 09:00")]
    Form,
    /// 30 February, or an hour that the clock change skips.
    #[error("this date does not exist")]
    Missing,
    /// An hour that the clock change repeats.
    #[error("this hour comes twice that night; please add the offset, like 2026-10-25 01:30+01:00")]
    Twice,
    /// No such zone.
    #[error("this time zone does not exist")]
    Zone,
    /// Before 1970 or after 9998.
    #[error("this date is out of range")]
    Range,
}

impl WhenError {
    /// The dotted code that outer layers show.
    pub const fn code(self) -> &'static str {
        "date.form"
    }
}

/// The IANA name of a time zone, such as `Europe/London`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Zone(String);

impl Zone {
    /// A zone that somebody chose: it must be in this device's table.
    ///
    /// # Errors
    /// [`WhenError::Zone`] if it is not.
    pub fn chosen(name: &str) -> Result<Self, WhenError> {
        let zone = Self::try_from(name.to_owned())?;
        TimeZone::get(name).map_err(|_| WhenError::Zone)?;
        Ok(zone)
    }

    /// UTC.
    pub fn utc() -> Self {
        Self("UTC".to_owned())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// For showing: UTC where this device's table does not know the name.
    fn table(&self) -> TimeZone {
        TimeZone::get(&self.0).unwrap_or(TimeZone::UTC)
    }
}

impl TryFrom<String> for Zone {
    type Error = WhenError;

    fn try_from(name: String) -> Result<Self, WhenError> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"/_+-".contains(&byte);
        let starts = name.as_bytes().first().is_some_and(u8::is_ascii_alphabetic);
        if starts && name.len() <= ZONE_BYTES_MAX && name.bytes().all(fits) {
            Ok(Self(name))
        } else {
            Err(WhenError::Zone)
        }
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.0
    }
}

/// An instant, and the zone in which its author meant it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Bytes", into = "Bytes")]
pub struct Zoned {
    instant: Timestamp,
    zone: Zone,
}

/// When the author's own clock said that it was, in every event.
pub type At = Zoned;

/// How a [`Zoned`] stands in an event.
#[derive(Serialize, Deserialize)]
struct Bytes {
    ms: u64,
    zone: Zone,
}

impl TryFrom<Bytes> for Zoned {
    type Error = WhenError;

    fn try_from(bytes: Bytes) -> Result<Self, WhenError> {
        Self::new(Timestamp::from_millis(bytes.ms), bytes.zone)
    }
}

impl From<Zoned> for Bytes {
    fn from(zoned: Zoned) -> Self {
        Self { ms: zoned.instant.as_millis(), zone: zoned.zone }
    }
}

impl Zoned {
    /// An instant in a zone.
    ///
    /// # Errors
    /// [`WhenError::Range`] from the year 9999 on.
    pub fn new(instant: Timestamp, zone: Zone) -> Result<Self, WhenError> {
        if instant.as_millis() < INSTANT_MILLIS_MAX {
            Ok(Self { instant, zone })
        } else {
            Err(WhenError::Range)
        }
    }

    /// Reads what a person typed, in the zone of `now`: `2026-03-29 09:00`, also with an offset, or `09:00`, which is
    /// the next such time after `now`, or `tomorrow 09:00`.
    ///
    /// # Errors
    /// [`WhenError`], for what cannot be read, does not exist, or comes twice.
    pub fn parse(typed: &str, now: &Self) -> Result<Self, WhenError> {
        let typed = typed.trim();
        let zone = now.zone.table();
        if let Ok(instant) = typed.parse::<jiff::Timestamp>() {
            return Self::from_jiff(instant, now.zone.clone());
        }
        if let Some((hour, minute)) = typed.strip_prefix("tomorrow ").and_then(clock) {
            let today = now.to_jiff().to_zoned_datetime(zone.clone()).date();
            let date = today.tomorrow().map_err(|_| WhenError::Range)?;
            let time = one_instant(&zone, date.at(hour, minute, 0, 0))?;
            return Self::from_jiff(time, now.zone.clone());
        }
        if let Some((hour, minute)) = clock(typed) {
            let today = now.to_jiff().to_zoned_datetime(zone.clone()).date();
            for date in [Ok(today), today.tomorrow()] {
                let date = date.map_err(|_| WhenError::Range)?;
                let time = date.at(hour, minute, 0, 0);
                let found = Self::from_jiff(one_instant(&zone, time)?, now.zone.clone())?;
                if found.instant > now.instant {
                    return Ok(found);
                }
            }
            return Err(WhenError::Missing);
        }
        let shape =
            typed.len() >= 16 && typed.bytes().all(|b| b.is_ascii_digit() || b"-T: ".contains(&b));
        let local = typed
            .parse::<jiff::civil::DateTime>()
            .map_err(|_| if shape { WhenError::Missing } else { WhenError::Form })?;
        Self::from_jiff(one_instant(&zone, local)?, now.zone.clone())
    }

    /// The instant.
    pub const fn instant(&self) -> Timestamp {
        self.instant
    }

    /// The zone.
    pub const fn zone(&self) -> &Zone {
        &self.zone
    }

    /// This much later, in the same zone; at the end of time it stands still.
    #[must_use]
    pub fn later(&self, by: Duration) -> Self {
        let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        let instant = self.instant.as_millis().saturating_add(millis).min(INSTANT_MILLIS_MAX - 1);
        Self { instant: Timestamp::from_millis(instant), zone: self.zone.clone() }
    }

    /// How long after `earlier` this is; zero if it is not.
    pub fn since(&self, earlier: &Self) -> Duration {
        since(self.instant, earlier.instant)
    }

    /// In UTC, to the second, alike on every device: `2026-03-29T08:00:00Z`.
    pub fn to_utc(&self) -> String {
        self.to_jiff().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// As a clock on the wall of `reader` shows it, looked at from `now`: `09:00` on the same day or within the coming
    /// 24 hours, else with the date, and with the year if it is another.
    pub fn to_clock(&self, reader: &Zone, now: Option<Timestamp>) -> String {
        let table = reader.table();
        let shown = self.to_jiff().to_zoned_datetime(table.clone());
        let now = now.and_then(|now| Self::new(now, reader.clone()).ok());
        let format = now.map_or("%-d %b %H:%M", |now| {
            let today = now.to_jiff().to_zoned_datetime(table).date();
            let soon = self.instant >= now.instant && self.since(&now) < Duration::from_hours(24);
            if soon || today == shown.date() {
                "%H:%M"
            } else if today.year() == shown.date().year() {
                "%-d %b %H:%M"
            } else {
                "%-d %b %Y %H:%M"
            }
        });
        shown.strftime(format).to_string()
    }

    fn to_jiff(&self) -> jiff::Timestamp {
        // Within range by `new`.
        i64::try_from(self.instant.as_millis())
            .ok()
            .and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok())
            .unwrap_or_default()
    }

    fn from_jiff(instant: jiff::Timestamp, zone: Zone) -> Result<Self, WhenError> {
        let millis = u64::try_from(instant.as_millisecond()).map_err(|_| WhenError::Range)?;
        Self::new(Timestamp::from_millis(millis), zone)
    }
}

/// How long `later` is after `earlier`; zero if it is not.
pub fn since(later: Timestamp, earlier: Timestamp) -> Duration {
    Duration::from_millis(later.as_millis().saturating_sub(earlier.as_millis()))
}

fn clock(typed: &str) -> Option<(i8, i8)> {
    let (hour, minute) = typed.split_once(':')?;
    let two = |part: &str| part.len() <= 2 && part.bytes().all(|b| b.is_ascii_digit());
    if !two(hour) || minute.len() != 2 || !two(minute) {
        return None;
    }
    let (hour, minute) = (hour.parse().ok()?, minute.parse().ok()?);
    (hour < 24 && minute < 60).then_some((hour, minute))
}

fn one_instant(
    zone: &TimeZone,
    local: jiff::civil::DateTime,
) -> Result<jiff::Timestamp, WhenError> {
    let found = zone.to_ambiguous_timestamp(local);
    match found.offset() {
        jiff::tz::AmbiguousOffset::Unambiguous { .. } => {
            found.unambiguous().map_err(|_| WhenError::Range)
        }
        jiff::tz::AmbiguousOffset::Gap { .. } => Err(WhenError::Missing),
        jiff::tz::AmbiguousOffset::Fold { .. } => Err(WhenError::Twice),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn london(utc: &str) -> Zoned {
        Zoned::from_jiff(utc.parse().unwrap(), Zone::chosen("Europe/London").unwrap()).unwrap()
    }

    #[test]
    fn b72_a_date_or_zone_that_does_not_exist_is_a_typed_error() {
        let now = london("2026-01-10T12:00:00Z");
        let parse = |typed| Zoned::parse(typed, &now).map(|z| z.to_utc());
        assert_eq!(parse("2026-02-30 09:00"), Err(WhenError::Missing));
        assert_eq!(
            parse("2026-03-29 01:30"),
            Err(WhenError::Missing),
            "skipped by the clock change"
        );
        assert_eq!(parse("2026-10-25 01:30"), Err(WhenError::Twice));
        assert_eq!(parse("2026-10-25T01:30+01:00"), Ok("2026-10-25T00:30:00Z".to_owned()));
        assert_eq!(parse("1950-01-01 09:00"), Err(WhenError::Range));
        assert_eq!(parse("-0001-01-01 09:00"), Err(WhenError::Missing));
        for typed in ["", "soon", "25:00", "9", "²3:00", "09:0", "2026-13"] {
            assert_eq!(parse(typed), Err(WhenError::Form), "{typed}");
        }
        for zone in ["Mars/Phobos", "", "../etc/passwd", "Europe/London\n", "/London"] {
            assert_eq!(Zone::chosen(zone), Err(WhenError::Zone));
        }
        assert_eq!(WhenError::Missing.code(), "date.form");
    }

    #[test]
    fn an_hour_alone_is_the_next_one() {
        let night = london("2026-03-28T23:58:00Z");
        assert_eq!(Zoned::parse("09:00", &night).unwrap().to_utc(), "2026-03-29T08:00:00Z");
        assert_eq!(Zoned::parse("23:59", &night).unwrap().to_utc(), "2026-03-28T23:59:00Z");
        let tomorrow = Zoned::parse("tomorrow 23:59", &night).unwrap();
        assert_eq!(tomorrow.to_utc(), "2026-03-29T22:59:00Z");
        assert_eq!(Zoned::parse("tomorrow 01:30", &night), Err(WhenError::Missing));
        assert_eq!(Zoned::parse("tomorrow", &night), Err(WhenError::Form));
    }

    #[test]
    fn a_zone_that_this_device_does_not_know_is_still_an_event() {
        let zone = Zone::try_from("Mars/Phobos".to_owned()).unwrap();
        let zoned = Zoned::new(Timestamp::from_millis(0), zone.clone()).unwrap();
        assert_eq!(zoned.to_clock(&zone, None), "1 Jan 00:00");
    }

    #[test]
    fn the_wall_shows_the_day_only_when_it_is_not_near() {
        let nine = london("2026-03-29T08:00:00Z");
        let shown = |now| nine.to_clock(nine.zone(), Some(london(now).instant()));
        assert_eq!(shown("2026-03-28T23:58:00Z"), "09:00");
        assert_eq!(shown("2026-03-29T20:00:00Z"), "09:00");
        assert_eq!(shown("2026-03-28T07:59:00Z"), "29 Mar 09:00");
        assert_eq!(shown("2026-03-30T07:59:00Z"), "29 Mar 09:00");
        assert_eq!(shown("2027-03-30T07:59:00Z"), "29 Mar 2026 09:00");
        assert_eq!(nine.to_clock(nine.zone(), None), "29 Mar 09:00");
    }

    #[test]
    fn instants_end_before_the_year_9999() {
        let last = Timestamp::from_millis(INSTANT_MILLIS_MAX - 1);
        assert_eq!(Zoned::new(last, Zone::utc()).unwrap().to_utc(), "9998-12-31T23:59:59Z");
        assert!(Zoned::new(Timestamp::from_millis(INSTANT_MILLIS_MAX), Zone::utc()).is_err());
    }
}
