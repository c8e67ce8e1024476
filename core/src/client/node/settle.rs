//! What follows from what is known, done once and found again after any crash: the two stores of a vault share no
//! transaction, so each step looks whether it is done already.

use crate::client::error::Error;
use crate::client::node::found::META_REGISTERED;
use crate::client::node::machine::{Node, Now};
use crate::client::session::unlocked::{META_NAME, Session};
use crate::client::space::card;
use crate::client::space::card::SpaceKey;
use crate::client::turn::gaps::close_gaps;
use crate::client::turn::gather::Changed;
use crate::client::turn::{aside, control};
use crate::crypto::{EpochKey, Home, Random};
use crate::entry::Payload;
use crate::membership::{AddDevice, Intent, JoinSpace, SpaceKind, Standing, Want};
use crate::model::person::{Member, Name};
use crate::model::{Event, member_record};
use crate::store::Table;
use wire::address::{AddressLine, RelayAddress};

impl Node {
    /// Does all that follows and is not done.
    pub(crate) fn settle(&mut self, now: &Now, random: &mut dyn Random) -> Result<(), Error> {
        if !core::mem::take(&mut self.unsettled) {
            return Ok(());
        }
        let told = self.session.regain(random)?;
        self.notice_changed(told);
        self.session.remember_home(random)?;
        self.begin_anew(now, random)?;
        self.settle_gaps(now, random)?;
        self.follow_join(random)?;
        self.take_mirrored_keys(random)?;
        self.resume(random)?;
        self.go_on(random)?;
        self.pin_shared(random)?;
        self.admit_own_devices(random)?;
        let mut told = Changed::default();
        for slot in [&mut self.session.private, &mut self.session.shared] {
            if let Some(space) = slot.space_mut() {
                told.join(control::tell_of_items(space, random)?);
                if space.has_second_key() {
                    told.join(aside::reopen(space, random)?);
                }
                space.keep_keys(random)?;
                control::mend_keys(space, random)?;
                control::recall_epoch(space, random)?;
            }
        }
        self.notice_changed(told);
        self.greet(SpaceKind::Private, now, random)?;
        self.greet(SpaceKind::Shared, now, random)?;
        self.mirror_keys(now, random)?;
        self.say_name(now, random)
    }

    /// Looks after the gaps of both spaces.
    pub(crate) fn settle_gaps(&mut self, now: &Now, random: &mut dyn Random) -> Result<(), Error> {
        for kind in [SpaceKind::Private, SpaceKind::Shared] {
            let slot = match kind {
                SpaceKind::Private => &mut self.session.private,
                SpaceKind::Shared => &mut self.session.shared,
            };
            let Some(space) = slot.space_mut() else { continue };
            let changed = close_gaps(space, now.timestamp, random)?;
            self.notice_changed(changed);
        }
        Ok(())
    }

    /// A shared space that the private log names is opened here too: another own device joined it.
    fn follow_join(&mut self, random: &mut dyn Random) -> Result<(), Error> {
        let Some(private) = self.session.private.space() else { return Ok(()) };
        if self.session.shared.space().is_some() {
            return Ok(());
        }
        let Some(join) = private.log.table().spaces().first().cloned() else { return Ok(()) };
        let home = Home { sid: join.sid, space: join.space };
        let Ok(address) = RelayAddress::parse(&join.address) else { return Ok(()) };
        let line = AddressLine { address, relay: join.relay };
        self.expect_shared(home, &line, join.genesis, random)
    }

    /// The keys of the shared space that an own device mirrored into the private one open what this device could not.
    fn take_mirrored_keys(&mut self, random: &mut dyn Random) -> Result<(), Error> {
        let Session { identity, private, shared, .. } = &mut self.session;
        let (Some(private), Some(shared)) = (private.space(), shared.space_mut()) else {
            return Ok(());
        };
        let mut new = false;
        for SpaceKey { space, epoch, key } in card::space_keys(&private.shelf)? {
            let kc = key.commitment(space, epoch);
            if space == shared.home.space && shared.keyring.get_committed(epoch, &kc).is_none() {
                shared.keyring.insert(epoch, key);
                new = true;
            }
        }
        if new {
            let before = shared.log.next_idx();
            shared.fold_again(&Session::loader(identity))?;
            let changed = aside::retry(shared, before, random)?;
            self.notice_changed(changed);
        }
        Ok(())
    }

    /// After a start: whatever waited and can go on now goes on.
    fn resume(&mut self, random: &mut dyn Random) -> Result<(), Error> {
        if !core::mem::take(&mut self.started) {
            return Ok(());
        }
        let mut changed = Changed::default();
        for slot in [&mut self.session.private, &mut self.session.shared] {
            if let Some(space) = slot.space_mut() {
                changed.join(aside::judge_again(space, random)?);
                changed.join(aside::retry(space, space.log.next_idx(), random)?);
            }
        }
        self.notice_changed(changed);
        Ok(())
    }

    /// What waited for something that was written here goes on in turns of its own: an own entry never waits for them.
    fn go_on(&mut self, random: &mut dyn Random) -> Result<(), Error> {
        let mut changed = Changed::default();
        for slot in [&mut self.session.private, &mut self.session.shared] {
            if let Some(space) = slot.space_mut() {
                changed.join(aside::go_on(space, random)?);
            }
        }
        self.notice_changed(changed);
        Ok(())
    }

    /// Every own device of the private space is let into the shared one by whichever own device is in there.
    fn admit_own_devices(&mut self, random: &mut dyn Random) -> Result<(), Error> {
        let Session { private, shared, .. } = &mut self.session;
        let (Some(private), Some(shared)) = (private.space(), shared.space_mut()) else {
            return Ok(());
        };
        if !shared.is_member() || !shared.can_seal() || shared.log.apart().is_some() {
            return Ok(());
        }
        let own: Vec<AddDevice> = private
            .log
            .table()
            .members()
            .filter(|member| member.state == Standing::In)
            .filter(|member| shared.log.table().device(member.device.id()).is_none())
            .map(|member| AddDevice {
                person: member.person,
                device: member.device.clone(),
                th: private.log.transcript_of(member.device.id()).copied().unwrap_or_default(),
            })
            .collect();
        for add in own {
            shared.intend(&Intent::new(Want::AddDevice(add)), random)?;
        }
        Ok(())
    }

    /// A shared space that both signed is written into the private log: a person's own, signed list.
    fn pin_shared(&mut self, random: &mut dyn Random) -> Result<(), Error> {
        let Some(shared) = self.session.shared.space() else { return Ok(()) };
        let (Some(_), Some(relay)) = (shared.log.genesis(), shared.relay.as_ref()) else {
            return Ok(());
        };
        // Only what the relay, too, holds for oneself is written down as one's own.
        let mine = shared.is_founder() && shared.shelf.get(Table::Meta, META_REGISTERED)?.is_some();
        let join = JoinSpace {
            space: shared.home.space,
            sid: shared.home.sid,
            genesis: shared.log.genesis_op(),
            relay: relay.relay,
            address: relay.address.as_str().to_owned(),
        };
        let private = self.session.private_mut()?;
        if mine {
            private.intend(&Intent::new(Want::JoinSpace(join)), random)?;
        }
        Ok(())
    }

    /// The first entry of a device that joined: it is here.
    fn greet(&mut self, kind: SpaceKind, now: &Now, random: &mut dyn Random) -> Result<(), Error> {
        let slot = match kind {
            SpaceKind::Private => &self.session.private,
            SpaceKind::Shared => &self.session.shared,
        };
        let Some(space) = slot.space() else { return Ok(()) };
        let has_written = space.me.inc > 0 || space.chains.get(space.me).is_some();
        if space.is_founder() || has_written || !space.can_write() {
            return Ok(());
        }
        self.write(kind, &Payload::Hello, now, random)?;
        Ok(())
    }

    /// Every epoch key of the shared space also lies in the private one, so that nobody's bad wrap can take it away.
    fn mirror_keys(&mut self, now: &Now, random: &mut dyn Random) -> Result<(), Error> {
        let (Some(shared), Some(private)) =
            (self.session.shared.space(), self.session.private.space())
        else {
            return Ok(());
        };
        if !private.can_write() {
            return Ok(());
        }
        let mut missing = Vec::new();
        for (epoch, kc) in shared.log.commitments() {
            let Some(key) = shared.keyring.get_committed(epoch, kc) else { continue };
            let row = card::space_key_row(shared.home.space, epoch, key);
            if private.shelf.get(Table::Meta, &row)?.is_none() {
                missing.push((shared.home.space, epoch, EpochKey::from_bytes(key.as_bytes())));
            }
        }
        for (space, epoch, key) in missing {
            self.write(SpaceKind::Private, &Payload::SpaceKey { space, epoch, key }, now, random)?;
        }
        Ok(())
    }

    /// The name chosen before there was anybody to tell it to.
    fn say_name(&mut self, now: &Now, random: &mut dyn Random) -> Result<(), Error> {
        let (Some(shared), Some(private)) =
            (self.session.shared.space(), self.session.private.space())
        else {
            return Ok(());
        };
        let Some(name) = private.shelf.get(Table::Meta, META_NAME)? else { return Ok(()) };
        let told = card::told_of(&shared.shelf, member_record(shared.person))?;
        let can_write = shared.is_founder() && shared.can_write();
        if !told.is_empty() || !can_write {
            return Ok(());
        }
        let Ok(name) = core::str::from_utf8(&name.body) else { return Ok(()) };
        let Ok(name) = Name::new(name) else { return Ok(()) };
        self.tell(Event::Member(Member { at: now.at()?, name }), now, random)?;
        Ok(())
    }
}
