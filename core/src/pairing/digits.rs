//! Digits that people type: the code of an invitation, and the numbers that one phone shows and the other asks for.

use super::error::InvitationError;
use crate::crypto::{Random, draw};
use wire::hash;
use wire::id::{RelayId, RendezvousId};

/// Digits of a code.
const CODE: usize = 8;
/// Digits of a number.
const NUMBER: usize = 6;
/// Nobody types more for a few digits.
const TYPED_BYTES_MAX: usize = 256;
/// Where the zeros of other scripts stand: full-width, Arabic-Indic (two), Devanagari, Bengali.
const ZEROS: [u32; 5] = [0xff10, 0x0660, 0x06f0, 0x0966, 0x09e6];

/// The eight digits by which a joiner without a camera finds the box.
#[derive(Clone, PartialEq, Eq)]
pub struct Digits(String);

impl Digits {
    /// Draws them.
    pub fn generate(random: &mut dyn Random) -> Self {
        Self(format!("{:08}", u64::from_be_bytes(draw(random)) % 100_000_000))
    }

    /// Reads typed digits: spaces and dashes are skipped, other scripts and look-alike letters understood.
    ///
    /// # Errors
    /// [`InvitationError::Digits`] if eight digits do not remain.
    pub fn parse(typed: &str) -> Result<Self, InvitationError> {
        normalize(typed, CODE).map(Self).ok_or(InvitationError::Digits)
    }

    /// To be shown, in groups of four.
    pub fn grouped(&self) -> String {
        let (first, second) = self.0.split_at(CODE / 2);
        format!("{first} {second}")
    }

    /// The name of the box.
    pub fn rendezvous(&self, relay: RelayId) -> RendezvousId {
        RendezvousId::from_bytes(hash::id16(hash::RID, &[relay.as_bytes(), self.0.as_bytes()]))
    }

    /// The eight ASCII digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl core::fmt::Debug for Digits {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Digits")
    }
}

/// Reads a typed number of six digits.
pub(super) fn parse_number(typed: &str) -> Option<String> {
    normalize(typed, NUMBER)
}

fn normalize(typed: &str, count: usize) -> Option<String> {
    if typed.len() > TYPED_BYTES_MAX {
        return None;
    }
    let kept = typed.chars().filter(|character| !is_skipped(*character));
    let digits: String = kept.map(digit).collect::<Option<_>>()?;
    (digits.len() == count).then_some(digits)
}

fn is_skipped(character: char) -> bool {
    let invisible = matches!(character, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}');
    let dash = matches!(character, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '.' | '_');
    character.is_whitespace() || invisible || dash
}

fn digit(character: char) -> Option<char> {
    match character {
        '0'..='9' => Some(character),
        'o' | 'O' => Some('0'),
        'i' | 'I' | 'l' | 'L' | '|' => Some('1'),
        other => {
            let code = u32::from(other);
            let value =
                ZEROS.into_iter().find_map(|zero| code.checked_sub(zero).filter(|v| *v < 10));
            value.and_then(|value| char::from_digit(value, 10))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SeededRandom;

    #[test]
    fn b61_spaces_dashes_scripts_and_look_alikes_are_understood() {
        for typed in [
            "10234567",
            " 1023-4567\n",
            "1 0 2 3 4 5 6 7",
            "1023\u{2013}4567",
            "１０２３４５６７",
            "١٠٢٣٤٥٦٧",
            "۱۰۲۳۴۵۶۷",
            "lO234567",
            "Io234567",
            "\u{feff}1023\u{200b}4567",
        ] {
            assert_eq!(Digits::parse(typed).unwrap().as_str(), "10234567", "{typed}");
        }
    }

    #[test]
    fn b61_what_does_not_leave_eight_digits_is_refused() {
        for typed in ["", "1234567", "123456789", "1234567x", "１２３", "eight", &"1".repeat(300)]
        {
            let error = Digits::parse(typed).unwrap_err();
            assert_eq!(
                (error.code(), error.to_string().as_str()),
                ("pair.form", "The code has 8 digits.")
            );
        }
    }

    #[test]
    fn drawn_digits_are_eight_and_name_a_box_at_one_relay() {
        let digits = Digits::generate(&mut SeededRandom::new(1));
        assert_eq!(Digits::parse(&digits.grouped()).unwrap(), digits);
        assert_eq!(digits.grouped().len(), 9);
        let here = digits.rendezvous(RelayId::ZERO);
        assert_ne!(here, digits.rendezvous(RelayId::from_bytes([1; 32])));
    }
}
