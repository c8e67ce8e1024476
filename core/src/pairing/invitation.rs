//! The invitation: what one phone shows and the other reads.
//!
//! ```text
//! QR, long code   ver u8 = 1 | mode u8 | rid 16 | psk 32 | check 16 | address line var     as base32 text
//! digits          eight digits; the joiner needs the address line as well
//! ```
//! The long code carries a secret: it is read from a camera, a file or standard input, never from an argument.

use super::base32;
use super::digits::Digits;
use super::error::InvitationError;
use crate::crypto::PairingSecret;
use wire::address::AddressLine;
use wire::codec::{Reader, Writer};
use wire::id::RendezvousId;
use wire::limit::ADDRESS_BYTES_MAX;

/// The version of the handshake.
pub(super) const PAIRING_VERSION: u8 = 1;
/// `HOST:PORT/` and a key of 52 letters.
const LINE_BYTES_MAX: usize = ADDRESS_BYTES_MAX + 1 + 52;
/// A long code in base32, with as many line breaks and dashes again.
const TEXT_BYTES_MAX: usize = 2_048;

/// What the pairing is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A further device of the same person.
    Device = 1,
    /// The partner.
    Partner = 2,
}

impl Mode {
    /// The number in every layout.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The mode of this number.
    pub const fn from_u8(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Device),
            2 => Some(Self::Partner),
            _ => None,
        }
    }
}

/// How the joiner came by the invitation.
#[derive(Debug)]
pub enum Way {
    /// By a long code with a secret: the joiner can check the inviter's first message by itself.
    Code {
        /// Known to the two phones only.
        psk: PairingSecret,
        /// Half the hash of the inviter's first message.
        check: [u8; 16],
    },
    /// By digits: safety rests on the two numbers alone.
    Digits(Digits),
}

/// An invitation, on either side.
#[derive(Debug)]
pub struct Invitation {
    /// What for.
    pub mode: Mode,
    /// The name of the box.
    pub rid: RendezvousId,
    /// The relay that holds the box.
    pub line: AddressLine,
    /// How it is handed over.
    pub way: Way,
}

impl Invitation {
    /// The joiner's view of an invitation by digits.
    pub fn by_digits(mode: Mode, digits: Digits, line: AddressLine) -> Self {
        Self { mode, rid: digits.rendezvous(line.relay), line, way: Way::Digits(digits) }
    }

    /// Reads the text of a long code.
    ///
    /// # Errors
    /// [`InvitationError::Foreign`] or [`InvitationError::Version`].
    pub fn parse(text: &str) -> Result<Self, InvitationError> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(InvitationError::Foreign);
        }
        Self::decode(&base32::decode(text.trim()).ok_or(InvitationError::Foreign)?)
    }

    /// Reads the bytes of a long code.
    ///
    /// # Errors
    /// [`InvitationError::Foreign`] or [`InvitationError::Version`].
    pub fn decode(bytes: &[u8]) -> Result<Self, InvitationError> {
        match bytes.first() {
            Some(&PAIRING_VERSION) => Self::decode_rest(bytes).ok_or(InvitationError::Foreign),
            Some(2..=9) => Err(InvitationError::Version),
            Some(_) | None => Err(InvitationError::Foreign),
        }
    }

    fn decode_rest(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        reader.u8().ok()?;
        let mode = Mode::from_u8(reader.u8().ok()?)?;
        let rid = RendezvousId::from_bytes(reader.array().ok()?);
        let psk = PairingSecret::from_bytes(&reader.array().ok()?);
        let check = reader.array().ok()?;
        let line = core::str::from_utf8(reader.var(LINE_BYTES_MAX).ok()?).ok()?;
        reader.end().ok()?;
        Some(Self { mode, rid, line: line.parse().ok()?, way: Way::Code { psk, check } })
    }

    /// The bytes of a long code; none for an invitation by digits.
    pub fn encode(&self) -> Option<Vec<u8>> {
        let Way::Code { psk, check } = &self.way else { return None };
        let mut writer = Writer::new();
        writer.u8(PAIRING_VERSION).u8(self.mode.number()).bytes(self.rid.as_bytes());
        writer.bytes(psk.as_bytes()).bytes(check).var(self.line.to_string().as_bytes());
        Some(writer.into_bytes())
    }

    /// What is shown: the long code as text, or the digits in groups.
    pub fn text(&self) -> String {
        match (&self.way, self.encode()) {
            (Way::Code { .. }, bytes) => base32::encode(&bytes.unwrap_or_default()),
            (Way::Digits(digits), _) => digits.grouped(),
        }
    }

    /// Takes it for one use only.
    ///
    /// # Errors
    /// [`InvitationError::ForPartner`] or [`InvitationError::ForDevice`] if it is for the other one.
    pub fn require(self, mode: Mode) -> Result<Self, InvitationError> {
        if self.mode == mode { Ok(self) } else { Err(InvitationError::other_mode(self.mode)) }
    }

    pub(super) const fn psk(&self) -> Option<&[u8; 32]> {
        match &self.way {
            Way::Code { psk, .. } => Some(psk.as_bytes()),
            Way::Digits(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn invitation(mode: Mode) -> Invitation {
        Invitation {
            mode,
            rid: RendezvousId::from_bytes([1; 16]),
            line: format!("relay.example:4433/{}", "a".repeat(52)).parse().unwrap(),
            way: Way::Code { psk: PairingSecret::from_bytes(&[2; 32]), check: [3; 16] },
        }
    }

    #[test]
    fn a_long_code_reads_back_in_any_case_and_with_line_breaks() {
        let text = invitation(Mode::Partner).text();
        let broken: Vec<&str> =
            text.as_bytes().chunks(40).map(|line| core::str::from_utf8(line).unwrap()).collect();
        for typed in [text.clone(), text.to_uppercase(), broken.join("\r\n"), format!(" {text}\n")]
        {
            let read = Invitation::parse(&typed).unwrap();
            assert_eq!(read.encode(), invitation(Mode::Partner).encode());
        }
    }

    #[test]
    fn b63_a_code_of_something_else_or_cut_off_is_refused() {
        let text = invitation(Mode::Partner).text();
        let damaged = format!("qq{}", text.get(2..).unwrap());
        for typed in [
            "",
            "https://example.org/",
            "WIFI:S:home;;",
            "otpauth",
            text.get(..text.len() - 1).unwrap(),
            text.get(..40).unwrap(),
            &format!("{text}aa"),
            &damaged,
            &"a".repeat(4_096),
        ] {
            let error = Invitation::parse(typed).unwrap_err();
            assert_eq!((error, error.code()), (InvitationError::Foreign, "pair.qr"), "{typed}");
        }
        for cut in 0..invitation(Mode::Device).encode().unwrap().len() {
            let bytes = invitation(Mode::Device).encode().unwrap();
            assert!(Invitation::decode(&bytes[..cut]).is_err());
        }
    }

    #[test]
    fn b63_a_code_of_another_version_is_named_as_such() {
        let mut bytes = invitation(Mode::Partner).encode().unwrap();
        bytes[0] = 2;
        assert_eq!(Invitation::decode(&bytes).unwrap_err(), InvitationError::Version);
        bytes[0] = 1;
        bytes[1] = 3;
        assert_eq!(Invitation::decode(&bytes).unwrap_err(), InvitationError::Foreign);
    }

    #[test]
    fn b63_a_code_for_the_other_use_says_what_it_is_for() {
        let error = invitation(Mode::Partner).require(Mode::Device).unwrap_err();
        assert_eq!(error.code(), "pair.qr");
        assert_eq!(
            error.to_string(),
            "This is a code for pairing a partner, not for adding your own phone."
        );
        let error = invitation(Mode::Device).require(Mode::Partner).unwrap_err();
        assert_eq!(error, InvitationError::ForDevice);
        assert!(invitation(Mode::Device).require(Mode::Device).is_ok());
    }

    proptest! {
        #[test]
        fn no_bytes_make_decode_panic(bytes: Vec<u8>, text: String) {
            drop(Invitation::decode(&bytes));
            drop(Invitation::parse(&text));
        }
    }
}
