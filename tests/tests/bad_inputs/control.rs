//! Control items that a partner with valid keys signs and seals, B38 to B40.

use crate::bench::{Bench, MEBIBYTE, Row, Said};
use crate::envelopes::{arrives, life_goes_on};
use crate::siege::Siege;
use reknit_core::crypto::{
    ControlHead, ControlParts, DeviceKeys, EpochKey, Home, RecoveryEntropy, RecoveryKeys,
    SigningKey, draw, open_control, seal_control,
};
use reknit_core::membership::{
    ControlLog, Folded, Founded, GenesisPerson, ItemFacts, KeyArrival, Keyring, Op, Outcome,
    SharedGenesis, Want,
};
use reknit_core::model::id::{OpId, PersonId, SpaceId};
use reknit_e2e::random::Seeded;
use reknit_e2e::villain_control::Forgery;
use wire::control::ControlItem;
use wire::id::{PrincipalKey, SpaceHandle};

pub(crate) const ROWS: &[Row] = &[
    Row {
        number: 38,
        codes: &["void"],
        who: "phone and tablet",
        what: "a skipped epoch, missing wraps, a weak key, another's device, a wrong end",
        bar: MEBIBYTE,
        run: b38,
    },
    Row {
        number: 39,
        codes: &["wrap.bad"],
        who: "phone and tablet",
        what: "twelve wraps of garbage",
        bar: MEBIBYTE,
        run: b39,
    },
    Row {
        number: 40,
        codes: &["genesis"],
        who: "phone and tablet",
        what: "a Genesis with one signature, one twice, one of a stranger",
        bar: MEBIBYTE,
        run: b40,
    },
];

/// What a person is told of a folded item.
fn told(folded: &Folded) -> Option<Said> {
    Some(Said::new(folded.code()?, folded.sentence()?))
}

/// The item as whoever holds the key judges it, without taking it in.
fn judged(siege: &Siege, item: &[u8]) -> Option<Said> {
    let villain = &siege.villain;
    let item = ControlItem::decode(item).expect("an item");
    let key = villain.keyring.get(item.epoch_before).expect("the key");
    let body = open_control(key, &villain.home, &item).expect("it opens");
    let facts = ItemFacts::of(&item, key.commitment(villain.home.space, item.epoch_before));
    let (_, judged) = villain.log.state().fold(&facts, Some(&body), OpId::ZERO);
    told(&Folded {
        idx: item.idx,
        op: OpId::ZERO,
        outcome: judged.outcome,
        incident: None,
        key: KeyArrival::None,
    })
}

fn b38(bench: &mut Bench) {
    let mut siege = Siege::new("table38");
    let breaks: [(&str, bool, fn(&mut Forgery)); 5] = [
        ("a skipped epoch", false, |forgery| {
            let after = forgery.op.epoch_before + 2;
            (forgery.op.epoch_after, forgery.item.epoch_after) = (after, after);
        }),
        ("a wrap missing", false, |forgery| forgery.op.wrap_slots.truncate(1)),
        ("a wrong end", false, |forgery| forgery.op.state_after = [9; 32]),
        ("a weak key", true, |forgery| {
            forgery.op.actions[0].payload[16..48].fill(0);
            forgery.op.actions[0].payload[16] = 1;
        }),
        ("a device of another person", true, |forgery| {
            forgery.op.actions[0].payload[..16].fill(7);
        }),
    ];
    for (what, device, spoil) in breaks {
        let want = if device {
            siege.villain.second_device().1
        } else {
            Want::Rekey { after: siege.villain.log.epoch() }
        };
        let mut forgery = siege.villain.compose(want);
        spoil(&mut forgery);
        let item = siege.villain.seal_op(forgery);
        bench.bad(what, || judged(&siege, &item));
        let (idx, epoch) = (siege.villain.log.next_idx(), siege.villain.log.epoch());
        siege.villain.append(&mut siege.world, item);
        let outcome = siege.villain.log.outcome_at(idx);
        assert!(matches!(outcome, Some(Outcome::Void(_))), "{what}: {outcome:?}");
        bench.good("the keys are as they were", siege.villain.log.epoch() == epoch);
        siege.settle();
    }
    life_goes_on(bench, &mut siege);
}

fn b39(bench: &mut Bench) {
    let mut siege = Siege::new("table39");
    let mut forgery = siege.villain.compose(Want::Rekey { after: 0 });
    siege.villain.garble_wraps(&mut forgery);
    let item = siege.villain.seal_op(forgery);
    siege.villain.append(&mut siege.world, item);
    arrives(bench, &mut siege, "garbage");
    bench.good("who got no key makes another", siege.villain.log.epoch() == 2);
    let forgery = siege.villain.compose(Want::Rekey { after: 2 });
    let item = siege.villain.seal_op(forgery);
    siege.villain.append(&mut siege.world, item);
    siege.settle();
    life_goes_on(bench, &mut siege);
}

struct Founder(DeviceKeys, GenesisPerson);

fn founder(random: &mut Seeded) -> Founder {
    let (keys, person) = (DeviceKeys::generate(random), PersonId::from_bytes(draw(random)));
    let recovery = RecoveryKeys::from_entropy(&RecoveryEntropy::generate(random)).public();
    let mut principal = || PrincipalKey::from(SigningKey::generate(random).public());
    let (acc, adm) = (principal(), principal());
    let devices = vec![keys.device(person)];
    Founder(keys, GenesisPerson { person, recovery, acc, adm, devices })
}

/// An honest Genesis, and the keys of the two.
fn founded(home: Home, random: &mut Seeded) -> (Founded, [DeviceKeys; 2]) {
    let (Founder(a, inviter), Founder(b, joiner)) = (founder(random), founder(random));
    let relay = SigningKey::generate(random).public().into();
    let genesis =
        SharedGenesis { home, relay, address: "relay.example:4433", th: [7; 32], inviter, joiner };
    let mut draft = genesis.draft(random).expect("an honest draft");
    draft.sign(&a);
    let op = Op::decode(&draft.body()).expect("our own op").peek().clone();
    let signature = op.sign(home.space, &b.seat);
    (draft.assemble(signature, random).expect("both signed"), [a, b])
}

/// A new log that folds one item with the first key.
fn first(home: Home, key: &EpochKey, item: &[u8]) -> Option<Said> {
    let mut keyring = Keyring::new(home.space);
    keyring.insert(0, EpochKey::from_bytes(key.as_bytes()));
    told(&ControlLog::new(home).receive(item, &mut keyring, None).expect("it is folded"))
}

fn b40(bench: &mut Bench) {
    let random = &mut Seeded::new(40);
    let home = Home {
        sid: SpaceHandle::from_bytes(draw(random)),
        space: SpaceId::from_bytes(draw(random)),
    };
    let (founded, [a, _]) = founded(home, random);
    let item = ControlItem::decode(&founded.item).expect("our own item");
    let body = open_control(&founded.key, &home, &item).expect("our own item");
    let op = Op::decode(&body).expect("our own op").peek().clone();
    let breaks: [(&str, fn(&mut Op, &DeviceKeys, SpaceId)); 3] = [
        ("one signature", |op, _, _| op.signatures.truncate(1)),
        ("one signature twice", |op, _, _| op.signatures[1] = op.signatures[0].clone()),
        ("the other in the joiner's name", |op, a, space| {
            op.signatures[1].signature = op.sign(space, &a.seat);
        }),
    ];
    for (what, spoil) in breaks {
        let mut op = op.clone();
        spoil(&mut op, &a, home.space);
        let head = ControlHead { idx: 0, epoch_before: 0, epoch_after: 0, prev: item.prev };
        let (ladder, wraps) = (item.ladder, item.wraps.clone());
        let parts = ControlParts { head, body: &op.encode(), ladder, wraps };
        let sealed = seal_control(&founded.key, &home, parts, random).expect("it fits").encode();
        bench.bad(what, || first(home, &founded.key, &sealed));
    }
    bench.good("with both signatures", first(home, &founded.key, &founded.item).is_none());
}
