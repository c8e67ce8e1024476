//! Why a change, an edit or a saved document was refused.

/// Why a change from outside was set aside. Its entry stays in its author's chain, without effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Refused {
    /// More bytes than an entry carries, or more changes than one may bring.
    #[error("too many bytes or changes")]
    Size,
    /// The first four bytes are not Automerge's.
    #[error("wrong magic")]
    Magic,
    /// Not a plain change: a document, a compressed chunk, a bundle, or unknown.
    #[error("chunk type")]
    ChunkType,
    /// The stated length is not the length, or something ended early.
    #[error("wrong length")]
    Length,
    /// The checksum does not fit.
    #[error("wrong checksum")]
    Checksum,
    /// A number is not in its shortest form, or too large for its place.
    #[error("number form")]
    Number,
    /// Too many columns, an unknown, compressed, repeated, unsorted or empty one, or one that is missing.
    #[error("columns")]
    Column,
    /// A run is empty, could be written shorter, is longer than its data, or all runs pass the bound.
    #[error("run lengths")]
    Run,
    /// The columns have different lengths.
    #[error("uneven columns")]
    Uneven,
    /// A value's type, length or form.
    #[error("value")]
    Value,
    /// Text that is not UTF-8.
    #[error("not UTF-8")]
    Utf8,
    /// A map key is empty, above 256 bytes, holds a NUL, or is not in normal form C.
    #[error("map key")]
    Key,
    /// Too many changes named as seen, repeated or unsorted.
    #[error("dependencies")]
    Dependencies,
    /// Too many actors, one that is not 16 bytes, repeated, unsorted, or named by no operation.
    #[error("actors")]
    Actors,
    /// The change carries a commit message.
    #[error("commit message")]
    Message,
    /// Bytes after the last column.
    #[error("extra bytes")]
    Extra,
    /// The change has no operation.
    #[error("no operations")]
    Empty,
    /// The actor is not the signing device's.
    #[error("actor of another device")]
    Actor,
    /// Not the next change of this actor.
    #[error("sequence number")]
    Sequence,
    /// A change named as seen is unknown, void, or not in the entry's causal past.
    #[error("unknown dependency")]
    UnknownDep,
    /// The author's own previous change is not among what this change has seen.
    #[error("own past left out")]
    OwnPast,
    /// The first operation's counter is not one more than all it has seen, or too high.
    #[error("operation counter")]
    StartOp,
    /// More operations than one entry may bring.
    #[error("too many operations")]
    Items,
    /// Its author has written as much into this document as one device may.
    #[error("the author's share of the document is full")]
    Full,
    /// An operation names an actor outside the table.
    #[error("actor index")]
    ActorIndex,
    /// An action that this kind of document does not have.
    #[error("action not allowed")]
    Action,
    /// An operation on an object that does not exist in its causal past.
    #[error("unknown object")]
    UnknownObject,
    /// A map operation on a text, or the reverse.
    #[error("wrong kind of object")]
    ObjectKind,
    /// A text position that does not exist in the causal past, or in another object.
    #[error("unknown text position")]
    Element,
    /// What an operation overwrites is missing, of another place, already overwritten, or left out.
    #[error("overwritten operations")]
    Overwritten,
    /// Maps nested deeper than 16.
    #[error("nested too deep")]
    Depth,
    /// A known field with another form than its own.
    #[error("field form")]
    Field,
    /// It passed every rule and Automerge still failed on it: a bug of ours or of Automerge.
    #[error("the document library failed on it")]
    Apply,
}

impl Refused {
    /// The stable code: one for all, so that a refusal teaches an attacker nothing.
    pub const fn code(self) -> &'static str {
        "doc.refused"
    }

    /// What a person reads.
    pub const fn sentence(self) -> &'static str {
        "A change from your partner's device could not be read and was set aside. Nothing of yours is affected."
    }
}

/// Why an edit of one's own was not made. The document is unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// This kind of document has no such field.
    #[error("this kind of document has no such field")]
    Field,
    /// A title or text above its bound.
    #[error("the text is too long")]
    TooLong,
    /// A tag is empty, too long, holds a NUL, or there are too many.
    #[error("a tag is not allowed")]
    Tag,
    /// This device has written as much into this document as one may.
    #[error("this document is full")]
    Full,
    /// Our own gate refuses what the edit made: a bug of ours.
    #[error("the edit does not pass its own gate")]
    Gate(Refused),
    /// The document library failed; the document is as before.
    #[error("the document library failed")]
    Library,
    /// As [`Starved`].
    #[error("there is too little memory at the moment")]
    Starved,
}

/// The system has too little memory at the moment to look at a document. Nothing was judged, taken in or lost: it is
/// to be tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is too little memory at the moment")]
pub struct Starved;

/// Why saved bytes are not a document. The entries are the truth: rebuild from them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// Saved by a newer version.
    #[error("saved by a newer version")]
    Version,
    /// Another kind of document than asked for.
    #[error("another kind of document")]
    Kind,
    /// Damaged bytes.
    #[error("the saved document is damaged")]
    Damaged,
    /// As [`Starved`]: the bytes may be whole.
    #[error("there is too little memory at the moment")]
    Starved,
}
