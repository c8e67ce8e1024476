//! How often and how long a pairing may be tried.

use core::time::Duration;
use wire::limit::MAILBOX_SECONDS;

/// Tries for a number: a man in the middle guesses one of a million with each.
pub(super) const NUMBER_TRIES: u8 = 3;
/// A box lives ten minutes; so does everybody's patience.
pub(super) const PAIRING_TIME: Duration = Duration::from_secs(MAILBOX_SECONDS);
