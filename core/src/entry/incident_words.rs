//! Incidents, as a person reads them. They accuse nobody: what was found, what may cause it, what is not affected.

use super::incident::Incident;

const FORK: &str = "Two different texts came from the same place. Both are kept. A damaged or changed \
    copy of the app can cause this; so can intent.";
const STATE_MISMATCH: &str = "A change to devices does not fit what this device knows and had no effect. One of \
    the apps may be newer, or was changed.";
const REFUSED_CHANGE: &str = "A change from your partner's device could not be read and was set aside. Nothing \
    of yours is affected.";
const CHECK_DIFFERS: &str = "Side by side, your two phones hold different histories. The relay, or one of the \
    apps, was changed or restored.";
const POISON: &str = "The app ended twice while it read a change, which was set aside. Nothing of yours \
    is affected. It is tried again after an update.";
const DEVICE_RESTORED: &str = "This device was restored from a copy, or copied. Nothing is lost: it has taken in \
    what it had written since, and goes on under a new beginning.";
const DEVICE_COPIED: &str = "Another copy of this device goes on under its name. If you did not restore a \
    copy yourself, remove this device and add it anew.";
const STORE_DAMAGED: &str = "What this device had stored was damaged, as disks do. It is set aside as it is; what could \
    be read there, and what the relay holds, is here again.";
const DOCUMENT_FULL: &str = "A text has grown larger than one device may make it. The change was set aside; \
    your own edits go on.";
const RECORD_FULL: &str = "More was said about one thing than one device may say. It was set aside; what was \
    said before stays.";

impl Incident {
    /// What a person reads.
    pub const fn sentence(&self) -> &'static str {
        match self {
            Self::Fork { .. } => FORK,
            Self::FrontierMismatch { .. } => {
                "A device has another history than this one. It was changed or restored."
            }
            Self::RefusedEntry { error, .. } => error.sentence(),
            Self::UnreadableEnvelope { .. } => "A message could not be opened and was set aside.",
            Self::WaitingRoomFull { .. } => {
                "Many messages wait for others that have not arrived. They are fetched again later."
            }
            Self::MissingEntry { .. } => {
                "A message is mentioned that no device has. Nothing of yours is affected."
            }
            Self::VoidOp { .. } => "A change to devices was not valid and had no effect.",
            Self::StateMismatch { .. } => STATE_MISMATCH,
            Self::BadWrap { .. } => "Your key for new messages did not arrive. Asking again.",
            Self::RefusedChange { .. } => REFUSED_CHANGE,
            Self::RefusedEvent { .. } => "A message was not valid and had no effect.",
            Self::RelayReceipt { .. } => {
                "The relay's receipt is not valid. What it confirmed counts as not sent."
            }
            Self::RelayHistory { .. } => {
                "The relay shows another history than it confirmed. It was changed or restored."
            }
            Self::RelayForgot { .. } => {
                "The relay has forgotten messages. This device gives it what is missing."
            }
            Self::RelayFork { .. } => {
                "The relay confirmed two different histories at one place. It was changed or restored."
            }
            Self::CheckDiffers { .. } => CHECK_DIFFERS,
            Self::RelayPrincipals => {
                "The relay knows you by a key that is not yours. It was changed or restored."
            }
            Self::Poison { .. } => POISON,
            Self::DeviceRestored { .. } => DEVICE_RESTORED,
            Self::DeviceCopied { .. } => DEVICE_COPIED,
            Self::StoreDamaged { .. } => STORE_DAMAGED,
            Self::DocumentFull { .. } => DOCUMENT_FULL,
            Self::RecordFull { .. } => RECORD_FULL,
            Self::Bulk { .. } => {
                "Much more than usual waits for you. The rest comes tomorrow, or when you take it."
            }
            Self::AsideFull { .. } => {
                "Much could not be read and was set aside. What still comes of it is counted only."
            }
            Self::Unlisted { .. } => "More of the same happened and is counted only.",
        }
    }
}
