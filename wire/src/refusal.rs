//! Why the relay says no: one closed list, with a number, a code that never changes, and a sentence for a person.

use crate::codec::{DecodeError, Reader, Writer};

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $code:literal;)*) => {
        /// Why a request was refused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Reason {
            $($(#[$doc])* $name = $number,)*
        }

        impl Reason {
            /// Every reason.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The reason of this number.
            pub const fn from_u16(number: u16) -> Option<Self> {
                match number {
                    $($number => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// The stable code.
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }
        }
    };
}

reasons! {
    /// A frame is larger than allowed.
    WireTooBig = 1, "wire.too_big";
    /// A frame ended early.
    WireShort = 2, "wire.short";
    /// A frame has bytes left over.
    WireTrailing = 3, "wire.trailing";
    /// No common version (argument: lowest * 256 + highest of the relay), or an unknown critical frame (argument 0).
    WireVersion = 4, "wire.version";
    /// A frame is not in its one standard form.
    WireForm = 5, "wire.form";
    /// A list is longer than allowed.
    WireCount = 6, "wire.count";
    /// The request does not fit the state of its stream.
    Form = 7, "form";
    /// Not signed in for this space.
    AuthRequired = 16, "auth.required";
    /// The sign-in, or the creation of a space, is refused. The same for an unknown space, on purpose.
    AuthBad = 17, "auth.bad";
    /// An old access key may only read and append control items.
    AuthOldKey = 18, "auth.old_key";
    /// Another control item stands at this place (argument: the number of items held).
    Conflict = 32, "conflict";
    /// The envelope's epoch is not the space's latest (argument: the latest).
    StaleEpoch = 33, "stale_epoch";
    /// The position does not exist (argument: the newest).
    Range = 34, "range";
    /// Storage for this person or space is full (argument: its limit in bytes).
    Quota = 48, "quota";
    /// Too many requests (argument: milliseconds until one more is allowed).
    Rate = 49, "rate";
    /// The relay is busy (argument: milliseconds to wait).
    Busy = 50, "busy";
    /// The relay's disk is full.
    NoSpace = 51, "no_space";
    /// The client was too slow to send or to read; it reconnects and pulls.
    Slow = 52, "slow";
    /// The relay goes away for a while (argument: milliseconds to wait before dialing again).
    Away = 53, "away";
    /// The length of an envelope or item is none that honest sealing makes.
    EnvelopeSize = 64, "env.size";
    /// The version, suite, class or a flag of an envelope or item is unknown, or does not belong there.
    EnvelopeSuite = 65, "env.suite";
    /// The mailbox does not exist any more, or never did.
    MailGone = 80, "mail.gone";
    /// The mailbox holds as many messages or bytes as it may.
    MailFull = 81, "mail.full";
    /// Another message stands at this place of the mailbox, or one before it is missing.
    MailConflict = 82, "mail.conflict";
}

/// A reason with its one argument; what the argument means stands at each [`Reason`], otherwise it is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
    /// The one number that belongs to it.
    pub argument: u64,
}

impl Refusal {
    /// A refusal whose argument means nothing.
    pub const fn plain(reason: Reason) -> Self {
        Self { reason, argument: 0 }
    }

    /// Appends number and argument.
    pub fn encode(self, writer: &mut Writer) -> &mut Writer {
        writer.u16(self.reason as u16).u64(self.argument)
    }

    /// Reads number and argument.
    ///
    /// # Errors
    /// [`DecodeError::Version`] for a number that this program does not know, [`DecodeError::Short`].
    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let reason = Reason::from_u16(reader.u16()?).ok_or(DecodeError::Version)?;
        Ok(Self { reason, argument: reader.u64()? })
    }

    /// One sentence that a person can act on.
    pub fn sentence(self) -> String {
        let argument = self.argument;
        match self.reason {
            Reason::WireTooBig => "Message larger than 1 MiB. Connection closed.".to_owned(),
            Reason::WireShort => "Message ended early.".to_owned(),
            Reason::WireTrailing => "Unexpected extra bytes.".to_owned(),
            Reason::WireVersion if argument == 0 => {
                "This needs a newer version of the app.".to_owned()
            }
            Reason::WireVersion => {
                format!("No common version. Relay speaks {}-{}.", argument >> 8, argument & 0xff)
            }
            Reason::WireForm => "Message not in standard form.".to_owned(),
            Reason::WireCount => "List longer than allowed.".to_owned(),
            Reason::Form => "This request does not belong here.".to_owned(),
            Reason::AuthRequired => "Not signed in.".to_owned(),
            Reason::AuthBad => "Sign-in refused.".to_owned(),
            Reason::AuthOldKey => "This device was removed or needs to catch up first.".to_owned(),
            Reason::Conflict => "Someone else changed membership first.".to_owned(),
            Reason::StaleEpoch => "The keys of this space have changed. Catching up.".to_owned(),
            Reason::Range => format!("Nothing there. Latest is {argument}."),
            Reason::Quota => {
                format!("The space at the relay is full: {} MiB.", argument / 1_048_576)
            }
            Reason::Rate => {
                format!("Too many requests. Try again in {} s.", argument.div_ceil(1_000))
            }
            Reason::Busy => {
                format!("The relay is busy. Try again in {} s.", argument.div_ceil(1_000))
            }
            Reason::NoSpace => "The relay has no room left. Nothing is lost here.".to_owned(),
            Reason::Slow => "The connection was too slow and was closed.".to_owned(),
            Reason::Away => {
                format!("The relay restarts. Trying again in {} s.", argument.div_ceil(1_000))
            }
            Reason::EnvelopeSize => "Damaged message.".to_owned(),
            Reason::EnvelopeSuite => "Made by a newer app. Please update.".to_owned(),
            Reason::MailGone => "This invitation is no longer there.".to_owned(),
            Reason::MailFull => "This invitation cannot take more messages.".to_owned(),
            Reason::MailConflict => "Someone else answered this invitation.".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_reads_back_and_has_its_own_code_and_a_sentence() {
        let mut codes: Vec<_> = Reason::ALL.iter().map(|reason| reason.code()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Reason::ALL.len());
        for reason in Reason::ALL {
            let refusal = Refusal { reason: *reason, argument: 5_000 };
            assert!(refusal.sentence().ends_with('.'));
            let mut writer = Writer::new();
            refusal.encode(&mut writer);
            assert_eq!(Refusal::decode(&mut Reader::new(writer.as_slice())), Ok(refusal));
        }
    }

    #[test]
    fn an_unknown_reason_was_made_by_a_newer_version() {
        for number in [0, 8, 83, 65_535] {
            let mut writer = Writer::new();
            writer.u16(number).u64(0);
            let read = Refusal::decode(&mut Reader::new(writer.as_slice()));
            assert_eq!(read, Err(DecodeError::Version));
        }
    }

    #[test]
    fn waiting_times_are_said_in_seconds() {
        let refusal = Refusal { reason: Reason::Rate, argument: 4_001 };
        assert_eq!(refusal.sentence(), "Too many requests. Try again in 5 s.");
    }
}
