//! What a device wants of the log, kept until it holds: through conflicts, lost answers and restarts.
//!
//! An intent is bound to no place. Composed at the head it becomes an item *in flight*: the very same bytes are sent
//! again until the log shows what stands at their place. If that is another item, the op is given up, the intent is
//! looked at anew, and the op composed next names what was given up.

use super::action::{Action, AddDevice, JoinSpace, NewIncarnation, RemoveDevice};
use super::branch::Branch;
use super::compose::{ComposeError, Composer};
use super::log::ControlLog;
use super::merge::{Merge, Named};
use super::op::ActionBytes;
use super::outcome::{Outcome, VoidReason};
use super::table::Standing;
use crate::crypto::Random;
use crate::model::id::{EntryId, OpId};
use wire::codec::{DecodeError, Reader, Writer};
use wire::id::ItemHash;
use wire::limit::{CONTROL_ITEM_BYTES_MAX, ENVELOPE_BYTES_MAX};

/// The version of a stored intent.
const STORED_VERSION: u8 = 1;
/// Given-up ops that one op names: the newest. A device meets a conflict a few times a year.
const ABANDONS_MAX: usize = 64;

/// What shall be so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Want {
    /// This device is in.
    AddDevice(AddDevice),
    /// These devices are out.
    RemoveDevices(Vec<RemoveDevice>),
    /// This shared space is pinned.
    JoinSpace(JoinSpace),
    /// There is an epoch after this one.
    Rekey {
        /// The epoch to leave.
        after: u32,
    },
    /// A device's chain begins anew.
    NewIncarnation(NewIncarnation),
    /// Another key stands in for the one that did not arrive.
    Reject {
        /// Where the op stands that brought it.
        idx: u32,
    },
    /// These ops are known.
    Branch(Branch),
    /// This branch counts.
    Merge(Merge),
}

impl Want {
    fn action(&self) -> Action {
        match self {
            Self::AddDevice(add) => Action::AddDevice(add.clone()),
            Self::RemoveDevices(removals) => Action::RemoveDevices(removals.clone()),
            Self::JoinSpace(join) => Action::JoinSpace(join.clone()),
            Self::Rekey { .. } => Action::Rekey,
            Self::NewIncarnation(anew) => Action::NewIncarnation(*anew),
            Self::Reject { idx } => Action::Reject { idx: *idx },
            Self::Branch(branch) => Action::Branch(branch.clone()),
            Self::Merge(merge) => Action::Merge(merge.clone()),
        }
    }
}

/// A want and what was tried for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    want: Want,
    given_up: Vec<OpId>,
    flight: Option<Flight>,
}

/// An item that may or may not have reached the relay.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Flight {
    idx: u32,
    prev: ItemHash,
    op: OpId,
    item: Vec<u8>,
}

/// Why an intent gives no item now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IntentError {
    /// It holds already.
    #[error("it holds already")]
    Satisfied,
    /// The log known here is older than what was tried: fold it first.
    #[error("the log is not folded as far as it was")]
    Behind,
    /// No op can be composed for it at this head.
    #[error(transparent)]
    Compose(#[from] ComposeError),
}

impl Intent {
    /// Nothing tried yet.
    pub const fn new(want: Want) -> Self {
        Self { want, given_up: Vec::new(), flight: None }
    }

    /// What shall be so.
    pub const fn want(&self) -> &Want {
        &self.want
    }

    /// The ops given up so far, oldest first.
    pub fn given_up(&self) -> &[OpId] {
        &self.given_up
    }

    /// Whether it holds, by whosever op.
    pub fn is_satisfied(&self, log: &ControlLog) -> bool {
        let table = log.table();
        match &self.want {
            Want::AddDevice(add) => table.person_of(add.device.id()) == Some(add.person),
            Want::RemoveDevices(removals) => removals.iter().all(|removal| {
                let member = table.device(removal.device);
                member.is_none_or(|member| member.state == Standing::Out)
            }),
            Want::JoinSpace(join) => {
                let is_it = |it: &JoinSpace| it.space == join.space && it.genesis == join.genesis;
                table.spaces().iter().any(is_it)
            }
            Want::Rekey { after } => log.epoch() > *after,
            Want::NewIncarnation(anew) => {
                table.device(anew.device).is_some_and(|member| member.inc > anew.old)
            }
            Want::Reject { idx } => log.is_replaced(*idx),
            Want::Branch(branch) => {
                let ids = branch.ops.iter().map(|op| op.id(log.home().space));
                let known = ids.into_iter().flatten().all(|id| log.is_known(id));
                known && (!branch.ops.is_empty() || log.has_handed_on(branch))
            }
            Want::Merge(merge) => log.is_merged(merge.tip),
        }
    }

    /// Who wrote under which branch, for a merge that is not on its way yet.
    pub fn name(&mut self, words: Vec<Named>) {
        if let (Want::Merge(merge), None) = (&mut self.want, &self.flight) {
            merge.named = words;
        }
    }

    /// The log was cut back to `next` items: what was on its way to a later place is given up.
    pub fn cut_back(&mut self, next: u32) {
        if self.flight.as_ref().is_some_and(|flight| flight.idx >= next) {
            self.give_up();
        }
    }

    fn give_up(&mut self) {
        if let Some(flight) = self.flight.take() {
            self.given_up.push(flight.op);
            let surplus = self.given_up.len().saturating_sub(ABANDONS_MAX);
            self.given_up.drain(..surplus);
        }
    }

    /// Where the chain that ends stands by now, for a new incarnation that is not sent yet; else nothing changes.
    pub fn ends_at(&mut self, last: u64, last_entry: EntryId) {
        if let (Want::NewIncarnation(anew), None) = (&mut self.want, &self.flight) {
            (anew.seq, anew.entry) = (last, last_entry);
        }
    }

    /// Whether the very op that was composed for this here holds.
    pub fn landed(&self, log: &ControlLog) -> bool {
        self.flight.as_ref().is_some_and(|flight| {
            log.op_id_at(flight.idx) == Some(flight.op)
                && log.outcome_at(flight.idx) == Some(Outcome::Applied)
        })
    }

    /// The item to append now. The caller stores the intent before it sends the item, so that a restart sends the
    /// same bytes.
    ///
    /// # Errors
    /// [`IntentError`].
    pub fn compose(
        &mut self,
        composer: &Composer<'_>,
        random: &mut dyn Random,
    ) -> Result<Vec<u8>, IntentError> {
        let log = composer.log;
        if self.is_satisfied(log) {
            return Err(IntentError::Satisfied);
        }
        if let Some(flight) = &self.flight {
            if log.next_idx() < flight.idx {
                return Err(IntentError::Behind);
            }
            if log.next_idx() == flight.idx && log.last_item_hash() == flight.prev {
                return Ok(flight.item.clone());
            }
            if log.op_id_at(flight.idx) != Some(flight.op) {
                self.give_up();
            }
            self.flight = None;
        }
        let tried = composer.compose(&self.want.action(), self.given_up.clone(), random);
        let tried = match tried {
            // A branch that stands on another one comes after it.
            Err(ComposeError::Void(VoidReason::Branch)) => return Err(IntentError::Behind),
            tried => tried?,
        };
        let (idx, prev) = (log.next_idx(), log.last_item_hash());
        self.flight = Some(Flight { idx, prev, op: tried.op, item: tried.item.clone() });
        Ok(tried.item)
    }

    /// For the store.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        let action = self.want.action().encode();
        writer.u8(STORED_VERSION).u16(action.kind).var(&action.payload);
        match self.want {
            Want::Rekey { after } => writer.u32(after),
            Want::AddDevice(_)
            | Want::RemoveDevices(_)
            | Want::JoinSpace(_)
            | Want::NewIncarnation(_)
            | Want::Reject { .. }
            | Want::Branch(_)
            | Want::Merge(_) => writer.u32(0),
        };
        writer.count8(self.given_up.len());
        for op in &self.given_up {
            writer.bytes(op.as_bytes());
        }
        writer.count8(usize::from(self.flight.is_some()));
        if let Some(flight) = &self.flight {
            writer.u32(flight.idx).bytes(flight.prev.as_bytes());
            writer.bytes(flight.op.as_bytes()).var(&flight.item);
        }
        writer.into_bytes()
    }

    /// From the store.
    ///
    /// # Errors
    /// [`DecodeError`] if the row is not one that [`Self::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != STORED_VERSION {
            return Err(DecodeError::Version);
        }
        let kind = reader.u16()?;
        let payload = reader.var(ENVELOPE_BYTES_MAX)?.to_vec();
        let after = reader.u32()?;
        let action = Action::decode(&ActionBytes { kind, payload });
        let want = match action.map_err(|_| DecodeError::Form)? {
            Action::AddDevice(add) => Want::AddDevice(add),
            Action::RemoveDevices(removals) => Want::RemoveDevices(removals),
            Action::JoinSpace(join) => Want::JoinSpace(join),
            Action::Rekey => Want::Rekey { after },
            Action::NewIncarnation(anew) => Want::NewIncarnation(anew),
            Action::Reject { idx } => Want::Reject { idx },
            Action::Branch(branch) => Want::Branch(branch),
            Action::Merge(merge) => Want::Merge(merge),
            Action::Genesis(_) | Action::Unbuilt { .. } => return Err(DecodeError::Form),
        };
        let count = reader.list8(ABANDONS_MAX, OpId::LEN)?;
        let given_up =
            (0..count).map(|_| reader.array().map(OpId::from_bytes)).collect::<Result<_, _>>()?;
        let flight = match reader.list8(1, 72)? {
            0 => None,
            _ => Some(decode_flight(&mut reader)?),
        };
        reader.end()?;
        Ok(Self { want, given_up, flight })
    }
}

fn decode_flight(reader: &mut Reader<'_>) -> Result<Flight, DecodeError> {
    Ok(Flight {
        idx: reader.u32()?,
        prev: ItemHash::from_bytes(reader.array()?),
        op: OpId::from_bytes(reader.array()?),
        item: reader.var(CONTROL_ITEM_BYTES_MAX)?.to_vec(),
    })
}
