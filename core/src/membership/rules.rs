//! The rules of each action: who may ask for it, what it needs, and the table after it. Pure.

use super::action::{
    Action, AddDevice, Genesis, JoinSpace, NewIncarnation, RemoveDevice, SpaceKind,
};
use super::op::{Author, Op};
use super::outcome::VoidReason;
use super::table::{SPACES_JOINED_MAX, Standing, Table};
use crate::crypto::{Home, VerifyKey};
use crate::model::id::PersonId;
use std::collections::BTreeSet;
use wire::control::ControlItem;
use wire::hash;
use wire::id::RelayId;
use wire::limit::{DEVICES_PER_PERSON_EVER_MAX, DEVICES_PER_PERSON_MAX, WRAP_BYTES};

/// Chains of one space, incarnations counted one by one: what a frontier can name.
const CHAINS_MAX: usize = 255;
const ZERO: [u8; 32] = [0; 32];

/// What of an item, beside its body, an op must agree with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ItemFacts {
    /// The item's place.
    pub idx: u32,
    /// The epoch under which its body is sealed.
    pub epoch_before: u32,
    /// The epoch once it holds.
    pub epoch_after: u32,
    /// The hash of its twelve wraps joined.
    pub wraps_hash: [u8; 32],
    /// The hash of its ladder.
    pub ladder_hash: [u8; 32],
    /// The commitment to the key that opened its body.
    pub opened_with: [u8; 32],
}

impl ItemFacts {
    /// Of an item whose body opened with the key that has this commitment.
    pub fn of(item: &ControlItem, opened_with: [u8; 32]) -> Self {
        Self {
            idx: item.idx,
            epoch_before: item.epoch_before,
            epoch_after: item.epoch_after,
            wraps_hash: wraps_hash(&item.wraps),
            ladder_hash: hash::sha256(&[&item.ladder]),
            opened_with,
        }
    }
}

/// SHA-256 of the wraps joined.
pub(super) fn wraps_hash(wraps: &[[u8; WRAP_BYTES]]) -> [u8; 32] {
    let parts: Vec<&[u8]> = wraps.iter().map(<[u8; WRAP_BYTES]>::as_slice).collect();
    hash::sha256(&parts)
}

/// Where an op stands: what it is judged against.
#[derive(Debug)]
pub(super) struct Ground<'a> {
    pub(super) home: Home,
    pub(super) table: &'a Table,
    /// The largest epoch that any op which holds has made.
    pub(super) epoch_top: u32,
    pub(super) item: &'a ItemFacts,
}

/// Who must sign, in order, and with which key.
pub(super) fn signers(
    table: &Table,
    op: &Op,
    action: Option<&Action>,
) -> Result<Vec<(Author, VerifyKey)>, VoidReason> {
    if let Some(Action::Genesis(genesis)) = action {
        founders(genesis)
    } else {
        Ok(vec![(op.author, author_key(table, op.author)?)])
    }
}

fn founders(genesis: &Genesis) -> Result<Vec<(Author, VerifyKey)>, VoidReason> {
    let mut signers = Vec::with_capacity(2);
    for person in &genesis.persons {
        let device = person.devices.first().ok_or(VoidReason::Genesis)?;
        signers.push((Author::Seat(device.id()), device.seat));
        if genesis.kind == SpaceKind::Private {
            signers.push((Author::Recovery(person.recovery.id()), person.recovery.sign));
        }
    }
    Ok(signers)
}

fn author_key(table: &Table, author: Author) -> Result<VerifyKey, VoidReason> {
    let device = |id| {
        let member = table.device(id).filter(|member| member.state == Standing::In);
        member.map(|member| &member.device).ok_or(VoidReason::Author)
    };
    match author {
        Author::Voice(id) => device(id).map(|device| device.voice),
        Author::Seat(id) => device(id).map(|device| device.seat),
        Author::Recovery(id) => {
            table.person_by_recovery(id).map(|it| it.recovery.sign).ok_or(VoidReason::Author)
        }
    }
}

pub(super) fn author_person(table: &Table, author: Author) -> Option<PersonId> {
    match author {
        Author::Voice(id) | Author::Seat(id) => table.person_of(id),
        Author::Recovery(id) => table.person_by_recovery(id).map(|person| person.id),
    }
}

/// The table once `action` holds, if the rules let it.
pub(super) fn table_after(
    ground: &Ground<'_>,
    op: &Op,
    action: &Action,
) -> Result<Table, VoidReason> {
    let founds = matches!(action, Action::Genesis(_));
    if founds == ground.table.is_founded() || founds != (op.idx == 0) {
        return Err(VoidReason::Genesis);
    }
    let table = match action {
        Action::Genesis(genesis) => found(ground, op, genesis)?,
        Action::AddDevice(add) => admit(ground, op, add)?,
        Action::RemoveDevices(removals) => remove(ground, op, removals)?,
        // The key that is replaced is named by where the op stands.
        Action::Rekey | Action::Reject { .. } => rekey(ground, op)?,
        Action::NewIncarnation(anew) => begin_anew(ground, op, *anew)?,
        Action::JoinSpace(join) => join_space(ground, op, join)?,
        // Branches are judged by more than a table.
        Action::Branch(_) | Action::Merge(_) | Action::Unbuilt { .. } => {
            return Err(VoidReason::Unbuilt);
        }
    };
    check_wraps_hash(ground, op)?;
    Ok(table)
}

fn found(ground: &Ground<'_>, op: &Op, genesis: &Genesis) -> Result<Table, VoidReason> {
    let has_relay = genesis.relay != RelayId::ZERO;
    let devices = || genesis.persons.iter().map(|person| person.devices.len());
    let is_sound = match genesis.kind {
        SpaceKind::Private => {
            genesis.persons.len() == 1
                && genesis.th == ZERO
                && devices().all(|count| (1..=DEVICES_PER_PERSON_MAX).contains(&count))
        }
        SpaceKind::Shared => {
            let mut persons: Vec<_> = genesis.persons.iter().map(|it| it.person).collect();
            persons.dedup();
            persons.len() == 2 && devices().all(|count| count == 1) && has_relay
        }
    };
    if !is_sound || genesis.sid != ground.home.sid || has_relay == genesis.address.is_empty() {
        return Err(VoidReason::Genesis);
    }
    if has_relay && VerifyKey::check(genesis.relay.to_bytes()).is_err() {
        return Err(VoidReason::Keys);
    }
    let table = Table::founded(genesis, op.kc);
    check_keys_once(&table)?;
    if (op.epoch_before, op.epoch_after) != (0, 0) {
        return Err(VoidReason::Epoch);
    }
    let is_committed = op.kc == ground.item.opened_with && op.ladder_hash == ZERO;
    if !is_committed || slots_of(op) != table.recipients() {
        return Err(VoidReason::Wraps);
    }
    Ok(table)
}

fn admit(ground: &Ground<'_>, op: &Op, add: &AddDevice) -> Result<Table, VoidReason> {
    let may = match op.author {
        Author::Seat(_) | Author::Recovery(_) => {
            author_person(ground.table, op.author) == Some(add.person)
        }
        Author::Voice(_) => false,
    };
    let person = ground.table.person(add.person).filter(|_| may).ok_or(VoidReason::Author)?;
    if person.devices_in() >= DEVICES_PER_PERSON_MAX
        || person.devices.len() >= DEVICES_PER_PERSON_EVER_MAX
    {
        return Err(VoidReason::DeviceCount);
    }
    let mut table = ground.table.clone();
    table.admit(add);
    check_keys_once(&table)?;
    check_epoch_stays(op)?;
    let slots = slots_of(op);
    let reaches_newcomer = slots.contains(add.device.id().as_bytes());
    let is_committed = op.kc == *ground.table.kc() && op.ladder_hash == ZERO;
    if !reaches_newcomer || !is_committed || !slots.is_subset(&table.recipients()) {
        return Err(VoidReason::Wraps);
    }
    Ok(table)
}

/// A person cuts own devices off, by another one of them or the phrase; one at least stays.
fn remove(ground: &Ground<'_>, op: &Op, removals: &[RemoveDevice]) -> Result<Table, VoidReason> {
    let person = match op.author {
        Author::Seat(_) | Author::Recovery(_) => author_person(ground.table, op.author),
        Author::Voice(_) => None,
    };
    let person = person.ok_or(VoidReason::Author)?;
    let mut table = ground.table.clone();
    for removal in removals {
        let member = table.device(removal.device).filter(|it| it.person == person);
        let member = member.ok_or(VoidReason::Author)?;
        if op.author == Author::Seat(removal.device) {
            return Err(VoidReason::Author);
        }
        if member.state != Standing::In || member.inc != removal.cut.inc {
            return Err(VoidReason::Incarnation);
        }
        table.remove(removal);
    }
    if table.person(person).is_none_or(|person| person.devices_in() == 0) {
        return Err(VoidReason::DeviceCount);
    }
    new_epoch(op, ground.item, ground.epoch_top, table)
}

fn rekey(ground: &Ground<'_>, op: &Op) -> Result<Table, VoidReason> {
    match op.author {
        Author::Voice(_) | Author::Seat(_) => {}
        Author::Recovery(_) => return Err(VoidReason::Author),
    }
    new_epoch(op, ground.item, ground.epoch_top, ground.table.clone())
}

/// The table under a new epoch, if its key is handed to exactly those who are in.
pub(super) fn new_epoch(
    op: &Op,
    item: &ItemFacts,
    epoch_top: u32,
    mut table: Table,
) -> Result<Table, VoidReason> {
    if Some(op.epoch_after) != epoch_top.checked_add(1) {
        return Err(VoidReason::Epoch);
    }
    let is_committed = op.kc != ZERO && op.ladder_hash == item.ladder_hash;
    if !is_committed || slots_of(op) != table.recipients() || op.wraps_hash != item.wraps_hash {
        return Err(VoidReason::Wraps);
    }
    table.rekey(op.epoch_after, op.kc);
    Ok(table)
}

/// Only a device's own person says where its old chain ended: a device that was restored, or another one of theirs.
fn begin_anew(ground: &Ground<'_>, op: &Op, anew: NewIncarnation) -> Result<Table, VoidReason> {
    let author = match op.author {
        Author::Seat(_) | Author::Recovery(_) => author_person(ground.table, op.author),
        Author::Voice(_) => None,
    };
    let member = ground.table.device(anew.device).filter(|it| author == Some(it.person));
    let member = member.ok_or(VoidReason::Author)?;
    let chains = ground.table.members().map(|member| usize::from(member.inc).saturating_add(1));
    let is_present = member.state == Standing::In && member.inc == anew.old;
    if !is_present || chains.sum::<usize>() >= CHAINS_MAX {
        return Err(VoidReason::Incarnation);
    }
    check_epoch_stays(op)?;
    check_no_key(op)?;
    let mut table = ground.table.clone();
    table.begin_anew(anew);
    Ok(table)
}

fn join_space(ground: &Ground<'_>, op: &Op, join: &JoinSpace) -> Result<Table, VoidReason> {
    let may = match op.author {
        Author::Seat(_) => ground.table.kind() == SpaceKind::Private,
        Author::Voice(_) | Author::Recovery(_) => false,
    };
    if !may {
        return Err(VoidReason::Author);
    }
    let spaces = ground.table.spaces();
    let is_known = |it: &JoinSpace| it.space == join.space || it.sid == join.sid;
    if spaces.iter().any(is_known) || spaces.len() >= SPACES_JOINED_MAX {
        return Err(VoidReason::Joined);
    }
    check_epoch_stays(op)?;
    check_no_key(op)?;
    let mut table = ground.table.clone();
    table.join(join);
    Ok(table)
}

fn slots_of(op: &Op) -> BTreeSet<[u8; 16]> {
    op.wrap_slots.iter().map(|slot| slot.recipient).collect()
}

pub(super) fn check_epoch_stays(op: &Op) -> Result<(), VoidReason> {
    if op.epoch_before == op.epoch_after { Ok(()) } else { Err(VoidReason::Epoch) }
}

fn check_no_key(op: &Op) -> Result<(), VoidReason> {
    let carries_none = op.kc == ZERO && op.ladder_hash == ZERO && op.wrap_slots.is_empty();
    if carries_none { Ok(()) } else { Err(VoidReason::Wraps) }
}

fn check_wraps_hash(ground: &Ground<'_>, op: &Op) -> Result<(), VoidReason> {
    let expected = if op.wrap_slots.is_empty() { ZERO } else { ground.item.wraps_hash };
    if op.wraps_hash == expected { Ok(()) } else { Err(VoidReason::Wraps) }
}

pub(super) fn check_keys_once(table: &Table) -> Result<(), VoidReason> {
    let keys = table.signing_keys();
    let distinct: BTreeSet<_> = keys.iter().collect();
    if distinct.len() == keys.len() { Ok(()) } else { Err(VoidReason::KeyTwice) }
}
