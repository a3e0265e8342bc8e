//! Collects references to tables while an instance is read, and resolves them when it is complete.

use std::collections::BTreeSet;

use super::{How, TableUse, sample};
use crate::{
    config::Decoded,
    grammar::TableParam,
    model::{reading::Statement, stick_table::StickTable},
};

/// Collects the references of an instance, statement by statement.
#[derive(Debug, Default)]
pub struct Collector {
    uses: Vec<TableUse>,
    /// Fetches such as `sc0_conn_cnt` without a table, as indexes into `uses`: they mean what is tracked.
    tracked: Vec<usize>,
    /// `acl` lines with references: owner, name, the references as a range of `uses`.
    acls: Vec<(Vec<u8>, Vec<u8>, std::ops::Range<usize>)>,
    /// The names in conditions of limiting rules, with their owners.
    limiting: BTreeSet<(Vec<u8>, Vec<u8>)>,
}

impl Collector {
    /// Takes a statement of a proxy or `defaults` section called `owner`.
    pub fn statement(&mut self, owner: &[u8], statement: &Statement<'_, '_>) {
        let keyword = statement.keyword();
        if FREE.contains(&keyword) {
            return;
        }
        let first = self.uses.len();
        let words = &statement.words.words;
        match keyword {
            b"stick" => self.stick(owner, statement),
            b"filter" if statement.words.get(1).starts_with(b"bwlim-") => {
                if let Some(at) = behind(words, b"table") {
                    self.push(owner, statement, How::Bandwidth, Some(at), behind(words, b"key"));
                }
            }
            _ if is_ruleset(keyword) => self.track(owner, statement),
            _ => {}
        }
        for (at, word) in words.iter().enumerate().skip(1).filter(|(_, word)| sample::is_candidate(&word.bytes)) {
            self.samples(owner, statement, at, word);
        }
        if keyword == b"acl" && self.uses.len() > first {
            self.acls.push((owner.to_vec(), statement.words.get(1).to_vec(), first..self.uses.len()));
        } else if is_ruleset(keyword) && is_limit(words) {
            self.uses.iter_mut().skip(first).for_each(|found| found.limits = true);
            let condition = words.iter().skip_while(|word| !matches!(&*word.bytes, b"if" | b"unless")).skip(1);
            let names = condition.map(|word| word.bytes.strip_prefix(b"!").unwrap_or(&word.bytes));
            self.limiting.extend(names.map(|name| (owner.to_vec(), name.to_vec())));
        }
    }

    /// All references, in the order of the lines, those of `write-to` among them.
    #[must_use]
    pub fn finish<'t>(mut self, tables: impl Iterator<Item = &'t StickTable>) -> Vec<TableUse> {
        for (owner, name, range) in std::mem::take(&mut self.acls) {
            if self.limiting.contains(&(owner, name)) {
                self.uses.get_mut(range).unwrap_or_default().iter_mut().for_each(|found| found.limits = true);
            }
        }
        let mut uses = self.resolve();
        uses.extend(tables.filter_map(write_to));
        uses.sort_by_key(|found| (found.place, found.word));
        uses
    }

    /// Gives fetches of a counter the table that the counter tracks: in their own section, else anywhere. HAProxy reads
    /// nothing where nothing is tracked, so they vanish then.
    fn resolve(self) -> Vec<TableUse> {
        let tracks: Vec<(u32, Vec<u8>, Vec<u8>)> = self.uses.iter().filter_map(track).collect();
        let mut uses = Vec::with_capacity(self.uses.len());
        let mut tracked = self.tracked.into_iter().peekable();
        for (index, found) in self.uses.into_iter().enumerate() {
            if tracked.next_if_eq(&index).is_none() {
                uses.push(found);
                continue;
            }
            let How::Sample(sample) = found.how else { continue };
            let of_counter = tracks.iter().filter(|(counter, ..)| Some(*counter) == sample.counter);
            let own = of_counter.clone().any(|(_, owner, _)| *owner == found.owner);
            let tables: BTreeSet<&Vec<u8>> =
                of_counter.filter(|(_, owner, _)| !own || *owner == found.owner).map(|(.., table)| table).collect();
            uses.extend(tables.into_iter().map(|table| TableUse { table: table.clone(), ..found.clone() }));
        }
        uses
    }

    /// `stick on|match|store-request|store-response KEY [table NAME]`.
    fn stick(&mut self, owner: &[u8], statement: &Statement<'_, '_>) {
        if matches!(statement.words.get(1), b"on" | b"match" | b"store-request" | b"store-response") {
            self.push(owner, statement, How::Stick, behind(&statement.words.words, b"table"), Some(2));
        }
    }

    /// `… track-scN KEY [table NAME]`.
    fn track(&mut self, owner: &[u8], statement: &Statement<'_, '_>) {
        let words = &statement.words.words;
        let counter = |word: &[u8]| std::str::from_utf8(word.strip_prefix(b"track-sc")?).ok()?.parse().ok();
        let found = words.iter().enumerate().take(4).find_map(|(at, word)| Some((at, counter(&word.bytes)?)));
        let Some((at, counter)) = found else { return };
        let named = (statement.words.get(at + 2) == b"table").then_some(at + 3);
        self.push(owner, statement, How::Track(counter), named, Some(at + 1));
    }

    fn samples(&mut self, owner: &[u8], statement: &Statement<'_, '_>, at: usize, word: &Decoded<'_>) {
        for found in sample::find(&word.bytes) {
            let key = found.key.map(<[u8]>::to_vec);
            let key = key.or_else(|| found.sample.user.name.starts_with("src_").then(|| b"src".to_vec()));
            if found.table.is_none() && found.sample.user.name.starts_with("sc") {
                self.tracked.push(self.uses.len());
            }
            self.push(owner, statement, How::Sample(found.sample), Some(at), None);
            if let Some(pushed) = self.uses.last_mut() {
                pushed.key = key;
                pushed.named = found.table.is_some();
                pushed.table = found.table.unwrap_or(owner).to_vec();
            }
        }
    }

    /// Adds a reference; `named` and `key` are the indexes of the words that are the table's name and the key.
    fn push(
        &mut self,
        owner: &[u8],
        statement: &Statement<'_, '_>,
        how: How,
        named: Option<usize>,
        key: Option<usize>,
    ) {
        let word = named.and_then(|at| statement.words.words.get(at));
        let key = key.and_then(|at| statement.words.words.get(at));
        let raw = word.map_or(0, |word| usize::from(word.first));
        self.uses.push(TableUse {
            table: word.map_or(owner, |word| &word.bytes).to_vec(),
            named: named.is_some(),
            how,
            owner: owner.to_vec(),
            place: statement.place,
            word: raw,
            referenced: word.is_some_and(|word| word.referenced),
            known: statement.known,
            key: key.map(|key| key.bytes.to_vec()),
            key_word: key.map_or(raw, |key| usize::from(key.first)),
            limits: false,
        });
    }
}

/// Frequent keywords whose lines aren't looked at.
const FREE: [&[u8]; 9] = [
    b"server",
    b"server-template",
    b"default-server",
    b"bind",
    b"option",
    b"timeout",
    b"mode",
    b"balance",
    b"stick-table",
];

fn is_ruleset(keyword: &[u8]) -> bool {
    keyword.starts_with(b"http-") || keyword.starts_with(b"tcp-")
}

/// Whether a rule turns clients away.
fn is_limit(words: &[Decoded<'_>]) -> bool {
    let is_action = |word: &Decoded<'_>| matches!(&*word.bytes, b"deny" | b"reject" | b"tarpit" | b"silent-drop");
    words.iter().skip(1).take(2).any(is_action)
}

/// The index of the word behind the first `keyword`.
fn behind(words: &[Decoded<'_>], keyword: &[u8]) -> Option<usize> {
    let at = words.iter().position(|word| *word.bytes == *keyword)? + 1;
    (at < words.len()).then_some(at)
}

/// Counter, section and table of a reference that tracks.
fn track(found: &TableUse) -> Option<(u32, Vec<u8>, Vec<u8>)> {
    let How::Track(counter) = found.how else { return None };
    Some((counter, found.owner.clone(), found.table.clone()))
}

fn write_to(table: &StickTable) -> Option<TableUse> {
    let target = table.schema().write_to.as_ref()?;
    let argument = table.parsed.places(TableParam::WriteTo).last()?;
    let raw = table.raw.get(argument.value.start);
    let word = raw.map_or(0, |raw| usize::from(raw.first));
    Some(TableUse {
        table: target.to_vec(),
        named: true,
        how: How::WriteTo,
        owner: table.name.clone(),
        place: table.place,
        word,
        referenced: raw.is_some_and(|raw| raw.referenced),
        known: table.known,
        key: None,
        key_word: word,
        limits: false,
    })
}

#[cfg(test)]
mod tests {
    use crate::{
        config::{Document, Environment, Source},
        grammar::Version,
        model::{Facts, Instance, Naming},
    };

    /// `LINE: TABLE how key`, `!` behind what limits, `~` behind what isn't named.
    fn uses(text: &str) -> Vec<String> {
        let document = Document::parse(text.as_bytes().to_vec()).expect("a small file");
        let files = [Source::new("t.cfg", document)];
        let facts = Facts { version: Version::new(3, 2), environment: Environment::default() };
        let instance = Instance::read(&files, &Naming::default(), &facts);
        let line = |found: &crate::model::TableUse| {
            let how = match found.how {
                super::How::Sample(sample) => sample.user.name.to_owned(),
                how => format!("{how:?}"),
            };
            let key = found.key.as_ref().map_or("-".into(), |key| String::from_utf8_lossy(key).into_owned());
            let marks = format!("{}{}", if found.named { "" } else { "~" }, if found.limits { "!" } else { "" });
            let table = String::from_utf8_lossy(&found.table).into_owned();
            format!("{}: {table}{marks} {how} {key}", found.place.line.human())
        };
        instance.table_uses.iter().map(line).collect()
    }

    #[test]
    fn rules_name_tables_or_mean_their_own() {
        let text = "backend b
  stick-table type ip size 1k
  stick on src
  stick match req.cook(sid) table p/t if TRUE
  http-request track-sc0 src,ipmask(24)
  tcp-request content track-sc1 hdr(x) table t if { src_conn_cnt gt 3 }
  http-response set-header X \"%[src,table_gpc0(p/t)]\"
  filter bwlim-in lim limit 1m key src table bw
";
        assert_eq!(
            uses(text),
            [
                "3: b~ Stick src",
                "4: p/t Stick req.cook(sid)",
                "5: b~ Track(0) src,ipmask(24)",
                "6: t Track(1) hdr(x)",
                "6: b~ src_conn_cnt src",
                "7: p/t table_gpc0 src",
                "8: bw Bandwidth src",
            ]
        );
    }

    #[test]
    fn a_counter_without_a_table_means_what_it_tracks() {
        let text = "frontend f
  http-request track-sc0 src table t
  http-request track-sc0 hdr(x) table u if { nbsrv(x) 0 }
  http-request set-header X %[sc_conn_cnt(0)] if { sc1_conn_cnt gt 0 }
frontend g
  http-request track-sc0 src table v
backend b
  http-request set-header X %[sc0_conn_cnt]
";
        let samples: Vec<_> = uses(text).into_iter().filter(|line| line.contains("conn_cnt")).collect();
        assert_eq!(
            samples,
            [
                "4: t~ sc_conn_cnt -",
                "4: u~ sc_conn_cnt -",
                "8: t~ sc0_conn_cnt -",
                "8: u~ sc0_conn_cnt -",
                "8: v~ sc0_conn_cnt -"
            ]
        );
    }

    #[test]
    fn what_decides_about_a_refusal_limits() {
        let text = "frontend f
  acl fast sc_http_req_rate(0,t) gt 9
  acl slow sc_http_req_rate(0,u) gt 9
  http-request deny deny_status 429 if !slow or fast
  tcp-request connection reject if { src_conn_rate(v) gt 3 }
  http-request set-header X a if { src_conn_cur(w) gt 3 }
frontend g
  acl fast sc_http_req_rate(0,x) gt 9
";
        assert_eq!(
            uses(text),
            [
                "2: t! sc_http_req_rate -",
                "3: u! sc_http_req_rate -",
                "5: v! src_conn_rate src",
                "6: w src_conn_cur src",
                "8: x sc_http_req_rate -"
            ]
        );
    }

    #[test]
    fn write_to_is_a_use_of_its_target() {
        let text = "peers p\n  table a type ip size 1k write-to p/b\n  table b type ip size 1k\n";
        assert_eq!(uses(text), ["2: p/b WriteTo -"]);
    }
}
