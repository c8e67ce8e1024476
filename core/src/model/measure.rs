//! Numbers that a person may give, and nobody has to.

use serde::{Deserialize, Serialize};

/// 0 to 10; what it means is said by the field that holds it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Score10(u8);

/// Why a number is not a score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a number from 0 to 10, please")]
pub struct ScoreError;

impl Score10 {
    /// From 0 to 10.
    ///
    /// # Errors
    /// [`ScoreError`] above 10.
    pub const fn new(score: u8) -> Result<Self, ScoreError> {
        if score <= 10 { Ok(Self(score)) } else { Err(ScoreError) }
    }

    /// The number.
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl core::fmt::Debug for Score10 {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Score10(..)")
    }
}

impl TryFrom<u8> for Score10 {
    type Error = ScoreError;

    fn try_from(score: u8) -> Result<Self, ScoreError> {
        Self::new(score)
    }
}

impl From<Score10> for u8 {
    fn from(score: Score10) -> Self {
        score.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_ends_at_ten() {
        assert_eq!(Score10::new(10).map(Score10::get), Ok(10));
        assert_eq!(Score10::new(11), Err(ScoreError));
    }
}
