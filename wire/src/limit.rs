//! Every bound of the protocol, with its reason.

/// A sealed envelope, all of it: what one frame carries.
pub const ENVELOPE_BYTES_MAX: usize = 1_048_576;
/// A signed entry before sealing: an envelope less its header, tag and the first padding byte.
pub const ENTRY_BYTES_MAX: usize = 1_048_495;
/// The body of a frame: an envelope and what stands beside it.
pub const FRAME_BODY_BYTES_MAX: usize = 1_048_656;
/// A relay address, `HOST:PORT`.
pub const ADDRESS_BYTES_MAX: usize = 300;
/// Slots for wraps in a control item: ten devices and two recovery phrases. Always all there.
pub const WRAPS: usize = 12;
/// A wrapped epoch key: encapsulated key 1,120 and sealed key 48.
pub const WRAP_BYTES: usize = 1_168;
/// A rung of the ladder: salt 24 and sealed key 48.
pub const LADDER_BYTES: usize = 72;
/// Devices of one person in one space at a time.
pub const DEVICES_PER_PERSON_MAX: usize = 5;
/// Devices of one person in one space over all time.
pub const DEVICES_PER_PERSON_EVER_MAX: usize = 64;
/// A message of the pairing mailbox.
pub const MAIL_BYTES_MAX: usize = 32_768;
/// Messages in one pairing mailbox.
pub const MAIL_MESSAGES_MAX: usize = 10;
/// Bytes in one pairing mailbox.
pub const MAILBOX_BYTES_MAX: usize = 65_536;
/// A pairing mailbox lives this long.
pub const MAILBOX_SECONDS: u64 = 600;
/// Leaves under one signed receipt root: the largest group commit.
pub const RECEIPT_LEAVES_MAX: usize = 256;
/// Siblings on the way from a leaf to the root of 256 leaves.
pub const RECEIPT_SIBLINGS_MAX: usize = 8;
/// The sealed body of a control item, tag included: at least this, so that all items look alike.
pub const CONTROL_BODY_BYTES_MIN: usize = 4_096;
/// The sealed body of a control item, at most: a Genesis of two persons is about 6 KB.
pub const CONTROL_BODY_BYTES_MAX: usize = 65_536;
/// A control item less its body: head, salt, commitment, length, ladder and wraps.
pub const CONTROL_FIXED_BYTES: usize = 104 + 4 + LADDER_BYTES + WRAPS * WRAP_BYTES;
/// A whole control item.
pub const CONTROL_ITEM_BYTES_MAX: usize = CONTROL_FIXED_BYTES + CONTROL_BODY_BYTES_MAX;
/// What one pull may ask for at most: more is clamped, so that one answer holds a bounded part of the relay's memory.
pub const PULL_BYTES_MAX: u64 = 1_048_576;
/// Access principals of one space: the two persons.
pub const PRINCIPALS_MAX: usize = 2;
