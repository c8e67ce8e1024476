//! Every sentence that a person reads (those of failures in `sentence`), in one place, so that one test can hold them all against the rules of wording:
//! kind and plain, no praise, no blame, no score, and no promise that nobody can keep.

use reknit_core::client::{Checked, Rebuilding, SpaceReport, Verification};
use reknit_core::membership::SpaceKind;
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
/// The relay of the shared space is set.
pub(crate) const RELAY_MOVED: &str = "What you share goes over this relay from now on, on this device. \
     Your partner, and each other device of yours, has to be told the same line.";
/// A list is empty.
pub(crate) const NOTHING_HERE: &str = "Nothing here.";
/// The open list is empty.
pub(crate) const NOTHING_OPEN: &str = "Nothing is open.";
/// Nobody began a text and left it.
pub(crate) const NOTHING_UNFINISHED: &str = "No text is unfinished.";
/// What was typed is not lost, though the command did not end as it should.
pub(crate) const STAYS_UNFINISHED: &str =
    "What you wrote is kept on this device as an unfinished text; open it again, or see `drafts`.";
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
const SAVED: &str = "Saved on this device.";
const WILL_BE_SENT: &str = "It will be sent when there is a connection.";

/// A store was damaged, and what is done about it.
pub(crate) fn rebuilding(of: &Rebuilding) -> String {
    let aside = of
        .aside
        .as_ref()
        .map(|aside| format!(" It is set aside in {}, as it is.", aside.display()));
    let lost = not_read(0, of.drafts, of.facts).map(|lost| format!(" {lost}"));
    format!(
        "{} was damaged on this device's disk.{}{} The rest is fetched again: run `reknit sync`. Until then you can read \
         what is here, and write nothing there. (store.rebuilding)",
        space_words(of.kind),
        aside.unwrap_or_default(),
        lost.unwrap_or_default()
    )
}

/// What could not be read of a damaged store, by its kind; nothing if all of it could.
pub(crate) fn not_read(entries: u64, drafts: u64, facts: u64) -> Option<String> {
    let kinds = [
        count(entries, "entry", "entries"),
        count(drafts, "unfinished text", "unfinished texts"),
        count(facts, "setting of this device", "settings of this device"),
    ];
    let some = [entries, drafts, facts].into_iter().zip(kinds).filter(|(number, _)| *number > 0);
    let kinds: Vec<String> = some.map(|(_, kind)| kind).collect();
    (!kinds.is_empty()).then(|| format!("Could not be read any more: {}.", kinds.join(", ")))
}

/// What is said when something is on the disk.
pub(crate) fn saved(id: &str, has_relay: bool) -> String {
    if has_relay { format!("{SAVED} {WILL_BE_SENT} [{id}]") } else { format!("{SAVED} [{id}]") }
}

/// There is more of a list.
pub(crate) fn older(list: &str, first: &str) -> String {
    format!("There may be older ones: `reknit {list} --before {first}`.")
}

/// The editor opens on what was left.
pub(crate) fn goes_on(id: &str) -> String {
    format!("An unfinished text is here; you go on with it. To drop it: `drafts --discard {id}`.")
}

/// An unfinished text is dropped.
pub(crate) fn discarded(id: &str) -> String {
    format!("The unfinished text is gone from this device. [{id}]")
}

/// What an unfinished text is of.
pub(crate) const fn unfinished_kind(is_new: bool, open: bool) -> &'static str {
    match (is_new, open) {
        (true, true) => "new, open in an editor",
        (true, false) => "new",
        (false, true) => "changes, open in an editor",
        (false, false) => "changes",
    }
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
/// A relay whose address line names this machine.
pub(crate) const THIS_MACHINE_ONLY: &str = "This line is of use on this machine only. To be reached from elsewhere: --listen 0.0.0.0:8443 --address \
     HOST:8443";

/// Where the code is.
pub(crate) fn code_in(file: &Path) -> String {
    format!("The code is in {}, until this command ends.", file.display())
}

/// How the other phone joins by a code.
pub(crate) const JOIN_BY_CODE: &str =
    "On the other phone: `reknit join`. This command waits for it; end it with Ctrl-C.";

/// How the other phone joins by eight digits.
pub(crate) fn join_by_digits(relay: &str, partner: bool) -> String {
    let role = if partner { "partner" } else { "device" };
    format!("On the other phone: `reknit join --digits --relay {relay} --as {role}`")
}

/// The number for the other phone.
pub(crate) fn show_number(number: &str) -> String {
    format!("Type this number on the other phone: {number}")
}

/// What exchanging came to.
pub(crate) fn synced(sent: usize, received: usize) -> String {
    format!("Everything is exchanged: {sent} sent, {received} received.")
}

/// What waits at the relay until it is taken.
pub(crate) fn bulk(count: u64) -> String {
    format!(
        "Your partner sent much more than usual: {count} messages wait at the relay. They come \
         tomorrow and after, or at once with `reknit sync --take-all`."
    )
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
    match names {
        [name] if !paired => format!("{name}, you are here on your own. Everything private works."),
        _ if !paired => "You are here on your own. Everything private works.".to_owned(),
        [] => "The two of you are here.".to_owned(),
        names => format!("Here: {}.", names.join(" and ")),
    }
}

/// Texts that were begun and not closed.
pub(crate) fn unfinished(journal: usize, agreements: usize) -> Vec<String> {
    [(journal, "journal"), (agreements, "agreement")]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(found, family)| {
            format!("{} unfinished: `reknit {family} drafts`.", count(found, "text", "texts"))
        })
        .collect()
}

/// So many, in words that fit one and many.
fn count(number: impl TryInto<u64>, one: &str, many: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    format!("{number} {}", if number == 1 { one } else { many })
}

/// How a space is called.
const fn space_words(kind: SpaceKind) -> &'static str {
    match kind {
        SpaceKind::Private => "Your private space",
        SpaceKind::Shared => "The space of the two of you",
    }
}

/// Where a space stands.
pub(crate) fn space(report: &SpaceReport) -> String {
    let unsent = match (report.unsent, &report.relay) {
        (_, None) => "no relay, all of it is on this device".to_owned(),
        (0, Some(_)) => "all sent".to_owned(),
        (unsent, Some(_)) => format!("{unsent} to be sent"),
    };
    let entries = count(report.entries, "entry", "entries");
    let mut line = format!("{}: {entries}, {unsent}", space_words(report.kind));
    let again = u64::try_from(report.again).unwrap_or(u64::MAX);
    for (count, what) in [
        (report.waiting, "waiting for others"),
        (report.aside, "set aside"),
        (again, "to be written again"),
    ] {
        if count > 0 {
            line = format!("{line}, {count} {what}");
        }
    }
    line.push('.');
    line
}

/// What proving a space came to.
pub(crate) fn verified(found: &Verification, history: &str) -> String {
    let history = history.get(..16).unwrap_or(history);
    let proved = format!(
        "{}: {} in {} and {} proved",
        space_words(found.kind),
        count(found.entries, "entry", "entries"),
        count(found.chains, "chain", "chains"),
        count(found.control, "control item", "control items"),
    );
    let broken = match found.broken {
        0 => String::new(),
        broken => format!(", {} not", count(broken, "entry", "entries")),
    };
    format!("{proved}{broken}. History {history}.")
}

/// What comparing two phones came to.
pub(crate) const fn checked(checked: &Checked) -> &'static str {
    match checked {
        Checked::Same => "Both phones hold the same.",
        Checked::Apart => {
            "The numbers differ. One of the phones may only lack what is new: bring both online, then compare again, or give the code."
        }
        Checked::Late(_) => {
            "Nothing contradicts. One of the phones lacks what is new; if it still does after both were online, the relay holds something back."
        }
        Checked::Contradicts(_) => "The two phones hold different histories.",
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use crate::failure::Failure;
    use crate::sentence::{by_code, sentence};
    use clap::CommandFactory;
    use reknit_core::client::Error;
    use reknit_core::model::when::WhenError;
    use reknit_core::view::words as never;

    /// The files themselves: every sentence stands there, so none can be forgotten.
    fn sentences() -> Vec<String> {
        let own = include_str!("words.rs").split("#[cfg(test)]").next().unwrap();
        let sources = [own, include_str!("sentence.rs")];
        let mut quoted: Vec<String> = sources
            .iter()
            .flat_map(|source| source.split('"').skip(1).step_by(2))
            .map(str::to_lowercase)
            .collect();
        let codes = [
            "pair.qr",
            "pair.sas",
            "pair.burned",
            "pair.left",
            "pair.mismatch",
            "secret.short",
            "",
        ];
        quoted.extend(codes.map(|code| by_code(code).to_lowercase()));
        help(&mut Cli::command(), &mut quoted);
        assert!(quoted.len() > 100, "{} sentences", quoted.len());
        quoted
    }

    fn help(command: &mut clap::Command, all: &mut Vec<String>) {
        let text = command.render_long_help().to_string().to_lowercase();
        // These two are words that people choose to say to each other.
        all.push(text.replace("thank-you", "").replace("good-news", ""));
        command.get_subcommands_mut().for_each(|inner| help(inner, all));
    }

    fn hold(banned: &[&str]) {
        for sentence in sentences() {
            for word in banned {
                assert!(!sentence.contains(word), "{sentence:?} holds {word:?}");
            }
        }
    }

    #[test]
    fn r30_no_sentence_promises_what_nobody_can() {
        hold(never::FALSE_PROMISES);
    }

    #[test]
    fn p14_nothing_praises() {
        hold(never::PRAISE);
    }

    #[test]
    fn r11_nothing_counts_or_blames() {
        hold(never::COUNTING);
    }

    #[test]
    fn p15_p16_absence_is_not_named() {
        hold(never::ABSENCE);
    }

    #[test]
    fn r27_the_safety_text_comes_with_people_who_help() {
        assert!(SAFETY.contains("afraid of your partner") && HELP.len() > 2);
    }

    #[test]
    fn one_is_one_and_two_are_many() {
        assert_eq!(count(1_u64, "entry", "entries"), "1 entry");
        assert_eq!(count(0_usize, "entry", "entries"), "0 entries");
        assert_eq!(unfinished(1, 0), ["1 text unfinished: `reknit journal drafts`."]);
        assert_eq!(unfinished(0, 2), ["2 texts unfinished: `reknit agreement drafts`."]);
        assert_eq!(
            who(&["Nora".to_owned()], false),
            "Nora, you are here on your own. Everything private works."
        );
    }

    #[test]
    fn every_failure_is_a_sentence() {
        let failures = [
            Failure::Client(Error::WrongSecret),
            Failure::Client(Error::NotAllowed { rule: "rule.late" }),
            Failure::Client(Error::Invalid { field: "secret", rule: "secret.short" }),
            Failure::When(WhenError::Missing),
            Failure::NoSecret,
            Failure::Offline,
        ];
        for failure in failures {
            let sentence = sentence(&failure);
            let first = sentence.chars().next().unwrap();
            assert!(first.is_uppercase() && sentence.ends_with('.'), "{sentence}");
        }
    }
}
