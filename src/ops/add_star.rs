//! Makes an instance a node of aggregators: a section with itself and them, a total for each table, the lease.

use super::{
    Mark, OpError, OpErrorKind, Plan,
    add_peers::AddPeers,
    attach::{Among, Attach, find_table},
    guard,
    spec::PeerSpec,
    star::{self, LEASE, TOTAL, is_total},
};
use crate::{
    escape,
    grammar::TableParam,
    model::{Instance, PeersSection, StickTable},
};

/// What to add.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AddStar {
    /// The section, all nodes as its peers, and the tables to attach. Each instance gets its own peer only.
    pub add: AddPeers,
    /// The aggregators.
    pub aggregators: Vec<PeerSpec>,
    /// Tables of the section to make: name and parameters.
    pub sources: Vec<Vec<Vec<u8>>>,
}

/// What the totals need.
#[derive(Debug, Default)]
struct Totals {
    /// `table` lines.
    lines: Vec<Vec<Vec<u8>>>,
    backends: Vec<(Vec<u8>, Vec<Vec<u8>>)>,
    /// Tables that are there and have to travel.
    attach: Vec<String>,
    /// The names of new totals, as rules use them, with the parameters.
    made: Vec<(String, Vec<Vec<u8>>)>,
    sources: usize,
}

impl AddStar {
    /// Plans the edits of one instance.
    ///
    /// # Errors
    /// If the instance's own name isn't known, the section lists other nodes or has no table to add up, and as [`AddPeers::plan`].
    pub fn plan(&self, instance: &Instance<'_>) -> Result<Plan, OpError> {
        let local = self.add.localpeer.clone().or_else(|| self.add.local_name(instance)).ok_or_else(|| {
            let help =
                "a node lists itself and the aggregators: say which one it is: NAME=PATH, -L NAME or --set-localpeer";
            OpError::new(OpErrorKind::UnknownLocal, help)
        })?;
        let section = instance.section(self.add.section.as_bytes());
        if let Some(section) = section {
            self.check_star(instance, section, &local)?;
        }
        let totals = self.totals(instance, section)?;
        if totals.sources == 0 {
            let help = "name stick tables with --attach, or define one: --table 'st_src type ipv6 size 1m expire 10m store \
                        http_req_rate(10s)'";
            return Err(OpError::new(OpErrorKind::NoSource(self.add.section.clone()), help));
        }
        let mut add = self.add.clone();
        add.peers.retain(|peer| peer.name == local);
        add.peers.extend(self.aggregators.iter().cloned());
        add.among = Among::Aggregators;
        add.attach = match add.attach {
            Attach::All => Attach::All,
            Attach::Tables(names) => Attach::Tables([names, totals.attach].concat()),
            Attach::Nothing if totals.attach.is_empty() => Attach::Nothing,
            Attach::Nothing => Attach::Tables(totals.attach),
        };
        add.tables = totals.lines;
        add.tables.push(LEASE.split(' ').map(|word| word.as_bytes().to_vec()).collect());
        add.backends = totals.backends;
        let mut plan = add.plan(instance)?;
        for (total, params) in totals.made {
            let rule = star::rules::over_limit(&total, &params, &self.add.section, &self.aggregators);
            if let Some(rule) = rule {
                let text = format!("beside the local limit: http-request deny deny_status 429 if {rule}");
                plan.note(Mark::Attention, total, text);
            }
        }
        Ok(plan)
    }

    /// No other node may be in the section.
    fn check_star(&self, instance: &Instance<'_>, section: &PeersSection, local: &str) -> Result<(), OpError> {
        let known =
            |name: &[u8]| name == local.as_bytes() || self.aggregators.iter().any(|a| a.name.as_bytes() == name);
        let mut others = section.entries.iter().filter(|entry| !entry.guest && !known(&entry.name)).peekable();
        let Some(first) = others.peek() else { return Ok(()) };
        let (section, peer) = (self.add.section.clone(), escape::name(&first.name).into_owned());
        let help = "use a section of its own for the aggregators; if that is one, list it with --aggregate, too";
        let error = OpError::new(OpErrorKind::Mesh { section, peer }, help);
        Err(others.fold(error, |error, entry| {
            error.at(
                entry.place,
                instance.word_span(entry.place, 1),
                "another node, or an aggregator that isn't listed",
            )
        }))
    }

    /// A total for each table that travels through the section, or will.
    fn totals(&self, instance: &Instance<'_>, section: Option<&PeersSection>) -> Result<Totals, OpError> {
        let mut found: Vec<&StickTable> = section.into_iter().flat_map(|section| instance.tables_of(section)).collect();
        match &self.add.attach {
            Attach::Nothing => {}
            Attach::Tables(names) => {
                for name in names {
                    found.push(find_table(instance, name.as_bytes())?);
                }
            }
            Attach::All => {
                let free = |table: &&StickTable| table.section.is_none() && table.peers().is_none();
                found.extend(instance.tables().into_iter().filter(free));
            }
        }
        let mut totals = Totals::default();
        let mut seen: Vec<&[u8]> = Vec::new();
        for table in found {
            let lease = table.section.is_some() && table.wire_name() == b"/lease";
            if is_total(&table.name) || lease || seen.contains(&table.name.as_slice()) {
                continue;
            }
            seen.push(&table.name);
            self.total(instance, table, &mut totals)?;
        }
        for words in &self.sources {
            let Some((name, params)) = words.split_first() else { continue };
            let full = [self.add.section.as_bytes(), b"/", name].concat();
            if is_total(name) || name == b"lease" {
                let kind = OpErrorKind::BadTable(format!("the name `{}` is taken", escape::name(name)));
                return Err(OpError::new(kind, "give sources only: totals and the lease table are added to them"));
            }
            if seen.contains(&full.as_slice()) {
                continue;
            }
            totals.sources += 1;
            let total = star::total_of(words);
            totals.made.push((format!("{}{TOTAL}", escape::name(&full)), params.to_vec()));
            totals.lines.extend([words.clone(), total]);
        }
        Ok(totals)
    }

    /// The total of a table that is there.
    fn total(&self, instance: &Instance<'_>, table: &StickTable, totals: &mut Totals) -> Result<(), OpError> {
        totals.sources += 1;
        let name = [table.name.as_slice(), TOTAL.as_bytes()].concat();
        let shown = String::from_utf8_lossy(&name).into_owned();
        if let Some(total) = instance.table(&name) {
            if total.peers().is_none() {
                totals.attach.push(shown);
            }
            return Ok(());
        }
        guard::table(instance, table)?;
        if let Some(raw) = table.raw.iter().find(|raw| raw.referenced) {
            let span = instance.word_span(table.place, usize::from(raw.first));
            let help = "its total would have to say the same: write that table by hand";
            return Err(OpError::new(OpErrorKind::Referenced(format!("table `{}`", escape::name(&table.name))), help)
                .at(table.place, span, "from the environment"));
        }
        let params = parameters(table);
        totals.made.push((shown, params.clone()));
        if table.section.is_some() {
            let wire = table.wire_name();
            let bare = [wire.strip_prefix(b"/").unwrap_or(&wire), TOTAL.as_bytes()].concat();
            totals.lines.push([vec![bare], params].concat());
        } else {
            let travels = [b"peers".to_vec(), self.add.section.clone().into_bytes()];
            totals.backends.push((name, [params, travels.to_vec()].concat()));
        }
        Ok(())
    }
}

/// The parameters that source and total have in common: how a table travels is its own.
fn parameters(table: &StickTable) -> Vec<Vec<u8>> {
    let own = [Some(TableParam::Peers), Some(TableParam::WriteTo)];
    let common = table.parsed.arguments.iter().filter(|argument| !own.contains(&argument.param));
    common
        .flat_map(|a| a.keyword..a.value.end.max(a.keyword + 1))
        .filter_map(|at| table.words.get(at).cloned())
        .collect()
}
