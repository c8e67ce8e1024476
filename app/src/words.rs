//! Every sentence that a person reads, in one place, so that one test can hold them all against the rules of wording:
//! kind and plain, no praise, no blame, no score, and no promise that nobody can keep.

use crate::failure::Failure;
use reknit_core::client::{Error, SpaceReport, Verification};
use reknit_core::membership::SpaceKind;
use reknit_core::model::{Rule, TextError};
use std::path::Path;

pub(crate) use reknit_core::view::words::SAFETY;

/// Whom to turn to.
pub(crate) const HELP: [&str; 5] = [
    "In danger now: 112 (Europe), 999 (United Kingdom), 911 (United States, Canada).",
    "United Kingdom: National Domestic Abuse Helpline, 0808 2000 247, day and night.",
    "United States: National Domestic Violence Hotline, 1-800-799-7233, day and night.",
    "Germany: Hilfetelefon, 116 016, day and night.",
    "Other countries: nomoredirectory.org. Use a phone or computer that nobody else can open.",
];
/// Asks for the secret.
pub(crate) const SECRET: &str = "Your secret:";
/// Asks for a new secret.
pub(crate) const NEW_SECRET: &str =
    "Choose a secret, at least 6 characters, only yours and not your phone's:";
/// Asks for it once more.
pub(crate) const SECRET_AGAIN: &str = "Once more:";
/// After the first start, with a relay.
pub(crate) const NEXT_WITH_RELAY: &str = "Write for yourself with `reknit journal new`. Whenever you want, and only if it is safe, invite \
     your partner with `reknit invite --partner`.";
/// After the first start, without one.
pub(crate) const NEXT_ALONE: &str = "Write for yourself with `reknit journal new`; it works without any network. A relay, which \
     carries sealed changes between devices, is set with `reknit use-relay`.";
/// A relay was set.
pub(crate) const RELAY_SET: &str =
    "This relay is used for your private space from now on, on this device.";
/// A list is empty.
pub(crate) const NOTHING_HERE: &str = "Nothing here.";
/// The open list is empty.
pub(crate) const NOTHING_OPEN: &str = "Nothing is open.";
/// How a journal entry is named beside shared lines.
pub(crate) const JOURNAL: &str = "your journal";
/// Before deleting.
pub(crate) const DELETE_SURE: &str = "Delete this entry on all your devices? Type yes:";
/// The answer that counts.
pub(crate) const YES: &str = "yes";
/// What deleting does, and what it does not.
pub(crate) const DELETED: &str = "It is gone from what this app shows here, and from your other devices when they next sync. Its \
     sealed copies stay in the history on your devices and at the relay; your keys could still open them.";
/// Beside a step that the relay does not have yet.
pub(crate) const HERE_ONLY: &str = " (on this phone)";
const TAG: &str = "A tag has 1 to 40 characters, and an entry at most 16 tags.";
const SAVED: &str = "Saved on this device.";
const WILL_BE_SENT: &str = "It will be sent when there is a connection.";

/// What is said when something is on the disk.
pub(crate) fn saved(id: &str, has_relay: bool) -> String {
    if has_relay { format!("{SAVED} {WILL_BE_SENT} [{id}]") } else { format!("{SAVED} [{id}]") }
}

/// After the first start.
pub(crate) fn welcome(name: &str, home: &Path) -> String {
    format!("{name}, your pages are in {} on this device, sealed with your secret.", home.display())
}

/// Before the code for a partner.
pub(crate) const INVITE_PARTNER: &str = "From here each of you holds your own phone; nobody else should see the next screen. Hand this \
     code to your partner, and to nobody else. It works once, for ten minutes.";
/// Before the code for an own device.
pub(crate) const INVITE_DEVICE: &str =
    "Take this code to your other device, and nowhere else. It works once, for ten minutes.";
/// Asks for a code.
pub(crate) const TYPE_CODE: &str = "The code that the other phone shows:";
/// Asks for eight digits.
pub(crate) const TYPE_DIGITS: &str = "The eight digits:";
/// Asks for a number.
pub(crate) const TYPE_NUMBER: &str = "Type the six digits that the other phone shows:";
/// The two are paired, or the device is in.
pub(crate) const PAIRED: &str = "Paired.";
/// All that follows from it is here.
pub(crate) const PAIRED_NEXT: &str = "Everything is exchanged.";
/// It is not.
pub(crate) const PAIRED_LATER: &str =
    "The rest is exchanged at the next `reknit sync`, when there is a connection.";
/// While exchanging.
pub(crate) const SYNCING: &str = "exchanging with the relay";
/// At the start of watching.
pub(crate) const WATCHING: &str = "Connected when there is a network; end with Ctrl-C.";
/// The relay lost what it held.
pub(crate) const RELAY_FORGOT: &str =
    "The relay no longer had what it held; this device brings it back. Nothing is lost here.";
/// A relay on loopback.
pub(crate) const THIS_MACHINE_ONLY: &str = "Only this machine can connect. To be reached from elsewhere: --listen 0.0.0.0:8443 --address \
     HOST:8443";

/// Where the code is.
pub(crate) fn code_in(file: &Path) -> String {
    format!("The code is in {}, until this command ends.", file.display())
}

/// The number for the other phone.
pub(crate) fn show_number(number: &str) -> String {
    format!("Type this number on the other phone: {number}")
}

/// A number was not taken; it can be typed again.
pub(crate) fn type_again(code: &str) -> String {
    match code {
        "pair.form" => "The number has 6 digits.".to_owned(),
        code => by_code(code),
    }
}

/// What exchanging came to.
pub(crate) fn synced(sent: usize, received: usize) -> String {
    format!("Everything is exchanged: {sent} sent, {received} received.")
}

/// Something that should not have happened.
pub(crate) fn incident(code: &str) -> String {
    format!("Something was written down that you may want to look at: `reknit status` ({code}).")
}

/// A text was changed on another device.
pub(crate) fn text_changed(id: &str) -> String {
    format!("A text has changed: {id}")
}

/// Who is here.
pub(crate) fn who(names: &[String], paired: bool) -> String {
    if paired {
        format!("Here: {}.", names.join(" and "))
    } else {
        "You are here on your own. Everything private works.".to_owned()
    }
}

/// Where a space stands.
pub(crate) fn space(report: &SpaceReport) -> String {
    let name = match report.kind {
        SpaceKind::Private => "Your private space",
        SpaceKind::Shared => "The space of the two of you",
    };
    let unsent = match (report.unsent, &report.relay) {
        (_, None) => "no relay, all of it is on this device".to_owned(),
        (0, Some(_)) => "all sent".to_owned(),
        (unsent, Some(_)) => format!("{unsent} to be sent"),
    };
    let mut line = format!("{name}: {} entries, {unsent}", report.entries);
    for (count, what) in [(report.waiting, "waiting for others"), (report.aside, "set aside")] {
        if count > 0 {
            line = format!("{line}, {count} {what}");
        }
    }
    line.push('.');
    line
}

/// What proving a space came to.
pub(crate) fn verified(space: &str, found: &Verification, history: &str) -> String {
    let history = history.get(..16).unwrap_or(history);
    format!(
        "{space}: {} entries in {} chains and {} control items proved, {} not; history {history}",
        found.entries, found.chains, found.control, found.broken
    )
}

/// What somebody did, after their name.
pub(crate) fn step(kind: &str) -> &str {
    match kind {
        "moment" => "wrote down a moment",
        "echo" => "echoed",
        "reach" => "reached out",
        "reply" => "replied",
        "return" => "came back",
        "outcome" => "said how it went",
        "withdraw" => "took it back",
        "moved" => "moved the time",
        "question" => "asked",
        "promise" => "set a time for the answer",
        "answer" => "answered",
        "decline" => "declined",
        "enough" => "said that it is enough",
        "reopen" => "asked again",
        "member" => "said a name",
        other => other,
    }
}

/// Until when.
pub(crate) fn until(clock: &str) -> String {
    format!("until {clock}")
}

/// One sentence that a person can act on.
pub(crate) fn sentence(failure: &Failure) -> String {
    let words = match failure {
        Failure::Client(error) => return client(error),
        Failure::Text(error) => return finished(&error.to_string()),
        Failure::Name(error) => return finished(&error.to_string()),
        Failure::When(error) => return finished(&error.to_string()),
        Failure::Score(error) => return finished(&error.to_string()),
        Failure::Address(error) => return finished(&error.to_string()),
        Failure::Rule(rule) => return finished(&rule.to_string()),
        Failure::Invitation(error) => return finished(&error.to_string()),
        Failure::RelayConfig(error) => return finished(&error.to_string()),
        Failure::RelayStart(error) => return finished(&error.to_string()),
        Failure::Usage(error) => return error.to_string().trim_end().to_owned(),
        Failure::RelayDisk => {
            "The disk failed. What was confirmed is on it; please start the relay again."
        }
        Failure::Tag(_) => TAG,
        Failure::Demo => "The demo did not hold what it promises. Please report it.",
        Failure::NoHome => "There is no home folder; say where with --home DIR.",
        Failure::NoSecret => "There is no terminal to ask for the secret; use --secret-file FILE.",
        Failure::SecretFile => "The file with the secret cannot be read.",
        Failure::SecretForm => "The secret is not a text in UTF-8.",
        Failure::SecretsDiffer => "The two were different; please start again.",
        Failure::NoText => {
            "Please give the words: as an argument, with --file FILE, with - for standard input, or set EDITOR."
        }
        Failure::TextFile => "The text cannot be read.",
        Failure::TextForm => "The text is not in UTF-8.",
        Failure::Editor => "The editor ended with an error; nothing was saved.",
        Failure::EditorFile => "No private folder could be made for the editor.",
        Failure::OtherKind => "This id names something of another kind.",
        Failure::CodeFile => "The file with the code cannot be read or written.",
        Failure::InputEnded => {
            "A number must be typed here, and the input has ended. Start again on a terminal."
        }
        Failure::Stopped => "Stopped; nothing was changed.",
        Failure::Offline => {
            "The relay was not reached in time. What you wrote is on this device and will be sent later."
        }
        Failure::Broken => {
            "Some of what is stored here could not be proved: it was changed or damaged."
        }
        Failure::System => "The system gives no threads or signals.",
        Failure::Output | Failure::ReaderGone => "The output cannot be written.",
    };
    words.to_owned()
}

fn client(error: &Error) -> String {
    match error {
        Error::Invalid { rule, .. } => by_code(rule),
        Error::NotAllowed { rule } => match Rule::ALL.iter().find(|known| known.code() == *rule) {
            Some(rule) => finished(&rule.to_string()),
            None => by_code(rule),
        },
        Error::Pairing { code } => by_code(code),
        Error::Refused(refusal) => refusal.sentence(),
        Error::NoVault
        | Error::Exists
        | Error::WrongSecret
        | Error::Busy
        | Error::NotFound
        | Error::Ambiguous
        | Error::NotPaired
        | Error::NoRelay
        | Error::NeedsUpgrade
        | Error::Storage
        | Error::Damaged { .. } => finished(&error.to_string()),
    }
}

/// The sentences of codes whose error carries no more than the code.
pub(crate) fn by_code(code: &str) -> String {
    let sentence = match code {
        "secret.short" => "At least 6 characters.",
        "secret.long" => "At most 1,024 bytes.",
        "text.long" => return finished(&TextError::Bytes.to_string()),
        "tag.form" => TAG,
        "pair.form" => "The code has 8 digits.",
        "pair.burned" => "Too many wrong tries. Start again on the other phone.",
        "pair.expired" => "This invitation has expired. Start again on the other phone.",
        "pair.used" => "This was used before. Start again on the other phone.",
        "pair.sas" => {
            "The numbers do not match. Someone may be in between, or a digit is wrong. Start again."
        }
        "pair.qr" => "This is not a code for this; please ask for a new one on the other phone.",
        code if code.starts_with("pair.") => {
            "Pairing ended, and nothing was changed. Start again on both devices."
        }
        _ => "That is not possible here.",
    };
    sentence.to_owned()
}

/// A sentence of the library as one of ours: with a capital letter and a full stop.
fn finished(words: &str) -> String {
    let mut letters = words.chars();
    let first: String = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    let stop = if words.ends_with(['.', '?']) { "" } else { "." };
    format!("{first}{}{stop}", letters.as_str())
}
