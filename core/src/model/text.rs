//! What a person typed: kept exactly so, bounded, never printed by `Debug` or an error.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// No text is longer than this in bytes, whatever its bound in characters.
pub const TEXT_BYTES_MAX: usize = 262_144;

/// Why a text is not taken. Holds nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// More than `max` characters (Unicode scalar values).
    #[error("this is too long (limit {max} characters)")]
    Long {
        /// The bound of the field.
        max: usize,
    },
    /// More than 256 KiB.
    #[error("this entry is too long (limit 256 KB); split it in two")]
    Bytes,
    /// A control character other than newline and tab.
    #[error("this holds a character that cannot be shown")]
    Control,
}

impl TextError {
    /// The dotted code that outer layers show.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Long { .. } | Self::Bytes => "text.long",
            Self::Control => "text.form",
        }
    }
}

/// At most `N` Unicode scalar values, no C0 or C1 control but newline and tab; otherwise as typed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Text<const N: usize>(String);

impl<const N: usize> Text<N> {
    /// Takes what was typed.
    ///
    /// # Errors
    /// [`TextError`] if it is too long or holds a control character.
    pub fn new(typed: impl Into<String>) -> Result<Self, TextError> {
        let typed = typed.into();
        if typed.len() > TEXT_BYTES_MAX {
            return Err(TextError::Bytes);
        }
        if typed.chars().count() > N {
            return Err(TextError::Long { max: N });
        }
        if typed.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
            return Err(TextError::Control);
        }
        Ok(Self(typed))
    }

    /// As typed.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing in it but white space.
    pub fn is_blank(&self) -> bool {
        self.0.trim().is_empty()
    }
}

impl<const N: usize> core::fmt::Debug for Text<N> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Text(..)")
    }
}

impl<const N: usize> Serialize for Text<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de, const N: usize> Deserialize<'de> for Text<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b68_a_text_over_its_bound_is_refused_and_odd_characters_are_kept_as_they_are() {
        assert_eq!(Text::<3>::new("abcd"), Err(TextError::Long { max: 3 }));
        assert_eq!(Text::<300_000>::new("a".repeat(262_145)), Err(TextError::Bytes));
        assert_eq!(TextError::Bytes.code(), "text.long");
        for odd in ["a\u{301}\u{301}\u{301}", "\u{202e}gnirts", "\u{378}", "👩‍👩‍👧", "e\u{301}"]
        {
            assert_eq!(Text::<40>::new(odd).unwrap().as_str(), odd);
        }
    }

    #[test]
    fn b68_control_characters_are_refused_but_newline_and_tab() {
        assert!(Text::<9>::new("a\n\tb").is_ok());
        for control in ["\0", "a\rb", "\u{1b}[2J", "\u{7f}", "\u{85}", "\u{9f}"] {
            assert_eq!(Text::<9>::new(control), Err(TextError::Control));
        }
    }

    #[test]
    fn the_bound_counts_characters_not_bytes() {
        assert!(Text::<2>::new("ää").is_ok());
        assert!(Text::<2>::new("𝄞𝄞").is_ok());
    }

    #[test]
    fn neither_debug_nor_an_error_holds_what_was_typed() {
        let text = Text::<40>::new("canary").unwrap();
        assert!(!format!("{text:?}").contains("canary"));
        let error = Text::<3>::new("canary").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("canary"));
    }
}
