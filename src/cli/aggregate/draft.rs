//! The sections of the file with everything that stands in them, each setting once.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::levels::same_table;
use super::line::Word;
use super::options::{REFRESH_MS, START_GRACE_MS};
use super::problems::Problems;
use super::statement::{BindLine, Control, PeerLine, PeerRole, Statement};
use crate::aggregate::{DataPolicy, Naming, OnReset, Policy, Publish, Stale, TableName};
use crate::grammar::DataType;
use crate::node::Address;
use crate::span::Span;
use crate::stick::ValueKind;

/// What stands in a section, with the place of each setting.
#[derive(Debug, Default)]
pub(super) struct Settings {
    statements: BTreeMap<&'static str, (Span, Statement)>,
}

impl Settings {
    /// Notes a setting that may be given once.
    fn once(&mut self, keyword: &'static str, span: Span, statement: Statement, problems: &mut Problems) {
        if let Some((first, _)) = self.statements.get(keyword) {
            let message = format!("`{keyword}` twice in one section");
            problems.clash(message, (*first, "the first"), (span, "the second"), "leave one of them out");
            return;
        }
        self.statements.insert(keyword, (span, statement));
    }

    fn take(&mut self, keyword: &str) -> Option<Statement> {
        self.statements.remove(keyword).map(|(_, statement)| statement)
    }

    fn span(&self, keyword: &str) -> Option<Span> {
        self.statements.get(keyword).map(|(span, _)| *span)
    }
}

/// The `global` section, or several of them together.
#[derive(Debug, Default)]
pub(super) struct GlobalDraft {
    settings: Settings,
    /// Whether a line couldn't be read.
    pub(super) broken: bool,
}

/// What `global` says.
#[derive(Debug, Default)]
pub(super) struct Global {
    pub(super) local: Option<(String, Span)>,
    pub(super) bind: Option<BindLine>,
    pub(super) metrics: Option<Address>,
    pub(super) control: Option<Control>,
    pub(super) state_file: Option<PathBuf>,
    /// Whether something in it couldn't be read.
    pub(super) broken: bool,
}

impl GlobalDraft {
    /// Adds a line; `span` is what it is about.
    pub(super) fn add(&mut self, keyword: &'static str, span: Span, statement: Statement, problems: &mut Problems) {
        if statement != Statement::Nothing {
            self.settings.once(keyword, span, statement, problems);
        }
    }

    pub(super) fn finish(mut self) -> Global {
        let mut global = Global { broken: self.broken, ..Global::default() };
        let local = self.settings.span("localpeer");
        let all = std::mem::take(&mut self.settings.statements);
        for (_, statement) in all.into_values() {
            match statement {
                Statement::LocalPeer(name) => global.local = local.map(|span| (name, span)),
                Statement::Bind(bind) => global.bind = Some(bind),
                Statement::Metrics(address) => global.metrics = Some(address),
                Statement::Control(control) => global.control = Some(control),
                Statement::StateFile(path) => global.state_file = Some(path),
                _ => {}
            }
        }
        global
    }
}

/// An `aggregations` section in the making.
#[derive(Debug)]
pub(super) struct SectionDraft {
    pub(super) name: String,
    /// The name in the header.
    pub(super) span: Span,
    /// Whether a line couldn't be read: then what is missing isn't worth a word.
    pub(super) broken: bool,
    settings: Settings,
    tables: Vec<(TableName, Span)>,
    pub(super) peers: Vec<PeerLine>,
    data: Vec<(DataType, Word, DataPolicy, Option<OnReset>)>,
}

/// Which tables are meant, and where that stands.
pub(super) type Named = (Naming, Span);

impl SectionDraft {
    pub(super) fn new(name: String, span: Span) -> Self {
        let (settings, tables, peers, data) = Default::default();
        Self { name, span, broken: false, settings, tables, peers, data }
    }

    /// Adds a line; `span` is what it is about.
    pub(super) fn add(&mut self, keyword: &'static str, span: Span, statement: Statement, problems: &mut Problems) {
        match statement {
            Statement::Nothing => {}
            Statement::Table(table) => self.tables.push((table, span)),
            Statement::Peer(peer) => self.peers.push(peer),
            Statement::Data(types, policy, on_reset) => {
                for (data_type, word) in types {
                    self.add_data(data_type, word, policy, on_reset, problems);
                }
            }
            other => self.settings.once(keyword, span, other, problems),
        }
    }

    fn add_data(
        &mut self,
        data_type: DataType,
        word: Word,
        policy: DataPolicy,
        on_reset: Option<OnReset>,
        problems: &mut Problems,
    ) {
        if let Some((.., first, _, _)) = self.data.iter().find(|(known, ..)| *known == data_type) {
            let message = format!("`{data_type}` has two policies");
            let (first, second) = ((first.span, "the first"), (word.span, "the second"));
            return problems.clash(message, first, second, "leave one of them out");
        }
        let kind = ValueKind::of(data_type);
        let counter = matches!(kind, Some(ValueKind::Unsigned32 | ValueKind::Unsigned64))
            && !matches!(data_type, DataType::GPT0 | DataType::GPT | DataType::CONN_CUR);
        let bits = matches!(policy, DataPolicy::Or | DataPolicy::And);
        let server = matches!(kind, None | Some(ValueKind::Text | ValueKind::Signed32));
        let wrong = if server && policy != DataPolicy::None {
            "names and ids of servers mean something else on each node: only `none` will do"
        } else if kind == Some(ValueKind::Rate) && bits {
            "the bits of a rate mean nothing: use `sum` or `max`"
        } else if on_reset.is_some() && !(counter && policy == DataPolicy::Sum) {
            "`on-reset` is for sums of counters: `gpc0`, `gpc`, `http_req_cnt` and the like"
        } else {
            self.data.push((data_type, word, policy, on_reset));
            return;
        };
        problems.error(word.span, format!("`{data_type}` can't be aggregated like that"), "", wrong);
    }

    /// Which tables are meant: of `from` and `table` lines, one kind.
    pub(super) fn naming(&mut self, problems: &mut Problems) -> Option<Named> {
        let span = self.settings.span("from");
        let from = self.settings.take("from").zip(span);
        match (from, self.tables.first()) {
            (Some((Statement::From(from, to), span)), None) => Some((Naming::Suffix { from, to }, span)),
            (Some((_, span)), Some((_, table))) => {
                let message = "both a suffix and names say which tables are meant";
                problems.clash(message, (span, "all of these"), (*table, "this one"), "use `from` or `table` lines");
                None
            }
            (None, Some((_, span))) => {
                let span = *span;
                Some((Naming::Tables(self.table_names(problems)?), span))
            }
            _ if self.broken => None,
            _ => {
                let message = format!("section `{}` doesn't say which tables are added up", self.name);
                problems.error(self.span, message, "this section", "add `from any to .agg`");
                None
            }
        }
    }

    /// The tables, each a source once and a total once.
    fn table_names(&self, problems: &mut Problems) -> Option<Vec<TableName>> {
        let mut sound = true;
        for (n, (table, span)) in self.tables.iter().enumerate() {
            let earlier = self.tables.iter().take(n);
            for (other, first) in earlier {
                let message = if same_table(&other.from, &table.from) {
                    "one table is added up into two"
                } else if same_table(&other.to, &table.to) {
                    "two tables are added up into one"
                } else {
                    continue;
                };
                problems.clash(message, (*first, "the first"), (*span, "the second"), "give each source one total");
                sound = false;
            }
        }
        sound.then(|| self.tables.iter().map(|(table, _)| table.clone()).collect())
    }

    pub(super) fn policy(&self) -> Policy {
        let of = self
            .data
            .iter()
            .map(|(data_type, _, policy, on_reset)| (*data_type, (*policy, on_reset.unwrap_or_default())));
        Policy { of: of.collect() }
    }

    pub(super) fn publish(&mut self, problems: &mut Problems) -> Publish {
        let usual = Publish::default();
        let span = self.settings.span("publish").unwrap_or(self.span);
        let Some(Statement::Publish(least, most)) = self.settings.take("publish") else { return usual };
        let publish = Publish {
            min_interval_ms: least.unwrap_or(usual.min_interval_ms.min(most.unwrap_or(u64::MAX))),
            max_interval_ms: most.unwrap_or(usual.max_interval_ms.max(least.unwrap_or(0))),
        };
        if publish.max_interval_ms == 0 {
            problems.error(
                span,
                "a `max-interval` of no time at all",
                "",
                "1s is usual: rates are sent again so often",
            );
        } else if publish.min_interval_ms > publish.max_interval_ms {
            problems.error(span, "`min-interval` is longer than `max-interval`", "", "10ms and 1s are usual");
        }
        publish
    }

    pub(super) fn stale(&mut self) -> Stale {
        match self.settings.take("stale") {
            Some(Statement::Stale(stale)) => stale,
            _ => Stale::Keep,
        }
    }

    pub(super) fn start_grace_ms(&mut self) -> u64 {
        match self.settings.take("start-grace") {
            Some(Statement::StartGrace(time)) => time,
            _ => START_GRACE_MS,
        }
    }

    pub(super) fn refresh_ms(&mut self, problems: &mut Problems) -> Option<u64> {
        let span = self.settings.span("refresh").unwrap_or(self.span);
        match self.settings.take("refresh") {
            Some(Statement::Refresh(Some(time))) if time < 1_000 => {
                problems.error(
                    span,
                    "sources can't be asked for everything that often",
                    "",
                    "10m is usual; `off`: never",
                );
                None
            }
            Some(Statement::Refresh(time)) => time,
            _ => Some(REFRESH_MS),
        }
    }

    pub(super) fn teach_back(&mut self) -> bool {
        self.settings.take("teach-back") == Some(Statement::TeachBack(true))
    }

    pub(super) fn lease(&mut self) -> Option<(Box<[u8]>, Span)> {
        let span = self.settings.span("lease");
        match self.settings.take("lease") {
            Some(Statement::Lease(name)) => span.map(|span| (name, span)),
            _ => None,
        }
    }

    /// The lines that name ourselves.
    pub(super) fn locals(&self) -> impl Iterator<Item = (&PeerLine, &BindLine)> {
        self.peers.iter().filter_map(|peer| match &peer.role {
            PeerRole::Local(bind) => Some((peer, bind)),
            PeerRole::Other { .. } => None,
        })
    }
}
