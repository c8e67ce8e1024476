//! The relay's signed word that something is durable, and the tree that lets one signature cover a group commit.
//!
//! Leaves are SHA-256(`leaf` ‖ body) in commit order; a pair makes SHA-256(`node` ‖ left ‖ right); an odd last node
//! moves up as it is. The relay signs `rcpt` ‖ relay id ‖ root ‖ count.

use crate::codec::{DecodeError, Reader, Writer};
use crate::hash::{LEAF, NODE, RCPT, hash};
use crate::id::{RelayId, RunningHash, SpaceHandle, StoreId};
use crate::limit::{RECEIPT_LEAVES_MAX, RECEIPT_SIBLINGS_MAX};
use crate::time::Timestamp;

/// Which log a receipt speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReceiptKind {
    /// The data log: `n` is a position, `id` an envelope id, `running` is `R_n`.
    Data = 1,
    /// The control log: `n` is an idx, `id` an item hash, `running` the hash of the item before.
    Control = 2,
}

/// What the relay states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiptBody {
    /// Which log.
    pub kind: ReceiptKind,
    /// Which space.
    pub sid: SpaceHandle,
    /// Which database of the relay.
    pub store: StoreId,
    /// The position, or the idx.
    pub n: u64,
    /// `R_n`, or the hash of the item before.
    pub running: RunningHash,
    /// The envelope id, or the item hash.
    pub id: [u8; 32],
    /// When, by the relay's clock.
    pub relay_ms: Timestamp,
}

impl ReceiptBody {
    /// The length of a body.
    pub const BYTES: usize = 113;

    /// Appends the body.
    pub fn encode(&self, writer: &mut Writer) {
        writer
            .u8(self.kind as u8)
            .bytes(self.sid.as_bytes())
            .bytes(self.store.as_bytes())
            .u64(self.n)
            .bytes(self.running.as_bytes())
            .bytes(&self.id)
            .u64(self.relay_ms.as_millis());
    }

    /// Reads a body.
    ///
    /// # Errors
    /// [`DecodeError::Short`], or [`DecodeError::Form`] for a kind that does not exist.
    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let kind = match reader.u8()? {
            1 => ReceiptKind::Data,
            2 => ReceiptKind::Control,
            _ => return Err(DecodeError::Form),
        };
        Ok(Self {
            kind,
            sid: SpaceHandle::from_bytes(reader.array()?),
            store: StoreId::from_bytes(reader.array()?),
            n: reader.u64()?,
            running: RunningHash::from_bytes(reader.array()?),
            id: reader.array()?,
            relay_ms: Timestamp::from_millis(reader.u64()?),
        })
    }

    /// The leaf of this body in the tree.
    pub fn leaf(&self) -> [u8; 32] {
        let mut writer = Writer::with_capacity(Self::BYTES);
        self.encode(&mut writer);
        hash(LEAF, &[writer.as_slice()])
    }
}

/// A body, its path to the root, and the relay's signature of the root. Whoever holds the relay's key can check it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// What is stated.
    pub body: ReceiptBody,
    /// Place among the leaves.
    pub index: u16,
    /// How many leaves.
    pub count: u16,
    /// Siblings on the way to the root, from below.
    pub siblings: Vec<[u8; 32]>,
    /// The relay's Ed25519 signature over [`Receipt::signed_bytes`].
    pub signature: [u8; 64],
}

impl Receipt {
    /// Appends the receipt.
    pub fn encode<'w>(&self, writer: &'w mut Writer) -> &'w mut Writer {
        self.body.encode(writer);
        writer.u16(self.index).u16(self.count).count8(self.siblings.len());
        for sibling in &self.siblings {
            writer.bytes(sibling);
        }
        writer.bytes(&self.signature)
    }

    /// Reads a receipt. Index, count and the number of siblings must fit each other.
    ///
    /// # Errors
    /// [`DecodeError`] of the field.
    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let body = ReceiptBody::decode(reader)?;
        let (index, count) = (reader.u16()?, reader.u16()?);
        if usize::from(count) > RECEIPT_LEAVES_MAX {
            return Err(DecodeError::Count { max: RECEIPT_LEAVES_MAX });
        }
        if index >= count {
            return Err(DecodeError::Form);
        }
        let siblings_len = reader.list8(RECEIPT_SIBLINGS_MAX, 32)?;
        let siblings = (0..siblings_len).map(|_| reader.array()).collect::<Result<Vec<_>, _>>()?;
        let signature = reader.array()?;
        let receipt = Self { body, index, count, siblings, signature };
        if receipt.climb().is_none() {
            return Err(DecodeError::Form);
        }
        Ok(receipt)
    }

    /// The root that the body and the path lead to. Meaningless for a path that does not fit index and count, which
    /// [`Receipt::decode`] never lets in.
    pub fn root(&self) -> [u8; 32] {
        self.climb().unwrap_or_default()
    }

    /// What the relay signs.
    pub fn signed_bytes(&self, relay: RelayId) -> Vec<u8> {
        root_bytes(relay, &self.root(), self.count)
    }

    fn climb(&self) -> Option<[u8; 32]> {
        let mut node = self.body.leaf();
        let mut siblings = self.siblings.iter();
        let (mut index, mut width) = (self.index, self.count);
        while width > 1 {
            if index % 2 == 1 {
                node = hash(NODE, &[siblings.next()?, &node]);
            } else if index + 1 < width {
                node = hash(NODE, &[&node, siblings.next()?]);
            }
            index /= 2;
            width = width.div_ceil(2);
        }
        siblings.next().is_none().then_some(node)
    }
}

/// What the relay signs for one group commit.
pub fn root_bytes(relay: RelayId, root: &[u8; 32], count: u16) -> Vec<u8> {
    [RCPT.as_bytes(), relay.as_bytes().as_slice(), root, &count.to_be_bytes()].concat()
}

/// The tree over the leaves of one group commit.
#[derive(Clone, Debug)]
pub struct ReceiptTree {
    levels: Vec<Vec<[u8; 32]>>,
}

impl ReceiptTree {
    /// Builds the tree. No leaves make a zero root.
    pub fn new(leaves: Vec<[u8; 32]>) -> Self {
        let mut levels = Vec::new();
        let mut level = leaves;
        while level.len() > 1 {
            let next = level
                .chunks(2)
                .map(|pair| match pair {
                    [left, right] => hash(NODE, &[left, right]),
                    odd => odd.first().copied().unwrap_or_default(),
                })
                .collect();
            levels.push(core::mem::replace(&mut level, next));
        }
        levels.push(level);
        Self { levels }
    }

    /// The root.
    pub fn root(&self) -> [u8; 32] {
        self.levels.last().and_then(|level| level.first()).copied().unwrap_or_default()
    }

    /// The siblings on the way from leaf `index` to the root.
    pub fn siblings(&self, index: usize) -> Vec<[u8; 32]> {
        let mut at = index;
        let mut path = Vec::new();
        for level in &self.levels {
            if level.len() > 1 {
                path.extend(level.get(at ^ 1));
            }
            at /= 2;
        }
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn body(n: u64) -> ReceiptBody {
        ReceiptBody {
            kind: if n.is_multiple_of(2) { ReceiptKind::Data } else { ReceiptKind::Control },
            sid: SpaceHandle::from_bytes([1; 16]),
            store: StoreId::from_bytes([2; 16]),
            n,
            running: RunningHash::from_bytes([3; 32]),
            id: [4; 32],
            relay_ms: Timestamp::from_millis(1_750_000_000_000),
        }
    }

    fn receipts(count: u16) -> (Vec<Receipt>, [u8; 32]) {
        let tree = ReceiptTree::new((0..count).map(|i| body(u64::from(i)).leaf()).collect());
        let all = (0..count)
            .map(|i| Receipt {
                body: body(u64::from(i)),
                index: i,
                count,
                siblings: tree.siblings(usize::from(i)),
                signature: [5; 64],
            })
            .collect();
        (all, tree.root())
    }

    #[test]
    fn every_leaf_of_every_tree_leads_to_its_root() {
        for count in 1..=256 {
            let (all, root) = receipts(count);
            for receipt in all {
                assert_eq!(receipt.root(), root);
                assert!(receipt.siblings.len() <= RECEIPT_SIBLINGS_MAX);
                let mut writer = Writer::new();
                receipt.encode(&mut writer);
                let bytes = writer.into_bytes();
                let mut reader = Reader::new(&bytes);
                assert_eq!(Receipt::decode(&mut reader), Ok(receipt));
                assert_eq!(reader.end(), Ok(()));
            }
        }
    }

    #[test]
    fn one_receipt_alone_has_its_leaf_as_root() {
        let (all, root) = receipts(1);
        assert_eq!(root, body(0).leaf());
        assert_eq!(all[0].signed_bytes(RelayId::ZERO).len(), 16 + 32 + 32 + 2);
    }

    #[test]
    fn a_path_that_does_not_fit_index_and_count_is_refused() {
        let (all, _) = receipts(5);
        let mut bad = vec![all[0].clone(), all[0].clone(), all[0].clone(), all[4].clone()];
        bad[0].siblings.pop();
        bad[1].siblings.push([0; 32]);
        bad[2].index = 5;
        bad[3].siblings.push([0; 32]);
        for receipt in bad {
            let mut writer = Writer::new();
            receipt.encode(&mut writer);
            assert_eq!(
                Receipt::decode(&mut Reader::new(writer.as_slice())),
                Err(DecodeError::Form)
            );
        }
    }

    #[test]
    fn a_receipt_of_more_leaves_than_a_group_commit_is_refused() {
        let (all, _) = receipts(2);
        let mut writer = Writer::new();
        Receipt { count: 257, ..all[0].clone() }.encode(&mut writer);
        let max = RECEIPT_LEAVES_MAX;
        assert_eq!(
            Receipt::decode(&mut Reader::new(writer.as_slice())),
            Err(DecodeError::Count { max })
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_decode_panic(bytes in proptest::collection::vec(any::<u8>(), 0..500)) {
            drop(Receipt::decode(&mut Reader::new(&bytes)));
        }

        #[test]
        fn another_body_leads_to_another_root(count in 1_u16..257, pick: u16, n in 1_000_u64..2_000) {
            let (mut all, root) = receipts(count);
            let mut receipt = all.swap_remove(usize::from(pick % count));
            receipt.body.n = n;
            prop_assert_ne!(receipt.root(), root);
        }
    }
}
