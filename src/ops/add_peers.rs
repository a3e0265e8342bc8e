//! Makes a peers section, or completes it.

mod tables;

use super::{
    Mark, OpError, OpErrorKind, Plan,
    attach::{self, Among, Attach},
    generate::SectionSpec,
    guard, localpeer,
    new_place::NewPlace,
    spec::{PeerSpec, Tls},
    splice,
};
use crate::{
    config::{LineNo, LineStyle, draft},
    escape,
    model::{Instance, LocalPeerSource, PeerEntry, PeerKeyword, PeersSection, Place, peers::GUEST_COMMENT},
};

/// What to add.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AddPeers {
    /// The section's name.
    pub section: String,
    /// Peers to make; those of the same name get the new address.
    pub peers: Vec<PeerSpec>,
    /// How peers are written; `None`: as found, `peer` in a new section without TLS, `server` with it.
    pub style: Option<PeerKeyword>,
    /// TLS for the new peers.
    pub tls: Option<Tls>,
    /// The name to write as `localpeer`.
    pub localpeer: Option<String>,
    /// Tables to let travel.
    pub attach: Attach,
    /// With whom they are shared.
    pub among: Among,
    /// A line for this tool.
    pub guest: Option<PeerSpec>,
    /// `table` lines: name and parameters. Those whose name is in the section already stay as they are.
    pub tables: Vec<Vec<Vec<u8>>>,
    /// New backends that only have a table: their names and its parameters.
    pub backends: Vec<(Vec<u8>, Vec<Vec<u8>>)>,
}

impl AddPeers {
    /// Plans the edits of one instance.
    ///
    /// # Errors
    /// If it can't be done without guessing, or would switch replication off; see [`OpErrorKind`].
    pub fn plan(&self, instance: &Instance<'_>) -> Result<Plan, OpError> {
        let mut plan = Plan::new(instance.files.len());
        let local = self.localpeer.clone().or_else(|| self.local_name(instance));
        self.check_local(instance, local.as_deref())?;
        // Words behind the last line of a file come before the lines that go below it.
        if let Some(name) = &self.localpeer {
            localpeer::set(instance, name, &mut plan)?;
        }
        attach::attach(instance, self.section.as_bytes(), &self.attach, self.among, &mut plan)?;
        let first = plan.notes.len();
        match instance.section(self.section.as_bytes()) {
            Some(section) => self.complete(instance, section, local.as_deref(), &mut plan)?,
            None => self.make(instance, local.as_deref(), &mut plan)?,
        }
        // People hear of the section first.
        plan.notes.rotate_left(first);
        Ok(plan)
    }

    /// The local peer's name as text (names that aren't UTF-8 are none HAProxy takes). Where nothing says it, the file's
    /// or folder's name, if one of the new peers is called so.
    pub(super) fn local_name(&self, instance: &Instance<'_>) -> Option<String> {
        let known = instance.local.name.clone().and_then(|name| String::from_utf8(name).ok());
        let is_peer = |name: &&PeerSpec| instance.candidates.iter().any(|c| *c == name.name.as_bytes());
        known.or_else(|| self.peers.iter().find(is_peer).map(|peer| peer.name.clone()))
    }

    /// A local name that will be no peer makes HAProxy drop the section, here and in every other section.
    fn check_local(&self, instance: &Instance<'_>, local: Option<&str>) -> Result<(), OpError> {
        let Some(local) = local else { return Ok(()) };
        let in_file = |s: &PeersSection| s.is_effective(local.as_bytes());
        let section = instance.section(self.section.as_bytes());
        let asked = self.peers.iter().any(|p| p.name == local);
        let lost = if asked || section.is_some_and(in_file) {
            // A new name must not switch off the other sections either.
            let renamed = self.localpeer.is_some();
            let was_effective = |s: &&PeersSection| instance.is_effective(s) == Some(true);
            let others = instance.peers.iter().filter(|s| s.name != self.section.as_bytes());
            others.filter(|s| renamed && was_effective(s)).find(|s| !in_file(s)).map(|s| s.name.clone())
        } else {
            Some(self.section.clone().into_bytes())
        };
        match lost {
            Some(section) => {
                let kind = OpErrorKind::LocalIsNoPeer {
                    name: escape::name(local.as_bytes()).into_owned(),
                    section: escape::name(&section).into_owned(),
                };
                let help = "add it with --peer NAME=ADDRESS, or say which peer this instance is: NAME=PATH, -L NAME, \
                            or --set-localpeer=NAME";
                Err(OpError::new(kind, help))
            }
            None => Ok(()),
        }
    }

    fn make(&self, instance: &Instance<'_>, local: Option<&str>, plan: &mut Plan) -> Result<(), OpError> {
        if self.peers.is_empty() {
            let help = "to make a new section, say who is in it: --peer NAME=ADDRESS for each";
            return Err(OpError::new(OpErrorKind::UnknownSection(self.section.clone()), help));
        }
        let place = NewPlace::find(instance)?;
        let Some(source) = instance.files.get(place.file) else { return Ok(()) };
        let style = splice::statement_style(&source.document);
        let keyword = match (&self.tls, self.style) {
            (_, Some(style)) => style,
            (Some(_), None) => PeerKeyword::Server,
            (None, None) => PeerKeyword::Peer,
        };
        let spec = SectionSpec {
            name: self.section.clone(),
            peers: self.peers.clone(),
            style: keyword,
            local: local.map(str::to_owned),
            tls: self.tls.clone(),
            shards: None,
            tables: self.tables.clone(),
        };
        let mut lines = style.newline.bytes().to_vec();
        lines.extend(spec.lines(&style)?);
        if let Some(guest) = &self.guest {
            lines.extend(guest_line(&style, keyword, guest));
        }
        lines.extend(self.new_backends(&style, plan));
        if !place.at_end && !place.blank_follows {
            lines.extend(style.newline.bytes());
        }
        splice::insert_at(source, plan, place.file, place.offset, lines);
        let count = self.peers.len();
        let who = local.map_or_else(|| "local peer not known here".to_owned(), |name| format!("local {name}"));
        let s = if count == 1 { "" } else { "s" };
        plan.note(Mark::Added, format!("peers {}", self.section), format!("{count} peer{s}, {who}"));
        self.note_guest(plan);
        if self.localpeer.is_none() && matches!(instance.local.source, LocalPeerSource::Unknown | LocalPeerSource::File)
        {
            let name = local.unwrap_or("NAME");
            let text = format!(
                "HAProxy takes its host name for the local peer's, and drops the section if no peer is called so: \
                 --set-localpeer writes the name down, or start it with -L {name}"
            );
            plan.note(Mark::Attention, "localpeer", text);
        }
        Ok(())
    }

    fn complete(
        &self,
        instance: &Instance<'_>,
        section: &PeersSection,
        local: Option<&str>,
        plan: &mut Plan,
    ) -> Result<(), OpError> {
        guard::section(instance, section)?;
        let found = section.style();
        if let Some(wanted) = self.style.filter(|wanted| *wanted != found && !section.entries.is_empty()) {
            let kind =
                OpErrorKind::OtherStyle { section: self.section.clone(), found: found.word(), wanted: wanted.word() };
            let help = "leave --style out: new peers are written as the section's own are";
            return Err(OpError::new(kind, help).at(
                section.place,
                instance.word_span(section.place, 1),
                "this section",
            ));
        }
        let plain = !section.binds.iter().any(|b| b.params.iter().any(|p| p == b"ssl"));
        if self.tls.is_some() && plain {
            let kind = OpErrorKind::PlainSection(self.section.clone());
            let help = format!("make a section with TLS beside it: peerctl generate {} --ssl …", self.section);
            return Err(OpError::new(kind, help).at(
                section.place,
                instance.word_span(section.place, 1),
                "this section",
            ));
        }
        for peer in &self.peers {
            match section.entry(peer.name.as_bytes()) {
                Some(entry) => update(instance, section, entry, peer, plan)?,
                None => self.append(instance, section, peer, local, plan)?,
            }
        }
        self.add_guest(instance, section, plan)?;
        self.add_tables(instance, section, plan)
    }

    /// Puts a new peer behind the section's last one.
    fn append(
        &self,
        instance: &Instance<'_>,
        section: &PeersSection,
        peer: &PeerSpec,
        local: Option<&str>,
        plan: &mut Plan,
    ) -> Result<(), OpError> {
        let anchor = anchor(instance, section)?;
        let is_local = local == Some(peer.name.as_str());
        let keyword = section.style();
        let mut words: Vec<Vec<u8>> = vec![keyword.word().into(), peer.name.clone().into()];
        let bound = !section.binds.is_empty();
        if is_local && keyword == PeerKeyword::Server && !bound {
            // `server` lines without `bind`: only a `peer` line brings the listener along.
            words = vec![b"peer".to_vec(), peer.name.clone().into(), peer.address.clone().into()];
        } else if !is_local || keyword == PeerKeyword::Peer {
            words.push(peer.address.clone().into());
        }
        if is_local && bound {
            let bind = section.binds.first().map(|b| b.place);
            set_address(instance, bind, peer, plan)?;
        }
        match &self.tls {
            Some(tls) if !section.default_server.iter().any(|w| w == b"ssl") => {
                words.extend(tls.server_words().into_iter().map(String::into_bytes));
            }
            None if !is_local => words.extend(shared_params(section, local)),
            _ => {}
        }
        if let Some(host) = self.tls.as_ref().and_then(|tls| tls.verifyhost.get(&peer.name)) {
            words.extend([b"verifyhost".to_vec(), host.clone().into()]);
        }
        let style = entry_style(instance, section, anchor);
        splice::insert_after(instance, plan, anchor, draft::line(&style, &words));
        plan.note(Mark::Added, format!("peers {}", self.section), format!("{} {}", keyword.word(), peer.name));
        Ok(())
    }

    fn add_guest(&self, instance: &Instance<'_>, section: &PeersSection, plan: &mut Plan) -> Result<(), OpError> {
        let Some(guest) = &self.guest else { return Ok(()) };
        if let Some(entry) = section.entry(guest.name.as_bytes()) {
            if !entry.guest {
                let help = "choose another name for the guest: --guest=NAME";
                return Err(OpError::new(OpErrorKind::Twice(guest.name.clone()), help).at(
                    entry.place,
                    instance.word_span(entry.place, 1),
                    "a peer, and no guest",
                ));
            }
            return update(instance, section, entry, guest, plan);
        }
        let anchor = anchor(instance, section)?;
        let style = entry_style(instance, section, anchor);
        splice::insert_after(instance, plan, anchor, guest_line(&style, section.style(), guest));
        self.note_guest(plan);
        Ok(())
    }

    fn note_guest(&self, plan: &mut Plan) {
        if let Some(guest) = &self.guest {
            plan.note(
                Mark::Added,
                format!("peers {}", self.section),
                format!("guest {} {}", guest.name, guest.address),
            );
        }
    }
}

fn guest_line(style: &LineStyle, keyword: PeerKeyword, guest: &PeerSpec) -> Vec<u8> {
    let mut line = draft::line(style, &[keyword.word(), &guest.name, &guest.address]);
    line.truncate(line.len() - style.newline.bytes().len());
    [line.as_slice(), b" # ", GUEST_COMMENT, style.newline.bytes()].concat()
}

/// Gives an entry a new address; the local `server` entry's is that of `bind`.
fn update(
    instance: &Instance<'_>,
    section: &PeersSection,
    entry: &PeerEntry,
    peer: &PeerSpec,
    plan: &mut Plan,
) -> Result<(), OpError> {
    if entry.address.as_deref() == Some(peer.address.as_bytes()) {
        return Ok(());
    }
    let what = format!("peer `{}`", peer.name);
    guard::readable(instance, &what, entry.place)?;
    guard::decided(instance, &what, entry.place, entry.known)?;
    if entry.address.is_none() {
        let bind = section.binds.first();
        if bind.is_some_and(|b| b.address == peer.address.as_bytes()) {
            return Ok(());
        }
        if bind.is_some() || entry.keyword == PeerKeyword::Server {
            return set_address(instance, bind.map(|b| b.place), peer, plan);
        }
        return splice::append_words(instance, plan, entry.place, &[peer.address.as_bytes()]);
    }
    if entry.referenced {
        return Err(guard::referenced(&what, entry.place, instance.word_span(entry.place, 2)));
    }
    splice::replace_words(instance, plan, entry.place, (2, 2), peer.address.as_bytes());
    plan.note(Mark::Changed, what, format!("address {}", peer.address));
    Ok(())
}

/// Writes the local peer's address on the `bind` line.
fn set_address(instance: &Instance<'_>, bind: Option<Place>, peer: &PeerSpec, plan: &mut Plan) -> Result<(), OpError> {
    let Some(place) = bind else { return Ok(()) };
    guard::readable(instance, "`bind`", place)?;
    let span = instance.word_span(place, 1);
    let raw = instance.files.get(place.file).map_or(&b""[..], |f| span.of(f.document.text()));
    if raw == peer.address.as_bytes() {
        return Ok(());
    }
    if raw.contains(&b'$') {
        return Err(guard::referenced("the address of `bind`", place, span));
    }
    splice::replace_words(instance, plan, place, (1, 1), peer.address.as_bytes());
    plan.note(Mark::Changed, "bind", format!("address {}", peer.address));
    Ok(())
}

/// Whether a line is in no `.if` block.
fn outside_blocks(instance: &Instance<'_>, place: Place) -> bool {
    let blocks = instance.files.get(place.file).map(|f| f.document.blocks()).unwrap_or_default();
    !blocks.iter().any(|b| b.contains(place.line))
}

/// The line that new entries follow: the last entry, else the last statement of the section, outside `.if` blocks.
fn anchor(instance: &Instance<'_>, section: &PeersSection) -> Result<Place, OpError> {
    let mut entries = section.entries.iter().map(|e| e.place).filter(|place| outside_blocks(instance, *place));
    let place = entries.next_back().unwrap_or(section.place);
    guard::readable(instance, &format!("section `{}`", escape::name(&section.name)), place)?;
    Ok(place)
}

fn entry_style(instance: &Instance<'_>, section: &PeersSection, anchor: Place) -> LineStyle {
    let Some(source) = instance.files.get(anchor.file) else { return LineStyle::default() };
    if anchor == section.place {
        return splice::statement_style(&source.document);
    }
    let same_file = |e: &&PeerEntry| e.place.file == anchor.file && e.place.line <= anchor.line;
    let lines: Vec<LineNo> = section.entries.iter().filter(same_file).map(|e| e.place.line).collect();
    LineStyle::of(&source.document, &lines)
}

/// Parameters that every remote entry of the section has with the same value, apart from those that are a peer's own:
/// a new entry without them would be the odd one out (no TLS, for one).
fn shared_params(section: &PeersSection, local: Option<&str>) -> Vec<Vec<u8>> {
    const OWN: [&str; 6] = ["id", "shard", "verifyhost", "sni", "cookie", "weight"];
    let remote = |e: &&PeerEntry| !e.guest && Some(e.name.as_slice()) != local.map(str::as_bytes);
    let mut entries = section.entries.iter().filter(remote);
    let Some(first) = entries.next() else { return Vec::new() };
    let scanned = crate::grammar::ParamTable::Server.scan(&first.params, None);
    let words = scanned.iter().filter(|p| !p.info.is_some_and(|info| OWN.contains(&info.keyword))).filter_map(|p| {
        let words = first.params.get(p.keyword..p.values.end)?;
        let everywhere = entries.clone().all(|e| e.params.windows(words.len()).any(|w| w == words));
        everywhere.then(|| words.to_vec())
    });
    words.flatten().collect()
}
