//! What instances hold, for people: 80 columns, in the order of the questions. Who am I, who are my peers, what travels,
//! which server has which id.

use std::io;

use super::{redact::Redactor, table_list};
use crate::{
    escape,
    model::{Bind, Instance, Known, LocalPeerSource, PeerEntry, PeersSection, Place, Proxy, ProxyKind, Server},
};

/// Text gets no wider than this, where it can be broken.
const WIDTH: usize = 80;

/// Prints instances with their names.
///
/// # Errors
/// Those of `out`.
pub fn print(
    instances: &[(&str, &Instance<'_>)],
    redactor: &Redactor,
    color: bool,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    for (number, (name, instance)) in instances.iter().enumerate() {
        if number > 0 {
            writeln!(out)?;
        }
        Page { instance, redactor, color, out: &mut *out }.print(name)?;
    }
    Ok(())
}

struct Page<'p> {
    instance: &'p Instance<'p>,
    redactor: &'p Redactor,
    color: bool,
    out: &'p mut dyn io::Write,
}

impl Page<'_> {
    fn print(&mut self, name: &str) -> io::Result<()> {
        let files: Vec<&str> = self.instance.files.iter().map(|file| file.name.as_str()).collect();
        self.heading("", &escape::name(name.as_bytes()), &files.join(", "))?;
        self.local_peer()?;
        let instance = self.instance;
        instance.peers.iter().try_for_each(|section| self.section(section))?;
        self.tables()?;
        let backends = || instance.proxies.iter().filter(|proxy| proxy.kind != ProxyKind::Frontend);
        backends().try_for_each(|proxy| self.backend(proxy))?;
        let explicit = backends().any(|proxy| proxy.servers.iter().any(|server| server.explicit));
        if explicit {
            writeln!(self.out, "\n  = this id is written down; the others follow from the position of the line")?;
        }
        Ok(())
    }

    fn local_peer(&mut self) -> io::Result<()> {
        let local = &self.instance.local;
        let source = match local.source {
            LocalPeerSource::Option => "given with -L".to_owned(),
            LocalPeerSource::Localpeer(place) => format!("`localpeer`, {}", self.place(place)),
            LocalPeerSource::Instance => "the name given to the instance".to_owned(),
            LocalPeerSource::File => "a peer that is called like the file or its folder".to_owned(),
            LocalPeerSource::Host => "the host name".to_owned(),
            LocalPeerSource::Unknown => "nothing here says it: give NAME=PATH or -L NAME".to_owned(),
        };
        let name = local.name.as_deref().map_or("not known".into(), escape::name);
        writeln!(self.out, "  local peer  {} ({source})", self.bold(&name))
    }

    fn section(&mut self, section: &PeersSection) -> io::Result<()> {
        let place = self.place(section.place);
        self.section_heading("peers", &section.name, &place, section.known)?;
        if let Some(state) = self.state(section) {
            writeln!(self.out, "    {}", self.alarm(&state))?;
        }
        if let Some(shards) = section.shards {
            writeln!(self.out, "    keys are dealt out over {shards} shards")?;
        }
        for (keyword, words) in [("default-bind", &section.default_bind), ("default-server", &section.default_server)] {
            if !words.is_empty() {
                self.wrapped(&format!("    {keyword} "), &self.shown(words), " ")?;
            }
        }
        let widths = widths(section.entries.iter().map(|entry| (&*entry.name, section.address(entry))));
        section.binds.iter().try_for_each(|bind| self.bind(bind))?;
        section.entries.iter().try_for_each(|entry| self.entry(section, entry, widths))?;
        let tables: Vec<String> =
            self.instance.tables_of(section).map(|table| escape::name(&table.name).into_owned()).collect();
        if tables.is_empty() {
            return writeln!(self.out, "    no table travels through it");
        }
        self.wrapped("    tables: ", &tables, ", ")
    }

    /// Words of a line, escaped, their secrets hidden.
    fn shown(&self, words: &[Vec<u8>]) -> Vec<String> {
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        self.redactor.parameters(&words).iter().map(|word| escape::name(word).into_owned()).collect()
    }

    /// What is to be known about a section that doesn't just work.
    fn state(&self, section: &PeersSection) -> Option<String> {
        let local = self.instance.local.name.as_deref();
        match (self.instance.keeps(section), local) {
            (Some(false), Some(local)) => {
                Some(format!("! HAProxy will drop it: no entry is called `{}`", escape::name(local)))
            }
            (None, _) => Some("? HAProxy drops it if no entry has the local peer's name".to_owned()),
            _ if section.disabled => Some("! disabled: nothing is replicated".to_owned()),
            _ => None,
        }
    }

    fn bind(&mut self, bind: &Bind) -> io::Result<()> {
        let address = self.redactor.word(self.instance, bind.place, 1, &bind.address);
        let words = [vec![escape::name(&address).into_owned()], self.shown(&bind.params)].concat();
        self.wrapped("    bind ", &words, " ")
    }

    fn entry(&mut self, section: &PeersSection, entry: &PeerEntry, widths: [usize; 2]) -> io::Result<()> {
        let (place, word) = section.address_word(entry);
        let address = section.address(entry).map(|address| self.redactor.word(self.instance, place, word, address));
        let address = address.map_or("–".to_owned(), |address| escape::name(&address).into_owned());
        let local = self.instance.local.name.as_ref() == Some(&entry.name);
        let mut roles = vec![if section.uses_tls(entry) { "TLS" } else { "plain" }];
        roles.extend(local.then_some("local"));
        roles.extend(entry.guest.then_some("guest"));
        roles.extend(condition(entry.known));
        let name = escape::name(&entry.name);
        let [name_width, address_width] = widths;
        let line = format!("    {name:name_width$}  {address:address_width$}  {}", roles.join(", "));
        writeln!(self.out, "{line}")?;
        if !entry.params.is_empty() {
            self.wrapped(&format!("    {:name_width$}  ", ""), &self.shown(&entry.params), " ")?;
        }
        Ok(())
    }

    fn tables(&mut self) -> io::Result<()> {
        let mut tables = self.instance.tables();
        if tables.is_empty() {
            return Ok(());
        }
        tables.sort_by(|a, b| a.name.cmp(&b.name));
        self.heading("\n  ", "stick tables", "")?;
        let list = table_list::render(&tables, self.instance.files);
        list.lines().try_for_each(|line| writeln!(self.out, "    {line}"))
    }

    fn backend(&mut self, proxy: &Proxy<'_>) -> io::Result<()> {
        let keyword = if proxy.kind == ProxyKind::Listen { "listen" } else { "backend" };
        let place = self.place(proxy.place);
        self.section_heading(keyword, &proxy.name, &place, proxy.known)?;
        if proxy.disabled {
            writeln!(self.out, "    disabled: its servers get no id")?;
        }
        let [width, _] = widths(proxy.servers.iter().map(|server| (&*server.name, None)));
        proxy.servers.iter().try_for_each(|server| self.server(server, width))
    }

    fn server(&mut self, server: &Server<'_>, width: usize) -> io::Result<()> {
        let id = server.id.map_or("?".to_owned(), |id| id.to_string());
        let mark = if server.explicit { '=' } else { ' ' };
        let address = self.redactor.word(self.instance, server.place, server.address_word.into(), &server.address);
        let (name, address) = (escape::name(&server.name), escape::name(&address));
        let condition = condition(server.known).map(|text| format!("  {text}")).unwrap_or_default();
        writeln!(self.out, "    {mark} {id:>6}  {name:width$}  {address}{condition}")
    }

    fn section_heading(&mut self, keyword: &str, name: &[u8], place: &str, known: Known) -> io::Result<()> {
        let condition = condition(known).map(|text| format!(", {text}")).unwrap_or_default();
        self.heading("\n  ", &format!("{keyword} {}", escape::name(name)), &format!("{place}{condition}"))
    }

    fn heading(&mut self, before: &str, text: &str, behind: &str) -> io::Result<()> {
        let gap = if behind.is_empty() { "" } else { "  " };
        writeln!(self.out, "{before}{}{gap}{behind}", self.bold(text))
    }

    /// Items behind `first`; what doesn't fit goes to further lines under the first item.
    fn wrapped(&mut self, first: &str, items: &[String], separator: &str) -> io::Result<()> {
        let indent = first.chars().count();
        let mut line = first.to_owned();
        for (number, item) in items.iter().enumerate() {
            let last = number + 1 == items.len();
            let piece = if last { item.clone() } else { format!("{item}{separator}") };
            let begun = line.chars().count() > indent;
            if begun && line.chars().count() + piece.trim_end().chars().count() > WIDTH {
                writeln!(self.out, "{}", line.trim_end())?;
                line = " ".repeat(indent);
            }
            line.push_str(&piece);
        }
        writeln!(self.out, "{}", line.trim_end())
    }

    fn place(&self, place: Place) -> String {
        let file = self.instance.files.get(place.file).map_or("", |file| file.name.as_str());
        format!("{file}:{}", place.line.human())
    }

    fn bold(&self, text: &str) -> String {
        paint(self.color, "1", text)
    }

    fn alarm(&self, text: &str) -> String {
        paint(self.color, "33", text)
    }
}

fn paint(color: bool, code: &str, text: &str) -> String {
    if color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}

fn condition(known: Known) -> Option<&'static str> {
    (known == Known::Depends).then_some("if its .if block is read")
}

/// The widths of two columns; a longer text than 40 characters gets no say.
fn widths<'a>(rows: impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)>) -> [usize; 2] {
    let width = |text: &[u8]| Some(escape::name(text).chars().count()).filter(|n| *n <= 40).unwrap_or(0);
    rows.fold([0, 0], |[a, b], (first, second)| [a.max(width(first)), b.max(second.map_or(0, width))])
}
