//! A raw change taken apart, so that a test can break one part and put the rest together as it was.

use crate::raw_change::RawChange;

/// Magic, checksum and type.
const HEAD_BYTES: usize = 9;

impl RawChange {
    /// The parts of a plain change in order, except for its time; None for anything else.
    pub fn parse(raw: &[u8]) -> Option<Self> {
        let mut rest = raw.get(HEAD_BYTES..)?;
        leb(&mut rest)?;
        let mut deps = vec![];
        for _ in 0..number(&mut rest)?.min(64) {
            deps.push(take(&mut rest, 32)?.try_into().ok()?);
        }
        let actor = sized(&mut rest)?;
        let seq = leb(&mut rest)?;
        let start_op = leb(&mut rest)?;
        leb(&mut rest)?;
        let message = sized(&mut rest)?;
        let mut other_actors = vec![];
        for _ in 0..number(&mut rest)?.min(64) {
            other_actors.push(sized(&mut rest)?);
        }
        let mut heads = vec![];
        for _ in 0..number(&mut rest)?.min(64) {
            heads.push((number(&mut rest)?, number(&mut rest)?));
        }
        let mut columns = vec![];
        for (spec, len) in heads {
            columns.push((spec, take(&mut rest, usize::try_from(len).ok()?)?.to_vec()));
        }
        let extra = rest.to_vec();
        Some(Self { deps, actor, seq, start_op, message, other_actors, columns, extra })
    }
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(len)?;
    *rest = left;
    Some(taken)
}

/// The bytes of a LEB128 number.
fn leb(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let len = rest.iter().position(|byte| byte & 0x80 == 0)? + 1;
    take(rest, len).map(<[u8]>::to_vec)
}

fn number(rest: &mut &[u8]) -> Option<u64> {
    let bytes = leb(rest).filter(|bytes| bytes.len() < 10)?;
    Some(bytes.iter().rev().fold(0, |sum, byte| sum << 7 | u64::from(byte & 0x7f)))
}

fn sized(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let len = usize::try_from(number(rest)?).ok()?;
    take(rest, len).map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use crate::bad_change::target::Target;
    use crate::raw_change::{Op, RawChange};

    #[test]
    fn what_is_taken_apart_is_put_together_again() {
        let target = Target::new();
        for ops in [vec![Op::put(None, "new")], vec![Op::make(None, "deep", 0)]] {
            let raw = target.change(&ops).build();
            assert_eq!(RawChange::parse(&raw).map(|parts| parts.build()), Some(raw));
        }
        assert!(RawChange::parse(b"no change").is_none());
    }
}
