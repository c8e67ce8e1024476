//! What a relay says that no honest relay says: it is written down, and the connection ends if its receipts do not hold.

use crate::client::error::Error;
use crate::client::node::machine::{Node, Notice, Now, Output};
use crate::client::space::relay::Position;
use crate::client::turn::gather::Turn;
use crate::crypto::{Random, Signature, VerifyKey};
use crate::entry::Incident;
use wire::frame::Frame;
use wire::id::{RelayId, SpaceHandle};

impl Node {
    /// A receipt must be signed by the relay it came from, or the connection ends with an incident.
    pub(crate) fn receipts_hold(
        &mut self,
        relay: RelayId,
        frame: &Frame,
        now: &Now,
        random: &mut dyn Random,
    ) -> Result<bool, Error> {
        let (Frame::Pushed { receipt } | Frame::Appended { receipt }) = frame else {
            return Ok(true);
        };
        let signature = Signature(receipt.signature);
        let key = VerifyKey::check(relay.to_bytes());
        let holds =
            key.is_ok_and(|key| key.verify_bytes(&receipt.signed_bytes(relay), &signature).is_ok());
        if !holds {
            let incident = Incident::RelayReceipt { position: receipt.body.n };
            self.incident(receipt.body.sid, &incident, random)?;
            self.hang_up(relay, now);
        }
        Ok(holds)
    }

    /// Ends the connection from here: the engine waits, then dials again.
    pub(crate) fn hang_up(&mut self, relay: RelayId, now: &Now) {
        self.outputs.push_back(Output::Hangup { relay });
        if let Some(link) = self.link(relay) {
            link.exporter = None;
            link.engine.handle_disconnected(now.moment);
        }
    }

    /// The relay said what no honest relay says: written down where it was about.
    pub(crate) fn lied(
        &mut self,
        relay: RelayId,
        sid: Option<SpaceHandle>,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let carried: Vec<SpaceHandle> =
            self.link(relay).map(|link| link.carried.iter().copied().collect()).unwrap_or_default();
        for sid in sid.map_or(carried, |sid| vec![sid]) {
            let Some(space) = self.session.space_of(sid) else { continue };
            let Position { store, n, .. } = space.position;
            self.incident(sid, &Incident::RelayHistory { store, position: n }, random)?;
        }
        Ok(())
    }

    /// Writes an incident of one space down, if the space is open, and tells whoever watches.
    pub(crate) fn incident(
        &mut self,
        sid: SpaceHandle,
        incident: &Incident,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        if let Some(space) = self.session.space_of(sid) {
            let mut turn = Turn::new(space);
            turn.report(incident, random)?;
            turn.close(random)?;
        }
        self.notice(Notice::Incident(incident.code()));
        Ok(())
    }
}
