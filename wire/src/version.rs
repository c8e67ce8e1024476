//! Which protocol versions a program speaks, and how two programs agree on one.

use crate::codec::{DecodeError, Reader, Writer};
use crate::refusal::{Reason, Refusal};

/// The protocol version of this program.
pub const VERSION: u8 = 1;
/// What this program speaks.
pub const VERSIONS: VersionRange = VersionRange { lowest: VERSION, highest: VERSION };
/// The ALPN name (RFC 7301) of the protocol.
pub const ALPN: &[u8] = b"reknit/1";
/// The label of the TLS exporter (RFC 5705, RFC 8446 7.5) that binds a sign-in to its connection.
pub const EXPORTER: &[u8] = b"EXPORTER-reknit-auth";
/// The length of the exporter value.
pub const EXPORTER_BYTES: usize = 32;

/// An unbroken range of versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionRange {
    /// The lowest.
    pub lowest: u8,
    /// The highest.
    pub highest: u8,
}

impl VersionRange {
    /// The highest version in both ranges; `self` is ours.
    ///
    /// # Errors
    /// A refusal as `wire.version`, naming our range, if there is none or `theirs` is no range.
    pub fn choose(self, theirs: Self) -> Result<u8, Refusal> {
        let lowest = self.lowest.max(theirs.lowest);
        let highest = self.highest.min(theirs.highest);
        let sane = theirs.lowest >= 1 && theirs.lowest <= theirs.highest;
        if sane && lowest <= highest {
            return Ok(highest);
        }
        let argument = u64::from(self.lowest) << 8 | u64::from(self.highest);
        Err(Refusal { reason: Reason::WireVersion, argument })
    }

    /// Appends lowest and highest, a byte each.
    pub fn encode(self, writer: &mut Writer) -> &mut Writer {
        writer.u8(self.lowest).u8(self.highest)
    }

    /// Reads lowest and highest, whatever they are: [`VersionRange::choose`] judges.
    ///
    /// # Errors
    /// [`DecodeError::Short`].
    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { lowest: reader.u8()?, highest: reader.u8()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b15_a_range_without_a_common_version_is_refused_with_our_range() {
        let ours = VersionRange { lowest: 1, highest: 2 };
        for (lowest, highest) in [(2, 1), (0, 0), (255, 255), (3, 9), (0, 1), (0, 255)] {
            let refusal = ours.choose(VersionRange { lowest, highest }).unwrap_err();
            assert_eq!(refusal.reason.code(), "wire.version", "{lowest}-{highest}");
            assert_eq!(refusal.sentence(), "No common version. Relay speaks 1-2.");
        }
    }

    #[test]
    fn the_highest_common_version_is_chosen() {
        let ours = VersionRange { lowest: 1, highest: 4 };
        assert_eq!(ours.choose(VersionRange { lowest: 1, highest: 255 }), Ok(4));
        assert_eq!(ours.choose(VersionRange { lowest: 1, highest: 3 }), Ok(3));
        assert_eq!(VERSIONS.choose(VERSIONS), Ok(VERSION));
    }
}
