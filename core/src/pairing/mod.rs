//! Two phones meet: a device of the same person, or the partner. Sans-io; all keys cross only sealed.
//!
//! [`Invite`] and [`Join`] are driven alike: hand in what comes (`handle_*`), carry out what [`Output`] asks, in order.
//! The box at the relay is reached with `MailPut` and `MailGet` for `invitation().rid`, without signing in.
//!
//! ```text
//! caller, both sides          on Put: MailPut, then handle_stored(idx) when MailStored comes; on `mail.conflict`
//!                             handle_conflict(), on `mail.gone` handle_gone(); on Get{from}: MailGet again and again,
//!                             each Mail to handle_mail(idx, bytes, now), until the next Get, Done or Burned;
//!                             after a lost connection handle_reconnected(); at poll_timeout() handle_timeout(now)
//! a person                    ShowNumber -> show it; AskNumber -> handle_typed(what they typed)
//!
//! own device   I  Invite::new .. handle_typed(typed, keys)    Admit{device, th}   -> append AddDevice
//!                 admitted(welcome)                           Done
//!              J  Join::new(Joiner::Device(keys)) ..          Meet{inviter, ..}   -> enter(keys)
//!                                                             Welcomed{welcome}   -> pull, fold, compare; Done
//!
//! partner      I  Invite::new .. handle_typed(typed, keys)    Draft{partner, home, th}  -> draft and sign Genesis
//!                 drafted(body, wraps)                        Assemble{signature}       -> seal item, create space
//!                 founded(receipt)                            Done
//!              J  Join::new(Joiner::Partner(card)) ..         Meet{inviter, home}       -> agree(acc, adm)
//!                                                             CheckGenesis{body, wraps} -> signed(signature)
//!                                                             Founded{receipt}, Done; or AwaitSpace
//! ```
//! Invariants: three wrong numbers, a second answer, a stop or any mismatch burn the invitation, and an empty message
//! tells the other side so; the welcome leaves only after the joiner's number was typed by someone who also gave the app secret; a number is typed, never compared
//! by eye. Both `Card`s and the joiner's device are checked here: canonical, torsion-free keys, proofs of possession.
//! What a Genesis or a control log says is for `membership`; the caller joins the two.
//! Sources: RFC 9180 (HPKE), Vaudenay 2005 (commit, then reveal, then compare), `docs/protocol.md`.

mod base32;
mod card;
mod digits;
mod error;
mod invitation;
mod invite;
mod join;
mod limit;
mod mailbox;
mod output;
#[cfg(test)]
mod tests;
mod transcript;
mod welcome;

pub use base32::{decode as base32_decode, encode as base32_encode};
pub use card::{Card, Partner};
pub use digits::Digits;
pub use error::{InvitationError, NotAsked, PairError, TypedError};
pub use invitation::{Invitation, Mode, Way};
pub use invite::{Invite, Inviter};
pub use join::{Join, Joiner};
pub use output::{DeviceWelcome, Output};

use limit::{NUMBER_TRIES, PAIRING_TIME};
