//! A relay that lost something: how it shows. What follows is in `Output::Forgot`.

use wire::id::StoreId;

use super::output::Cursor;

/// How a relay's loss shows. None of it is an error of this device; receipts from before stay as evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amnesia {
    /// Another database counts now: restored from a backup, or moved.
    OtherStore,
    /// Its log ends before what this device has seen.
    Shorter,
    /// At the same position its log is another one.
    Different,
}

/// Compares what the relay says at sign-in with what this device has seen, and with the newest position that a receipt
/// names. `None`: it remembers, or it was never met.
pub(super) fn judge(seen: Cursor, promised: u64, told: Cursor) -> Option<Amnesia> {
    if seen.store == StoreId::ZERO {
        None
    } else if told.store != seen.store {
        Some(Amnesia::OtherStore)
    } else if told.n < seen.n.max(promised) {
        Some(Amnesia::Shorter)
    } else if told.n == seen.n && told.running != seen.running {
        Some(Amnesia::Different)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::id::RunningHash;

    const fn cursor(store: u8, n: u64, running: u8) -> Cursor {
        Cursor {
            store: StoreId::from_bytes([store; 16]),
            n,
            running: RunningHash::from_bytes([running; 32]),
        }
    }

    #[test]
    fn f31_another_store_id_is_amnesia() {
        assert_eq!(judge(cursor(1, 3, 3), 3, cursor(2, 9, 9)), Some(Amnesia::OtherStore));
        assert_eq!(judge(cursor(1, 0, 0), 0, cursor(2, 0, 0)), Some(Amnesia::OtherStore));
    }

    #[test]
    fn f33_a_restored_relay_is_seen_without_a_new_store_id() {
        assert_eq!(judge(cursor(1, 3, 3), 3, cursor(1, 2, 2)), Some(Amnesia::Shorter));
        assert_eq!(judge(cursor(1, 3, 3), 3, cursor(1, 3, 4)), Some(Amnesia::Different));
        assert_eq!(judge(cursor(1, 3, 3), 9, cursor(1, 8, 7)), Some(Amnesia::Shorter));
    }

    #[test]
    fn a_relay_that_remembers_or_was_never_met_is_no_amnesia() {
        assert_eq!(judge(cursor(1, 3, 3), 3, cursor(1, 3, 3)), None);
        assert_eq!(judge(cursor(1, 3, 3), 3, cursor(1, 8, 7)), None);
        assert_eq!(judge(Cursor::NONE, 0, cursor(1, 8, 7)), None);
    }
}
