//! Gaps: entries that are named and that no device has produced, with the time since when each is known.

use crate::client::error::Error;
use crate::client::space::state::Space;
use crate::client::vault::shelf::Place;
use crate::crypto::Random;
use crate::entry::{Entry, Missing};
use crate::model::id::{ChainId, DeviceId};
use crate::store::{Batch, Table};
use wire::codec::{Reader, Writer};

/// Begins the rows of gaps: since when each is known, and whether it is closed.
const META_GAP: &[u8] = b"gap";

impl Space {
    pub(crate) fn load_gaps(&mut self) -> Result<(), Error> {
        for (on, _, closed) in self.gaps()? {
            if closed {
                self.closed.insert(on);
            }
        }
        Ok(())
    }

    pub(crate) fn gaps(&self) -> Result<Vec<(Missing, u64, bool)>, Error> {
        let mut gaps = Vec::new();
        for row in self.shelf.prefix(Table::Meta, META_GAP)? {
            let mut id = Reader::new(row.id.get(META_GAP.len()..).unwrap_or_default());
            let chain = ChainId { device: DeviceId::from_bytes(id.array()?), inc: id.u16()? };
            let on = Missing::Entry { chain, seq: id.u64()?, id: id.array()? };
            let mut body = Reader::new(&row.body);
            gaps.push((on, body.u64()?, body.u8()? == 1));
        }
        Ok(gaps)
    }

    /// Who named a missing entry as something they had seen, of those that wait for it. Whoever misses the entry
    /// before in their own chain names nothing of others: that gap stays.
    pub(crate) fn named_by(&self, on: Missing) -> Result<Option<ChainId>, Error> {
        let Missing::Entry { chain, .. } = on else { return Ok(None) };
        for envelope in self.room.waiting_for(on) {
            let Some(row) = self.shelf.get(Table::Waiting, envelope.as_bytes())? else { continue };
            let Ok(entry) = Entry::decode(self.home.space, &row.body) else { continue };
            let by = entry.peek().header.chain;
            if by != chain {
                return Ok(Some(by));
            }
        }
        Ok(None)
    }

    pub(crate) fn put_gap(
        &self,
        batch: &mut Batch,
        (on, since, closed): (Missing, u64, bool),
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let Some(row) = gap_row(on) else { return Ok(()) };
        let mut body = Writer::new();
        body.u64(since).u8(u8::from(closed));
        self.shelf.put(batch, Place::new(Table::Meta, &row), body.as_slice(), random)
    }
}

pub(crate) fn gap_row(on: Missing) -> Option<Vec<u8>> {
    let Missing::Entry { chain, seq, id } = on else { return None };
    let mut row = Writer::new();
    row.bytes(META_GAP).bytes(chain.device.as_bytes()).u16(chain.inc).u64(seq).bytes(&id);
    Some(row.into_bytes())
}
