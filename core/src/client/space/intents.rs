//! Intents: what this device wants of the control log, written down until the folded log shows it done.

use crate::client::error::Error;
use crate::client::space::state::Space;
use crate::client::vault::shelf::Place;
use crate::crypto::Random;
use crate::membership::{Intent, Want};
use crate::model::id::OpId;
use crate::store::{Batch, Table};
use wire::codec::Reader;
use wire::hash::sha256;

/// The op under which this device writes while its log is cut back.
pub(crate) const META_APART: &[u8] = b"apart";

impl Space {
    /// The intents that do not hold yet, oldest first.
    pub(crate) fn intents(&self) -> Result<Vec<(Vec<u8>, Intent)>, Error> {
        let rows = self.shelf.prefix(Table::Intents, &[])?;
        rows.into_iter()
            .map(|row| {
                let intent = Intent::decode(&row.body);
                Ok((row.id, intent.map_err(|_| Error::Damaged { code: "store.intent" })?))
            })
            .collect()
    }

    /// Writes an intent down, unless it holds or is written down already.
    pub(crate) fn intend(&mut self, intent: &Intent, random: &mut dyn Random) -> Result<(), Error> {
        let bytes = intent.encode();
        let id = sha256(&[&bytes]);
        if intent.is_satisfied(&self.log) || self.shelf.get(Table::Intents, &id)?.is_some() {
            return Ok(());
        }
        let mut batch = Batch::new();
        self.shelf.put(&mut batch, Place::new(Table::Intents, &id), &bytes, random)?;
        self.may_intend = true;
        self.shelf.commit(batch)
    }

    /// Ops that this device knows and the log does not carry yet are known from the start: entries name them.
    pub(crate) fn remember_branches(&mut self) -> Result<(), Error> {
        let intents = self.intents()?;
        // One may stand on another.
        for _ in 0..intents.len() {
            for (_, intent) in &intents {
                if let Want::Branch(branch) = intent.want() {
                    self.log.remember(branch);
                }
            }
        }
        if let Some(row) = self.shelf.get(Table::Meta, META_APART)? {
            self.log.stand_on(OpId::from_bytes(Reader::new(&row.body).array()?));
        }
        Ok(())
    }
}
