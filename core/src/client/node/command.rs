//! The closed list of what an app can ask, and what it is answered.

use crate::client::node::check::Checked;
use crate::client::node::draft::Draft;
use crate::document::{DocumentKind, Edit};
use crate::membership::SpaceKind;
use crate::model::Event;
use crate::model::id::{DocumentId, EntryId};
use crate::model::person::Name;
use core::fmt;
use wire::address::AddressLine;

/// What an app can ask. Reading is not here: lists and texts are read from the session.
pub enum Command {
    /// Sets what this person is called; told to the other as soon as there is one.
    SetName(Name),
    /// Sets the relay of a space, on this device. What the one before held is brought there; whom one shares with sets
    /// it too.
    UseRelay(SpaceKind, AddressLine),
    /// Says something to the other person.
    Tell(Event),
    /// Starts a document: a journal entry in the private space, an agreement in the shared one.
    NewDocument(DocumentKind, Edit),
    /// Changes a document.
    EditDocument(DocumentId, Edit),
    /// Deletes a journal entry on every own device.
    DeleteDocument(DocumentId),
    /// Makes what is being typed durable, in place of what was kept of this document before.
    KeepDraft(DocumentId, Draft),
    /// Drops what was kept of a document.
    DropDraft(DocumentId),
    /// Makes one change of what was typed, of a new document if it is not here; what was kept goes with it, and what
    /// came from elsewhere meanwhile stays.
    CloseDraft(DocumentId, Draft),
    /// Invites a partner, or an own device.
    Invite {
        /// Whom.
        whom: Whom,
        /// By eight digits instead of a code that holds a secret.
        digits: bool,
    },
    /// Follows an invitation.
    Join(Invited),
    /// The number that the other phone shows, as typed.
    TypeNumber(String),
    /// Gives up a pairing that is under way.
    StopPairing,
    /// Compares with what a phone side by side shows of the space of this kind: its two numbers, or its code.
    Check(SpaceKind, String),
    /// Takes in all that the other person sent, though it is more than one may send in a day.
    TakeAll,
}

/// Whom an invitation is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whom {
    /// The partner.
    Partner,
    /// An own new device.
    Device,
}

/// How an invitation came.
#[derive(Clone)]
pub enum Invited {
    /// The long code, from a picture, a file or standard input.
    Code(String),
    /// Eight digits, and the relay where they are waited for.
    Digits {
        /// As typed.
        digits: String,
        /// The inviter's relay.
        relay: AddressLine,
        /// For which of the two.
        whom: Whom,
    },
}

/// What a command came to. Whatever was written is on this device's disk.
#[derive(Clone, PartialEq, Eq)]
pub enum Answer {
    /// Done; there is nothing to name.
    Done,
    /// An event was told, under this id. It names its record if it opened one.
    Told(EntryId),
    /// A document was started or changed.
    Document(DocumentId),
    /// An invitation is open.
    Invitation {
        /// The code for the other phone: text to show as a picture or to hand over as a file, or eight digits.
        code: String,
    },
    /// What the comparison came to.
    Checked(Checked),
}

/// What a person wrote, and the secret of an invitation, are nobody's to log: only the kind is printed.
impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SetName(_) => "SetName(..)",
            Self::UseRelay(..) => "UseRelay(..)",
            Self::Tell(_) => "Tell(..)",
            Self::NewDocument(..) => "NewDocument(..)",
            Self::EditDocument(..) => "EditDocument(..)",
            Self::DeleteDocument(_) => "DeleteDocument(..)",
            Self::KeepDraft(..) => "KeepDraft(..)",
            Self::DropDraft(_) => "DropDraft(..)",
            Self::CloseDraft(..) => "CloseDraft(..)",
            Self::Invite { .. } => "Invite(..)",
            Self::Join(_) => "Join(..)",
            Self::TypeNumber(_) => "TypeNumber(..)",
            Self::StopPairing => "StopPairing",
            Self::Check(..) => "Check(..)",
            Self::TakeAll => "TakeAll",
        })
    }
}

impl fmt::Debug for Invited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Invited(..)")
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Done => "Done",
            Self::Told(_) => "Told(..)",
            Self::Document(_) => "Document(..)",
            Self::Invitation { .. } => "Invitation(..)",
            Self::Checked(_) => "Checked(..)",
        })
    }
}
