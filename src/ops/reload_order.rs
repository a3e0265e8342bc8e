//! In which order to reload several instances after an edit, so that tables are kept.
//!
//! Whoever keeps its tables goes first: from then on it knows the new names and addresses of the others, and can teach
//! them. Whoever has nothing yet goes last: a new process asks once, and if nobody knows it yet it stays empty.
//! Between two reloads one has to wait until the tables are synchronised: a process that hasn't learnt everything hands
//! nothing over. `tests/reload.rs` shows both on real HAProxy processes.

use std::fmt;

use super::handover::{Handover, Verdict};

/// One reload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    /// The instance, as an index into what [`order`] was given.
    pub instance: usize,
    /// Why it comes here.
    pub part: Part,
}

/// What an instance does in the sequence, in the order of the sequence.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Part {
    /// Keeps its tables, and can teach the others.
    Keeps,
    /// Is refilled by those that run.
    Learns,
    /// Loses what it has; less, if those before it let it learn.
    Loses,
    /// Had nothing, and learns from all the others.
    Starts,
}

impl Part {
    /// The part that follows from what a reload does.
    #[must_use]
    pub fn of(handover: &Handover) -> Self {
        // A table that replicates for the first time is no business of the others yet.
        let replicated = handover.tables.iter().filter(|table| table.replicated);
        match replicated.map(|table| table.verdict).max() {
            None => Self::Starts,
            Some(Verdict::Kept) => Self::Keeps,
            Some(Verdict::Refilled) => Self::Learns,
            Some(Verdict::Lost) => Self::Loses,
        }
    }
}

/// As it stands behind the name of an instance.
impl fmt::Display for Part {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Keeps => "keeps its tables",
            Self::Learns => "learns its tables from the others",
            Self::Loses => "loses tables",
            Self::Starts => "starts empty and learns from the others",
        })
    }
}

/// The order in which to reload the instances that an edit changes; those of the same part in the order given.
#[must_use]
pub fn order(instances: &[&Handover]) -> Vec<Step> {
    let step = |(instance, handover): (usize, &&Handover)| Step { instance, part: Part::of(handover) };
    let mut steps: Vec<Step> = instances.iter().enumerate().map(step).collect();
    steps.sort_by_key(|step| step.part);
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::{Document, Environment, Source},
        grammar::Version,
        model::{Facts, Instance, Naming},
        ops::handover::handover,
    };

    const OTHERS: &str = "peer lb2 10.0.0.2:1\n peer lb3 10.0.0.3:1\n";
    const TABLE: &str = "backend t\n stick-table type ip size 1k peers mesh\n";

    fn reload(before: &str, after: &str, local: &str) -> Handover {
        let read = |text: &str| vec![Source::new("f", Document::parse(text.into()).expect("short"))];
        let naming = Naming { option: Some(local.into()), ..Naming::default() };
        let facts = Facts { version: Version::new(3, 2), environment: Environment::default() };
        let (before, after) = (read(before), read(after));
        handover(&Instance::read(&before, &naming, &facts), &Instance::read(&after, &naming, &facts))
    }

    fn parts(instances: &[&Handover]) -> Vec<(usize, Part)> {
        order(instances).into_iter().map(|step| (step.instance, step.part)).collect()
    }

    #[test]
    fn those_that_run_go_first_and_the_new_one_last() {
        let old = format!("peers mesh\n peer lb1 10.0.0.1:1\n peer lb2 10.0.0.2:1\n{TABLE}");
        let new = format!("peers mesh\n peer lb1 10.0.0.1:1\n {OTHERS}{TABLE}");
        let alone = "backend t\n stick-table type ip size 1k\n";
        let [third, first, second] = [reload(alone, &new, "lb3"), reload(&old, &new, "lb1"), reload(&old, &new, "lb2")];
        assert_eq!(parts(&[&third, &first, &second]), [(1, Part::Keeps), (2, Part::Keeps), (0, Part::Starts)]);
    }

    #[test]
    fn an_instance_that_moves_goes_behind_those_that_can_teach_it() {
        let (old, new) = ("peer lb1 10.0.0.1:1\n", "peer lb1 10.0.0.1:2\n");
        let config = |own: &str| format!("peers mesh\n {own} {OTHERS}{TABLE}");
        let of = |local| reload(&config(old), &config(new), local);
        assert_eq!(
            parts(&[&of("lb1"), &of("lb2"), &of("lb3")]),
            [(1, Part::Keeps), (2, Part::Keeps), (0, Part::Learns)]
        );
    }

    #[test]
    fn a_renamed_instance_goes_behind_those_that_list_its_new_name() {
        let renamed =
            |own: &str| format!("global\n localpeer {own}\npeers mesh\n peer {own} 10.0.0.1:1\n {OTHERS}{TABLE}");
        let read = |text: &str| vec![Source::new("f", Document::parse(text.into()).expect("short"))];
        let facts = Facts { version: Version::new(3, 2), environment: Environment::default() };
        let (before, after) = (read(&renamed("lb1")), read(&renamed("node1")));
        let naming = Naming::default();
        let first = handover(&Instance::read(&before, &naming, &facts), &Instance::read(&after, &naming, &facts));
        let strip =
            |own: &str| renamed(own).split_once("peers").map(|(_, rest)| format!("peers{rest}")).expect("there");
        let second = reload(&strip("lb1"), &strip("node1"), "lb2");
        assert_eq!(parts(&[&first, &second]), [(1, Part::Keeps), (0, Part::Loses)]);
    }

    #[test]
    fn a_table_attached_by_the_edit_changes_nothing_about_the_order() {
        let config = |own: &str, attached: &str| {
            format!("peers mesh\n {own} {OTHERS}{TABLE}backend u\n stick-table type ip size 1k{attached}\n")
        };
        let (old, new) = ("peer lb1 10.0.0.1:1\n", "peer lb1 10.0.0.1:2\n");
        let of = |local| reload(&config(old, ""), &config(new, " peers mesh"), local);
        assert_eq!(of("lb2").verdict, Verdict::Lost, "`u` starts empty");
        assert_eq!(parts(&[&of("lb1"), &of("lb2")]), [(1, Part::Keeps), (0, Part::Learns)]);
    }

    #[test]
    fn where_no_order_helps_the_given_one_stays() {
        let before = format!("peers mesh\n peer lb1 10.0.0.1:1\n {OTHERS}{TABLE}");
        let removed = reload(&before, "backend t\n stick-table type ip size 1k\n", "lb1");
        assert_eq!(parts(&[&removed, &removed]), [(0, Part::Loses), (1, Part::Loses)]);
    }
}
