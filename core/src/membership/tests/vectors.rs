//! Known answers: one item of each kind with its op id, table hash and item hash, byte by byte.
//!
//! `REKNIT_WRITE_VECTORS=1` writes the file anew; a format that is out there must never need it.

use super::branches::{Couple, rejoin};
use super::fixture::{ADDRESS, Human, Space, home, private, relay, some_space};
use super::rejects::{reaches_only, reject};
use super::removals::removal;
use crate::crypto::{DeviceKeys, EpochKey, SeededRandom, open_control};
use crate::membership::op::undecodable_id;
use crate::membership::{
    ControlLog, Keyring, NewIncarnation, Op, Outcome, Recipient, SharedGenesis, Want,
};
use crate::model::id::EntryId;
use serde_json::{Value, json};
use wire::control::ControlItem;
use wire::hash::item_hash;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/membership.json");

fn hex(bytes: &[u8]) -> String {
    use core::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut out, byte| {
        write!(out, "{byte:02x}").unwrap();
        out
    })
}

fn unhex(value: &Value) -> Vec<u8> {
    let digits = value.as_str().unwrap().as_bytes().chunks(2);
    digits.map(|it| u8::from_str_radix(str::from_utf8(it).unwrap(), 16).unwrap()).collect()
}

/// The key of the epoch after an item.
fn key_at(space: &Space, idx: u32) -> EpochKey {
    let table = space.log.table_at(idx).unwrap();
    let key = space.keyring.get_committed(table.epoch(), table.kc()).unwrap();
    EpochKey::from_bytes(key.as_bytes())
}

fn describe(kind: &str, space: &Space, idx: u32) -> Value {
    let home = space.log.home();
    let item = &space.items[usize::try_from(idx).unwrap()];
    let decoded = ControlItem::decode(item).unwrap();
    let under = space.log.table_at(idx.saturating_sub(1)).unwrap().epoch();
    let before = match decoded.epoch_before {
        epoch if epoch == under => key_at(space, idx.saturating_sub(1)),
        older => space.key(older),
    };
    let after = key_at(space, idx);
    let body = open_control(&before, &home, &decoded).unwrap();
    let op = Op::decode(&body).unwrap();
    let table = space.log.table_at(idx).unwrap();
    json!({
        "kind": kind,
        "idx": idx,
        "epoch_before": decoded.epoch_before,
        "epoch_after": decoded.epoch_after,
        "key_before": hex(before.as_bytes()),
        "key_after": hex(after.as_bytes()),
        "item": hex(item),
        "item_hash": hex(item_hash(item).as_bytes()),
        "body": hex(&body),
        "signed_bytes": op.peek().signed_bytes().len(),
        "op_id": hex(op.peek().id(home.space).as_bytes()),
        "op_id_if_undecodable": hex(undecodable_id(home.space, item).as_bytes()),
        "state_after": hex(&op.peek().state_after),
        "table": hex(&table.encode()),
    })
}

fn chain(name: &str, space: &Space, kinds: &[&str], first: &DeviceKeys) -> Value {
    let ops: Vec<_> = (0..).zip(kinds).map(|(idx, kind)| describe(kind, space, idx)).collect();
    let home = space.log.home();
    json!({
        "name": name,
        "sid": hex(home.sid.as_bytes()),
        "space_id": hex(home.space.as_bytes()),
        "recipient_id": hex(first.id().as_bytes()),
        "recipient_kem_secret": hex(first.kem.seed()),
        "ops": ops,
    })
}

/// A device that was restored, and begins its chain anew after the third entry.
fn restored() -> Value {
    let random = &mut SeededRandom::new(2_027);
    let (human, mut own) = private(random);
    let (device, entry) = (human.keys.id(), EntryId::from_bytes([5; 32]));
    let anew = NewIncarnation { device, old: 0, seq: 3, entry };
    own.want(Want::NewIncarnation(anew), &human, random);
    chain("restored", &own, &["genesis", "new_incarnation"], &human.keys)
}

/// Ben's key does not reach Nora, who replaces it.
fn rejected() -> Value {
    let random = &mut SeededRandom::new(2_028);
    let couple = Couple::new(random);
    let (mut hers, mut his) = (couple.log(), couple.log());
    let item = reaches_only(&his, &couple.ben, random);
    his.receive(item.clone(), &couple.ben.me());
    hers.receive(item, &couple.nora.me());
    let item = reject(&hers, &couple.nora.keys, random);
    his.receive(item, &couple.ben.me());
    chain("rejected", &his, &["genesis", "rekey", "reject"], &couple.ben.keys)
}

/// A tablet that is cut off behind its seventh entry.
fn removed() -> Value {
    let random = &mut SeededRandom::new(2_029);
    let (human, mut own) = private(random);
    let tablet = DeviceKeys::generate(random);
    own.want(Want::AddDevice(human.admits(&tablet)), &human, random);
    own.want(Want::RemoveDevices(removal(tablet.id())), &human, random);
    chain("removed", &own, &["genesis", "add_device", "remove_devices"], &human.keys)
}

fn made() -> Value {
    let random = &mut SeededRandom::new(2_026);
    let (human, mut own) = private(random);
    let tablet = DeviceKeys::generate(random);
    own.want(Want::AddDevice(human.admits(&tablet)), &human, random);
    own.want(Want::JoinSpace(some_space(random)), &human, random);
    own.want(Want::Rekey { after: 0 }, &human, random);
    let (a, b) = (Human::new(random), Human::new(random));
    let genesis = SharedGenesis {
        home: home(random),
        relay: relay(random),
        address: ADDRESS,
        th: [9; 32],
        inviter: a.as_founder(random),
        joiner: b.as_founder(random),
    };
    let home = genesis.home;
    let mut draft = genesis.draft(random).unwrap();
    draft.sign(&a.keys);
    let signature = Op::decode(&draft.body()).unwrap().peek().sign(home.space, &b.keys.seat);
    let founded = draft.assemble(signature, random).unwrap();
    let mut shared = Space::founded(home, founded, &a.me());
    shared.want(Want::Rekey { after: 0 }, &a, random);
    let couple = Couple::new(random);
    let (mut hers, mut his) = (couple.log(), couple.log());
    let phone = DeviceKeys::generate(random);
    hers.want(Want::AddDevice(couple.nora.admits(&phone)), &couple.nora, random);
    hers.want(Want::Rekey { after: 0 }, &couple.nora, random);
    his.want(Want::Rekey { after: 0 }, &couple.ben, random);
    rejoin(&mut hers, &his, &couple.nora.keys, random);
    json!([
        restored(),
        chain("private", &own, &["genesis", "add_device", "join_space", "rekey"], &human.keys),
        chain("shared", &shared, &["genesis", "rekey"], &a.keys),
        chain("apart", &hers, &["genesis", "rekey", "branch", "merge"], &couple.nora.keys),
        rejected(),
        removed(),
    ])
}

#[test]
fn every_op_is_written_as_its_vector() {
    let made = made();
    if std::env::var_os("REKNIT_WRITE_VECTORS").is_some() {
        let text = serde_json::to_string_pretty(&made).unwrap();
        std::fs::write(PATH, text + "\n").unwrap();
    }
    let kept: Value = serde_json::from_str(&std::fs::read_to_string(PATH).unwrap()).unwrap();
    for (made, kept) in made.as_array().unwrap().iter().zip(kept.as_array().unwrap()) {
        let (made_ops, kept_ops) =
            (made["ops"].as_array().unwrap(), kept["ops"].as_array().unwrap());
        for (made, kept) in made_ops.iter().zip(kept_ops) {
            for (field, value) in made.as_object().unwrap() {
                assert!(*value == kept[field], "{} {field}", made["kind"]);
            }
        }
        assert!(made == kept);
    }
    assert!(made == kept);
}

#[test]
fn every_vector_folds_to_what_it_says() {
    let kept: Value = serde_json::from_str(&std::fs::read_to_string(PATH).unwrap()).unwrap();
    for chain in kept.as_array().unwrap() {
        let id = |field: &str| <[u8; 16]>::try_from(unhex(&chain[field])).unwrap();
        let home = crate::crypto::Home {
            sid: wire::id::SpaceHandle::from_bytes(id("sid")),
            space: crate::model::id::SpaceId::from_bytes(id("space_id")),
        };
        let secret = <[u8; 32]>::try_from(unhex(&chain["recipient_kem_secret"])).unwrap();
        let kem = crate::crypto::KemKey::from_seed(&secret);
        let me = Recipient { id: id("recipient_id"), kem: &kem };
        let ops = chain["ops"].as_array().unwrap();
        let items: Vec<_> = ops.iter().map(|op| unhex(&op["item"])).collect();
        let parsed: Vec<_> = items.iter().map(|it| ControlItem::decode(it).unwrap()).collect();
        let mut keyring = Keyring::new(home.space);
        keyring.climb(&parsed, home, &me).unwrap();
        let mut log = ControlLog::new(home);
        for (op, item) in ops.iter().zip(&items) {
            let folded = log.receive(item, &mut keyring, Some(&me)).unwrap();
            assert_eq!(folded.outcome, Outcome::Applied);
            assert_eq!(hex(folded.op.as_bytes()), op["op_id"]);
            assert_eq!(hex(log.last_item_hash().as_bytes()), op["item_hash"]);
            assert_eq!(hex(&log.table().encode()), op["table"]);
            assert_eq!(hex(&log.table().hash(home.space)), op["state_after"]);
            let after = <[u8; 32]>::try_from(unhex(&op["key_after"])).unwrap();
            let kc = EpochKey::from_bytes(&after).commitment(home.space, log.epoch());
            assert_eq!(kc, *log.table().kc());
        }
    }
}
