//! A moment between the two, given by one; the other may echo it. No echo is never counted, shown or asked for.

use serde::{Deserialize, Serialize};

use super::fold::{Case, Facts, Judged};
use super::id::RecordId;
use super::measure::Score10;
use super::text::Text;
use super::when::{At, Zoned};

/// Something that was good, in its author's words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// When it was written, by the author's clock.
    pub at: At,
    /// Of what kind.
    pub kind: MomentKind,
    /// When it happened, if that is not when it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub happened: Option<Zoned>,
    /// Whose doing.
    pub who_did: WhoDid,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Text<1000>>,
    /// How it felt, 0 not at all to 10 fully. Nobody has to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub felt: Option<Score10>,
}

/// Of what kind a [`Moment`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the product's words")]
pub enum MomentKind {
    Reconnection,
    Attunement,
    Vulnerability,
    Repair,
    TurnedToward,
    Comfort,
    Laughter,
    Other,
}

/// Whose doing a [`Moment`] was; never "me" or "you", which differ between the phones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhoDid {
    /// Of whoever wrote it.
    Author,
    /// Of the other.
    Other,
    /// Of both.
    Both,
}

/// "I felt it too", by the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Echo {
    /// When, by the author's clock.
    pub at: At,
    /// The moment.
    pub of: RecordId,
    /// What it says.
    pub kind: EchoKind,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Text<300>>,
}

/// What an [`Echo`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the product's words")]
pub enum EchoKind {
    FeltItToo,
    ThankYou,
    GladToKnow,
}

/// A moment; its echoes stand among the record's steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MomentRecord {
    /// As given.
    pub moment: Moment,
}

pub(super) fn fold<'a>(moment: &Moment, case: &Case<'a>) -> (Facts, Judged<'a>) {
    let judged = case.judge(|_, _| Ok(()));
    (Facts::Moment(MomentRecord { moment: moment.clone() }), judged)
}
