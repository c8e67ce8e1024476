//! A space comes to a shelf, and is checked against what was agreed before it counts as one's own: its first op, the
//! device's own admission, and the keys under which the relay knows this person.

use crate::client::error::Error;
use crate::client::node::machine::{Node, Notice};
use crate::client::node::relink::Standing;
use crate::client::space::state::Space;
use crate::client::turn::control;
use crate::client::vault::shelf::{OpenRow, Place};
use crate::crypto::{Home, Random};
use crate::entry::Incident;
use crate::membership::{Genesis, SpaceKind};
use crate::model::id::{OpId, PersonId};
use crate::store::{Batch, Table};
use wire::address::AddressLine;
use wire::codec::{Reader, Writer};
use wire::frame::{Creation, Frame, Principal, encode_principals};
use wire::hash::item_hash;
use wire::id::{RelayId, SpaceHandle};
use wire::sign::{NewSpace, creation_bytes};

/// What the first item of a shared space, or the control log of a private one, must turn out to be.
const META_EXPECTED: &[u8] = b"expected";
/// Transcripts of pairings in which this device showed its card, each with the person it was shown to: whatever lets
/// it in names one of them, also one that was cut off after that.
const META_MET: &[u8] = b"met";
/// Pairings of one new device that are remembered; a person tries a few times.
const MET_MAX: usize = 64;
/// The relay knows this person here by the right keys.
pub(crate) const META_REGISTERED: &[u8] = b"registered";

impl Node {
    /// Puts the shared space that this device founded on its shelf, with its first item.
    pub(crate) fn found_shared(
        &mut self,
        home: Home,
        line: &AddressLine,
        item: Option<&[u8]>,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let known = self.standings();
        self.session.found(
            SpaceKind::Shared,
            home,
            |shelf, batch, random| {
                Space::put_relay(shelf, batch, line, random)?;
                if let Some(item) = item {
                    control::found_with(batch, item);
                }
                Ok(())
            },
            random,
        )?;
        self.own_access(home.sid, &known, random)
    }

    /// Puts a shared space on its shelf that the relay holds, or will: only this genesis is one's own.
    pub(crate) fn expect_shared(
        &mut self,
        home: Home,
        line: &AddressLine,
        genesis: OpId,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let known = self.standings();
        self.session.found(
            SpaceKind::Shared,
            home,
            |shelf, batch, random| {
                Space::put_relay(shelf, batch, line, random)?;
                let place = Place::new(Table::Meta, META_EXPECTED);
                shelf.put(batch, place, genesis.as_bytes(), random)
            },
            random,
        )?;
        self.own_access(home.sid, &known, random)
    }

    /// Remembers a pairing before the own card leaves this device.
    pub(crate) fn remember_met(
        &mut self,
        person: PersonId,
        th: &[u8; 32],
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let shelf = self.session.private_shelf_mut()?;
        let mut batch = Batch::new();
        let row = [META_MET, th].concat();
        shelf.put(&mut batch, Place::new(Table::Meta, &row), person.as_bytes(), random)?;
        shelf.commit(batch)
    }

    /// The transcripts of all pairings with a person.
    fn met(&mut self, person: PersonId) -> Result<Vec<[u8; 32]>, Error> {
        let rows = self.session.private_shelf_mut()?.prefix(Table::Meta, META_MET)?;
        let with = rows.iter().filter(|row| row.body.as_slice() == person.as_bytes());
        let th = |row: &OpenRow| row.id.get(META_MET.len()..).and_then(|th| th.try_into().ok());
        Ok(with.filter_map(th).take(MET_MAX).collect())
    }

    /// Puts the private space of a person on a new device of theirs: it must hold this head and this device.
    pub(crate) fn found_private(
        &mut self,
        home: Home,
        line: &AddressLine,
        head: (u32, OpId),
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let person = self.session.person();
        let met = self.met(person)?;
        let mut expected = Writer::new();
        expected.u32(head.0).bytes(head.1.as_bytes()).count8(met.len());
        for th in &met {
            expected.bytes(th);
        }
        let known = self.standings();
        self.session.found(
            SpaceKind::Private,
            home,
            |shelf, batch, random| {
                Space::put_relay(shelf, batch, line, random)?;
                for th in &met {
                    let row = [META_MET, th].concat();
                    shelf.put(batch, Place::new(Table::Meta, &row), person.as_bytes(), random)?;
                }
                let place = Place::new(Table::Meta, META_EXPECTED);
                shelf.put(batch, place, expected.as_slice(), random)
            },
            random,
        )?;
        self.unsettled = true;
        self.relink(&known)
    }

    fn own_access(
        &mut self,
        sid: SpaceHandle,
        known: &[Standing],
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        if let Some(access) = self.session.access_keys(sid) {
            let open: Vec<SpaceHandle> =
                self.session.spaces().map(|space| space.home.sid).collect();
            self.session.identity.access.retain(|(of, _)| open.contains(of));
            self.session.identity.set_access(sid, access.acc);
            self.session.save_identity(random)?;
        }
        self.unsettled = true;
        self.relink(known)
    }

    /// Compares a log with what was agreed. What does not fit is written down, and its relay is not asked again.
    pub(crate) fn check_expected(
        &mut self,
        sid: SpaceHandle,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let Some(space) = self.session.space_of(sid) else { return Ok(()) };
        let Some(row) = space.shelf.get(Table::Meta, META_EXPECTED)? else { return Ok(()) };
        let Some(fits) = fits(space, &row.body)? else { return Ok(()) };
        let mut batch = Batch::new();
        if fits {
            batch.delete(Table::Meta, META_EXPECTED);
            space.shelf.commit(batch)?;
            return Ok(());
        }
        // Nothing of it is one's own: it goes, so that another pairing can take its place.
        for table in Table::ALL {
            batch.clear(table);
        }
        let idx = space.log.next_idx().saturating_sub(1);
        let incident = Incident::StateMismatch { idx };
        let place = incident.key();
        space.shelf.put(
            &mut batch,
            Place::new(Table::Incidents, &place),
            &incident.encode(),
            random,
        )?;
        space.shelf.commit(batch)?;
        self.notice(Notice::PairingEnded("pair.mismatch"));
        self.reload()
    }

    /// Asks under which keys the relay knows this person, once.
    pub(crate) fn ask_registered(&mut self, relay: RelayId, sid: SpaceHandle) -> Result<(), Error> {
        let Some(space) = self.session.space_of(sid) else { return Ok(()) };
        if space.shelf.get(Table::Meta, META_REGISTERED)?.is_some() {
            return Ok(());
        }
        if let Some(link) = self.links.get_mut(&relay)
            && !link.registrations.values().any(|asked| *asked == sid)
        {
            let request = link.engine.ask(Frame::Principals { sid });
            link.registrations.insert(request, sid);
        }
        Ok(())
    }

    /// The relay's answer: another key than one's own is an incident, and the space is not pinned.
    pub(crate) fn registered(
        &mut self,
        relay: RelayId,
        request: u64,
        frame: &Frame,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let asked = self.links.get_mut(&relay).and_then(|link| link.registrations.remove(&request));
        let (Some(sid), Frame::PrincipalKeys { list }) = (asked, frame) else { return Ok(()) };
        let own = self.session.person();
        let Some(space) = self.session.space_of(sid) else { return Ok(()) };
        let Some(genesis) = space.log.genesis() else { return Ok(()) };
        if list.first() != principals_of(genesis, own).first() {
            return self.incident(sid, &Incident::RelayPrincipals, random);
        }
        let mut batch = Batch::new();
        space.shelf.put(&mut batch, Place::new(Table::Meta, META_REGISTERED), &[], random)?;
        space.shelf.commit(batch)?;
        self.unsettled = true;
        Ok(())
    }
}

/// Whether a log is what was agreed; none while it is too short to tell.
fn fits(space: &Space, expected: &[u8]) -> Result<Option<bool>, Error> {
    if space.kind == SpaceKind::Shared {
        let known = space.log.next_idx() > 0;
        return Ok(known.then(|| space.log.genesis_op().as_bytes().as_slice() == expected));
    }
    let mut reader = Reader::new(expected);
    let (idx, op) = (reader.u32()?, OpId::from_bytes(reader.array()?));
    let met = reader.list8(MET_MAX, 32)?;
    let met = (0..met).map(|_| reader.array()).collect::<Result<Vec<[u8; 32]>, _>>()?;
    if space.log.next_idx() <= idx {
        return Ok(None);
    }
    let admitted = space.log.transcript_of(space.me.device).is_some_and(|th| met.contains(th));
    Ok(Some(space.log.op_id_at(idx) == Some(op) && admitted && space.is_in()))
}

impl Node {
    /// Makes the space at a relay that does not know it, or forgot it. Whoever does it stands first.
    pub(crate) fn create(&mut self, relay: RelayId, sid: SpaceHandle) -> Result<(), Error> {
        let Some(exporter) = self.links.get(&relay).and_then(|link| link.exporter) else {
            return Ok(());
        };
        let Some(keys) = self.session.access_keys(sid) else { return Ok(()) };
        let own = self.session.identity.person;
        let Some(space) = self.session.space_of(sid) else { return Ok(()) };
        let (Some(item), Some(genesis)) = (space.control_item(0)?, space.log.genesis()) else {
            return Ok(());
        };
        let principals = principals_of(genesis, own);
        let encoded = encode_principals(&principals);
        let new = NewSpace {
            relay,
            sid,
            item: item_hash(&item),
            principals: &encoded,
            exporter: &exporter,
        };
        let signature = keys.adm.sign_bytes(&creation_bytes(&new)).0;
        if let Some(link) = self.link(relay) {
            link.engine.handle_creation(sid, item, Creation { principals, signature });
        }
        Ok(())
    }
}

/// The principals of a space, own person first.
fn principals_of(genesis: &Genesis, own: PersonId) -> Vec<Principal> {
    let mut persons: Vec<_> = genesis.persons.iter().collect();
    persons.sort_by_key(|person| person.person != own);
    persons
        .iter()
        .map(|person| Principal {
            acc: person.acc,
            adm: person.adm,
            recovery: person.recovery.access,
        })
        .collect()
}
