//! Random backends that exist on several instances and don't quite agree: servers in another order, missing, renamed, with ids
//! on some instances only, templates of another size, lines written in odd ways.

use std::{collections::BTreeSet, fmt::Write as _};

use crate::support::random::Random;

/// What all files start with. `name` is that of the instance.
pub(crate) fn head(name: &str) -> String {
    format!(
        "global\n    localpeer {name}\n    setenv SEVEN 7\n    setenv WEIGHT 9\n\n\
         defaults\n    mode http\n    timeout connect 5s\n    timeout client 5s\n    timeout server 5s\n\n\
         peers mesh\n    peer lb1 127.0.0.1:10001\n    peer lb2 127.0.0.1:10002\n    peer lb3 127.0.0.1:10003\n"
    )
}

/// One backend on several instances.
pub(crate) struct Backend {
    pub(crate) name: String,
    /// By instance, from its header to the line before the next one; empty where it is missing.
    pub(crate) texts: Vec<String>,
    /// By instance, whether it is disabled.
    pub(crate) disabled: Vec<bool>,
    /// Whether it has what may keep ids from being written: a template, an id from the environment, an unknown condition.
    pub(crate) obstacles: bool,
    /// Whether it has a template.
    pub(crate) templates: bool,
    /// Whether a condition that only HAProxy can decide stands in it.
    pub(crate) doubtful: bool,
}

/// A `server` or `server-template` line.
#[derive(Clone)]
struct Line {
    name: String,
    /// The number of servers of a template.
    slots: Option<usize>,
    address: String,
    id: Option<u32>,
    look: usize,
}

/// How many ways there are to write a line; templates know the first ones.
const LOOKS: usize = 14;
const LOOKS_OF_TEMPLATES: usize = 4;

impl Backend {
    pub(crate) fn random(random: &mut Random, name: String, instances: usize) -> Self {
        let mut names = 0;
        let with_ids = random.below(10);
        let mut base: Vec<Line> = Vec::new();
        for _ in 0..=random.below(8) {
            let id = random_id(random, &base, with_ids);
            base.push(line(random, &mut names, id));
        }
        let sides: Vec<Vec<Line>> = (0..instances)
            .map(|_| {
                let mut lines = base.clone();
                for _ in 0..random.below(4) {
                    change(random, &mut lines, &mut names);
                }
                lines
            })
            .collect();
        let doubt = random.one_in(25).then(|| random.below(instances));
        let disabled: Vec<bool> = (0..instances).map(|_| random.one_in(25)).collect();
        let missing: Vec<bool> = (0..instances).map(|_| random.one_in(25)).collect();
        let table = random.pick(&[
            "    stick-table type ip size 1k expire 1m peers mesh\n    stick on src\n",
            "    stick-table type ip size 1k expire 1m peers mesh\n    stick on src\n",
            "    stick-table type ip size 1k expire 1m srvkey addr peers mesh\n    stick on src\n",
            "    stick-table type ip size 1k expire 1m\n    stick on src\n",
            "",
        ]);
        let kind = random.pick(&["backend", "backend", "listen"]);
        let text = |instance: usize| {
            if missing[instance] {
                return String::new();
            }
            let mut text = format!("{kind} {name}\n{table}");
            if disabled[instance] {
                text.push_str("    disabled\n");
            }
            for line in &sides[instance] {
                line.write(&mut text);
            }
            if doubt == Some(instance) {
                text.push_str(".if feature(OPENSSL)\n    server perhaps 127.0.0.9:8099\n.endif\n");
            }
            text
        };
        let texts: Vec<String> = (0..instances).map(text).collect();
        let templates = sides.iter().flatten().any(|line| line.slots.is_some());
        let referenced = texts.iter().any(|text| text.contains("$SEVEN"));
        let doubtful = doubt.is_some_and(|instance| !missing[instance]);
        Self { obstacles: templates || referenced || doubtful, name, texts, disabled, templates, doubtful }
    }
}

/// A line that no other instance has.
fn line(random: &mut Random, names: &mut usize, id: Option<u32>) -> Line {
    *names += 1;
    let slots = random.one_in(12).then(|| 1 + random.below(4));
    let look = random.below(if slots.is_some() { LOOKS_OF_TEMPLATES } else { LOOKS });
    let (name, address) = (format!("web{names}-"), format!("127.0.0.9:{}", 8000 + *names));
    Line { name, slots, address, id, look }
}

/// An id that no line has yet, `often` times in ten.
fn random_id(random: &mut Random, lines: &[Line], often: usize) -> Option<u32> {
    let used: BTreeSet<u32> = lines.iter().filter_map(|line| line.id).collect();
    let rare = if random.one_in(30) { 2_147_483_647 } else { 0 };
    let free: Vec<u32> = (1..=16).chain((rare > 0).then_some(rare)).filter(|id| !used.contains(id)).collect();
    (random.below(10) < often).then(|| random.pick(&free))
}

/// What people do to one instance and not to the others.
fn change(random: &mut Random, lines: &mut Vec<Line>, names: &mut usize) {
    let at = random.below(lines.len().max(1));
    if lines.is_empty() {
        lines.push(line(random, names, None));
        return;
    }
    match random.below(10) {
        0 => {
            let other = random.below(lines.len());
            lines.swap(at, other);
        }
        1 => (1..lines.len()).rev().for_each(|n| lines.swap(n, random.below(n + 1))),
        2 => drop(lines.remove(at)),
        3 | 4 => {
            let id = random_id(random, lines, 3);
            lines.insert(at, line(random, names, id));
        }
        5 => lines[at].name.insert(0, 'r'),
        6 => lines[at].id = None,
        7 => lines[at].id = random_id(random, lines, 10),
        8 => lines[at].slots = lines[at].slots.map(|slots| slots % 4 + 1),
        _ => lines[at].address = lines[at].address.replace("0.9:", "0.8:"),
    }
}

impl Line {
    fn write(&self, out: &mut String) {
        let Self { name, address, .. } = self;
        let id = self.id.map(|id| format!(" id {id}")).unwrap_or_default();
        let server =
            self.slots.map_or_else(|| format!("server {name}"), |slots| format!("server-template {name} {slots}"));
        // Writing to a string can't fail.
        let _ = match self.look {
            0 => writeln!(out, "    {server} {address}{id} weight 5"),
            1 => writeln!(out, "    {server} {address} weight 5{id}"),
            2 => writeln!(out, "\t{server}  {address}\tweight 5{id}   # id 9"),
            3 => writeln!(out, "    {server} {address}{id} weight \"${{WEIGHT-5}}\""),
            4 => writeln!(out, "    {server} {address} weight \"$WEIGHT\"{id} backup"),
            5 => writeln!(out, "    {server} {address} cookie id{id}"),
            6 => writeln!(out, "    {server} {address} \"weight\" '5'{}", id.replace("id", "\"id\"")),
            7 => writeln!(out, ".if version_atleast(2.0)\n    {server} {address}{id}\n.endif"),
            8 => writeln!(
                out,
                ".if 0\n    server ghost {address} id 3\n.elif streq(\"$SEVEN\",7)\n    {server} {address}{id}\n.endif"
            ),
            9 => writeln!(out, "    {server} {address}{id}\r"),
            10 => writeln!(out, "    {server} {address}{}", id.replace(" 7", " \"$SEVEN\"")),
            11 if self.id.is_some() => writeln!(out, "    {server} {address} id 3000{id}"),
            12 => writeln!(out, "    s\\x65rver {name} {address} weight 5{id}#comment"),
            _ => writeln!(out, "    {server} {address}{id}"),
        };
    }
}
