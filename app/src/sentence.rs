//! What failures say: one sentence each that a person can act on, kind and plain as those in `words`.

use crate::failure::Failure;
use reknit_core::client::Error;
use reknit_core::model::{Rule, TextError};

const TAG: &str = "A tag has 1 to 40 characters, and an entry at most 16 tags.";

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
        Failure::TwoOpeners => "Please give a secret or a key, not both.",
        Failure::KeyFile => "The file with the key cannot be read.",
        Failure::KeyForm => "A key is 64 hexadecimal digits.",
        Failure::SecretForm => "The secret is not a text in UTF-8.",
        Failure::SecretsDiffer => "The two were different; please start again.",
        Failure::NoText => {
            "Please give the words: as an argument, with --file FILE, with - for standard input, or set EDITOR."
        }
        Failure::TextFile => "The text cannot be read.",
        Failure::TextForm => "The text is not in UTF-8.",
        Failure::Editor => "The editor ended with an error; nothing was changed.",
        Failure::EditorFile => "No private folder could be made for the editor.",
        Failure::EditorOpen => {
            "This text is open in another editor on this device. Close that one first."
        }
        Failure::NothingWritten => "Nothing was written, so nothing was saved.",
        Failure::OtherKind => "This id names something of another kind.",
        Failure::CodeFile => "The file with the code cannot be read or written.",
        Failure::InputEnded => {
            "Something must be typed here, and the input has ended. Start again on a terminal."
        }
        Failure::Stopped => "Stopped; nothing was changed.",
        Failure::Offline => {
            "The relay was not reached in time. What you wrote is on this device and will be sent later."
        }
        Failure::Broken => {
            "Some of what is stored here could not be proved: it was changed or damaged."
        }
        Failure::Differs => {
            "These two phones hold different histories. Keep both, and run `verify --export FILE` on each."
        }
        Failure::ExportFile => "The file for the evidence is there already, or cannot be written.",
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
        Error::NoVault => {
            "There is nothing here yet. Start with `reknit init`; on another device of yours, with `reknit join`."
                .to_owned()
        }
        Error::NotPaired => {
            "Your partner is not here yet. Invite them with `reknit invite --partner`.".to_owned()
        }
        Error::NoRelay => "No relay is set. Set one with `reknit use-relay`.".to_owned(),
        Error::Exists
        | Error::WrongSecret
        | Error::Busy
        | Error::NotFound
        | Error::Ambiguous
        | Error::Memory
        | Error::NeedsUpgrade
        | Error::Storage => finished(&error.to_string()),
        Error::Damaged { code } => match *code {
            "store.private" | "store.crowded" | "vault.keys" | "vault.device" => by_code(code),
            _ => finished(&error.to_string()),
        },
    }
}

/// The sentences of codes whose error carries no more than the code.
pub(crate) fn by_code(code: &str) -> String {
    let sentence = match code {
        "secret.short" => "At least 6 characters.",
        "secret.long" => "At most 1,024 bytes.",
        "text.long" => return finished(&TextError::Bytes.to_string()),
        "tag.form" => TAG,
        "quota.day" => {
            "You have written as much today as one may send in a day. Please go on tomorrow."
        }
        "record.full" => "This has grown too large to go on. Please start a new one.",
        "doc.full" => "This text has grown too large to go on. Please start a new one.",
        "pair.form" => "The code has 8 digits.",
        "pair.number" => "The number has 6 digits.",
        "pair.left" => "The other phone ended the pairing. Start again on both.",
        "check.code" => "This is neither two numbers nor a code of `check`.",
        "check.space" => "That phone does not share this space.",
        "pair.burned" => "Too many wrong tries. Start again on the other phone.",
        "pair.expired" => "This invitation has expired. Start again on the other phone.",
        "pair.already" => "The two of you are paired already.",
        "pair.used" => "This was used before. Start again on the other phone.",
        "pair.sas" => {
            "The numbers do not match. Someone may be in between, or a digit is wrong. Start again."
        }
        "pair.qr" => "This is not a code for this; please ask for a new one on the other phone.",
        "device.waiting" => {
            "This device is not let in yet, or not any more. Run `reknit sync`, then look at your other device."
        }
        "device.copied" => {
            "Another copy of this device goes on under its name, and this one takes no new words. Join with a new vault."
        }
        "store.rebuilding" => {
            "What was damaged here is being fetched again. Run `reknit sync` first; then this can be written."
        }
        "store.private" => {
            "Nothing that is left here says where your private space lies. Nothing was deleted: the damaged store is set aside \
             beside it. Choose another folder with `--home`, and join there from another device of yours with `reknit join`."
        }
        "store.crowded" => {
            "What is stored here is damaged again, and 16 damaged stores are set aside already. Nothing was touched. Please \
             have a look at this disk, and move the folders that end in .aside- and a number elsewhere."
        }
        "vault.keys" | "vault.device" => {
            "The keys of this device cannot be read any more. Nothing was deleted or changed. Choose another folder with \
             `--home`, and join there from another device of yours with `reknit join`."
        }
        "wrap.bad" => {
            "The key for what is written now has not reached this device. Run `reknit sync`."
        }
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
