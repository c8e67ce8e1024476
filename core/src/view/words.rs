//! Every fixed sentence of the views, so that one test can hold them all against the rules of wording.
//!
//! Nothing praises, in any state; nothing counts, hurries, or names what is absent. What that means stands here too:
//! whoever shows sentences holds them against it.

/// Shown before anything else on the first start, and in the settings.
pub const SAFETY: &str = "Are you afraid of your partner, or could someone be watching your phone? \
     Then please don't use this app. These people can help.";
/// The one notification: it names neither person, kind nor content.
pub const TIME_NEAR: &str = "A time you set is near.";
/// A record or field of a later version.
pub const NEEDS_NEWER: &str = "needs a newer version";
/// Neither had the other's before them.
pub const CROSSED: &str = "crossed on the way";
/// An answer and the withdrawal of its question crossed.
pub const ANSWERED_BEFORE_WITHDRAWAL: &str = "answered before the withdrawal arrived";
/// Two different texts claim one place.
pub const DISPUTED: &str = "two different texts came from the same place; both are kept";
/// Its device was cut off by its owner, and the other had not heard it by then.
pub const CUT_OFF: &str = "signed by a device its owner later cut off";
/// The author's clock and the rest of the record lie a day apart.
pub const CLOCK_UNSURE: &str = "clock unsure";
/// Someone whose name has not arrived yet.
pub const NAMELESS: &str = "no name yet";

/// Saved here; nothing has left yet.
pub const ON_THIS_PHONE: &str = "on this phone";
/// The relay holds it.
pub const SENT: &str = "sent";
/// Received and open.
pub const OPEN: &str = "open";
/// The other is here.
pub const HERE: &str = "here now";
/// Before the time of a return.
pub const PROMISED_UNTIL: &str = "promised until";
/// A plain no.
pub const CANNOT: &str = "cannot";
/// Came back.
pub const RETURNED: &str = "returned";
/// The reacher closed it.
pub const CLOSED: &str = "closed";
/// The opener took it back.
pub const WITHDRAWN: &str = "withdrawn";
/// Before the time of an answer.
pub const ANSWER_BY: &str = "answer promised by";
/// Declined.
pub const DECLINED: &str = "declined";
/// Before the time until which it is declined.
pub const DECLINED_UNTIL: &str = "declined until";
/// Answered.
pub const ANSWERED: &str = "answered";
/// The asker has enough.
pub const ENOUGH: &str = "enough";
/// The asker opened it once more.
pub const REOPENED: &str = "reopened";
/// A set time and its grace have passed.
pub const PAST: &str = "past";

/// All of them.
pub const ALL: [&str; 26] = [
    SAFETY,
    TIME_NEAR,
    NEEDS_NEWER,
    CROSSED,
    ANSWERED_BEFORE_WITHDRAWAL,
    DISPUTED,
    CUT_OFF,
    CLOCK_UNSURE,
    NAMELESS,
    ON_THIS_PHONE,
    SENT,
    OPEN,
    HERE,
    PROMISED_UNTIL,
    CANNOT,
    RETURNED,
    CLOSED,
    WITHDRAWN,
    ANSWER_BY,
    DECLINED,
    DECLINED_UNTIL,
    ANSWERED,
    ENOUGH,
    REOPENED,
    PAST,
    "given",
];

/// What praises (P14).
pub const PRAISE: &[&str] = &[
    "!",
    "well done",
    "great",
    "good",
    "congrat",
    "proud",
    "amazing",
    "awesome",
    "perfect",
    "excellent",
    "bravo",
    "keep it up",
    "nice",
    "success",
    "achiev",
    "reward",
    "best",
    "thank",
];
/// What counts or blames.
pub const COUNTING: &[&str] =
    &["streak", "badge", "score", "you missed", "in a row", "overdue", "your fault"];
/// What names an absence (P15, P16).
pub const ABSENCE: &[&str] =
    &["not delivered", "no reply from", "unread", "not read yet", "ignored", "unanswered"];
/// What promises more than anybody can.
pub const FALSE_PROMISES: &[&str] =
    &["100 %", "100%", "anonymous", "unbreakable", "completely", "guarantee", "military"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Rule;

    fn sentences() -> Vec<String> {
        ALL.iter().map(ToString::to_string).chain(Rule::ALL.map(|rule| rule.to_string())).collect()
    }

    fn hold(banned: &[&str]) {
        for sentence in sentences() {
            let lower = sentence.to_lowercase();
            for word in banned {
                assert!(!lower.contains(word), "{sentence:?} holds {word:?}");
            }
        }
    }

    #[test]
    fn p14_nothing_praises() {
        hold(PRAISE);
        hold(&["improv"]);
    }

    #[test]
    fn r11_nothing_counts_or_blames() {
        hold(COUNTING);
        hold(&["point", "percent", "%", "failed"]);
    }

    #[test]
    fn p15_p16_absence_is_not_named() {
        hold(ABSENCE);
        hold(&["not read", "seen"]);
    }

    #[test]
    fn r30_no_sentence_promises_what_nobody_can() {
        hold(FALSE_PROMISES);
        hold(&["100"]);
    }

    #[test]
    fn r27_p28_the_safety_text_says_whom_it_is_not_for() {
        assert!(SAFETY.starts_with("Are you afraid of your partner"));
        assert!(SAFETY.contains("please don't use this app"));
    }
}
