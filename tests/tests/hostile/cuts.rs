//! The partner ends a chain of their own to take back what they said.

use crate::siege::Siege;
use reknit_core::entry::Payload;
use reknit_core::membership::{NewIncarnation, Want};
use reknit_core::model::id::EntryId;
use reknit_core::view::Mark;

impl Siege {
    fn says(&mut self, text: &str) -> EntryId {
        let payload = Payload::Event(self.moment(text).encode());
        let said = self.villain.say(&mut self.world, &payload);
        self.settle();
        said
    }

    /// The villain's chain ends at the first entry, by the villain's own word.
    fn ends_at(&mut self, seq: u64, entry: EntryId) {
        let device = self.villain.me().device;
        let anew = NewIncarnation { device, old: 0, seq, entry };
        let item = self.villain.compose(Want::NewIncarnation(anew)).item.encode();
        self.villain.append(&mut self.world, item);
        self.settle();
    }

    fn cut_off(&self, device: usize) -> Vec<bool> {
        let lines = self.world.node(device).session().timeline().unwrap();
        lines.iter().map(|line| line.opening.marks.contains(&Mark::CutOff)).collect()
    }
}

#[test]
fn m6_an_end_takes_nothing_back_that_the_other_had_heard() {
    let mut siege = Siege::new("cut");
    let chain = siege.villain.me();
    let first = siege.says("one");
    let seq = siege.villain.chains.get(chain).unwrap().seq;
    siege.says("two");
    siege.tell(siege.phone, "I heard one and two");
    siege.settle();
    siege.says("three");
    siege.world.set_online(siege.tablet, false);
    siege.ends_at(seq, first);
    siege.tell(siege.phone, "I know of the end");
    siege.settle();
    siege.world.set_online(siege.tablet, true);
    siege.settle();
    for device in [siege.phone, siege.tablet] {
        let cut_off = siege.cut_off(device);
        // One, two, what the phone said of them, three, and what the phone said last.
        assert_eq!(cut_off, [false, false, false, true, false], "device {device}");
    }
    siege.life_goes_on();
    assert_eq!(siege.cut_off(siege.phone), siege.cut_off(siege.tablet));
}
