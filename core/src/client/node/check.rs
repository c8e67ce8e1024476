//! Two phones side by side: whether both hold the same history, told without the relay.

use crate::client::error::Error;
use crate::client::node::machine::{Node, Now};
use crate::client::session::unlocked::Session;
use crate::client::space::state::Space;
use crate::client::turn::gather::Turn;
use crate::client::vault::shelf::Place;
use crate::crypto::Random;
use crate::entry::{Difference, Held, Incident, Sight};
use crate::membership::SpaceKind;
use crate::model::id::{ChainId, DeviceId, EntryId, OpId};
use crate::pairing::{base32_decode, base32_encode};
use crate::store::Table;
use wire::codec::{Reader, Writer};
use wire::time::Timestamp;

/// The row of the newest comparison.
const META_CHECKED: &[u8] = b"checked";
const NONE: &[Difference] = &[];

/// What a phone shows to the one beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SideView {
    /// Text for a picture: what is newest here of every chain. No word of what was written.
    pub code: String,
    /// Two numbers of six digits: equal on two phones that hold the same.
    pub numbers: [String; 2],
}

/// What a comparison came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    /// Both hold the same.
    Same,
    /// The numbers differ: one of the two may only lack what is new. The code tells.
    Apart,
    /// Nothing contradicts; one of the two, or each, lacks what is new.
    Late(Vec<Difference>),
    /// The two hold different histories.
    Contradicts(Vec<Difference>),
}

/// The newest comparison that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastCheck {
    /// When, by this device's clock.
    pub at: Timestamp,
    /// Whether nothing contradicted.
    pub agreed: bool,
}

impl Held for Space {
    fn op_at(&self, idx: u32) -> Option<OpId> {
        self.log.op_id_at(idx)
    }

    fn at(&self, chain: ChainId, seq: u64) -> Vec<EntryId> {
        self.stored_at(chain, seq).into_iter().map(|(id, _)| id).collect()
    }
}

impl Space {
    fn sight(&self) -> Result<Sight, Error> {
        let head = self.log.head().ok_or(Error::NotPaired)?;
        let frontier = self.chains.all();
        Ok(Sight { space: self.home.space, control: (head.idx, head.op), frontier })
    }
}

impl Session {
    /// What this phone shows of the space of a kind: the shared one to the partner, the private one to an own device.
    ///
    /// # Errors
    /// [`Error::NotPaired`] if there is no such space here.
    pub fn shown(&self, kind: SpaceKind) -> Result<SideView, Error> {
        let sight = self.space_for_check(kind)?.sight()?;
        Ok(SideView { code: base32_encode(&sight.encode()), numbers: sight.numbers() })
    }

    /// When the two last compared, and whether they agreed.
    ///
    /// # Errors
    /// [`Error::NotPaired`], or the store cannot be read.
    pub fn last_check(&self, kind: SpaceKind) -> Result<Option<LastCheck>, Error> {
        let Some(row) = self.space_for_check(kind)?.shelf.get(Table::Meta, META_CHECKED)? else {
            return Ok(None);
        };
        let mut row = Reader::new(&row.body);
        let (at, agreed) = (row.u64()?, row.u8()? == 1);
        Ok(Some(LastCheck { at: Timestamp::from_millis(at), agreed }))
    }

    fn space_for_check(&self, kind: SpaceKind) -> Result<&Space, Error> {
        let slot = match kind {
            SpaceKind::Private => &self.private,
            SpaceKind::Shared => &self.shared,
        };
        slot.space().ok_or(Error::NotPaired)
    }
}

impl Node {
    /// Compares with what the other phone shows, and writes down what came of it. Needs no relay.
    pub(crate) fn check(
        &mut self,
        (kind, shown): (SpaceKind, &str),
        now: &Now,
        random: &mut dyn Random,
    ) -> Result<Checked, Error> {
        let mine = self.session.space_for_check(kind)?;
        let sight = mine.sight()?;
        let digits: String = shown.chars().filter(char::is_ascii_digit).collect();
        let typed = shown.chars().all(|it| it.is_ascii_digit() || it == '-' || it.is_whitespace());
        let checked = if typed && digits.len() == 12 {
            if digits == sight.numbers().concat() { Checked::Same } else { Checked::Apart }
        } else {
            let invalid = Error::Invalid { field: "code", rule: "check.code" };
            let bytes = base32_decode(shown.trim()).ok_or(invalid.clone())?;
            let theirs = Sight::decode(&bytes).map_err(|_| invalid)?;
            let found = sight.differences(&theirs, mine);
            if found.contains(&Difference::OtherSpace) {
                return Err(Error::Invalid { field: "code", rule: "check.space" });
            }
            judged(found)
        };
        self.write_down(kind, &checked, now, random)?;
        Ok(checked)
    }

    fn write_down(
        &mut self,
        kind: SpaceKind,
        checked: &Checked,
        now: &Now,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let (agreed, found) = match checked {
            Checked::Same | Checked::Late(_) => (true, NONE),
            Checked::Contradicts(found) => (false, found.as_slice()),
            Checked::Apart => return Ok(()),
        };
        let slot = match kind {
            SpaceKind::Private => &mut self.session.private,
            SpaceKind::Shared => &mut self.session.shared,
        };
        let space = slot.space_mut().ok_or(Error::NotPaired)?;
        let mut turn = Turn::new(space);
        for difference in found {
            let incident = match difference {
                Difference::Control { idx } => {
                    let chain = ChainId { device: DeviceId::ZERO, inc: 0 };
                    Incident::CheckDiffers { chain, seq: u64::from(*idx) }
                }
                Difference::Entry { chain, seq } => {
                    Incident::CheckDiffers { chain: *chain, seq: *seq }
                }
                Difference::OtherSpace
                | Difference::ControlBehind
                | Difference::Behind { .. }
                | Difference::ControlAhead
                | Difference::Ahead { .. } => continue,
            };
            turn.report(&incident, random)?;
        }
        let mut row = Writer::new();
        row.u64(now.timestamp.as_millis()).u8(u8::from(agreed));
        let place = Place::new(Table::Meta, META_CHECKED);
        turn.space.shelf.put(&mut turn.batch, place, row.as_slice(), random)?;
        turn.close(random)?;
        Ok(())
    }
}

fn judged(found: Vec<Difference>) -> Checked {
    if found.is_empty() {
        Checked::Same
    } else if found.iter().any(Difference::contradicts) {
        Checked::Contradicts(found)
    } else {
        Checked::Late(found)
    }
}
