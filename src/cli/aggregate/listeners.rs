//! Where peers call us: one listener for all sections, or some with their own.

use super::assemble::Wanted;
use super::draft::SectionDraft;
use super::problems::Problems;
use super::statement::{BindLine, PeerRole};
use crate::cli::target::{Listen, of_bind_words};

/// The listeners that were named, each once.
#[derive(Debug)]
pub(super) struct Listeners<'a> {
    wanted: Wanted<'a>,
    lines: Vec<BindLine>,
    /// Whether the first one is that of `global`, for sections that don't name one.
    shared: bool,
}

impl<'a> Listeners<'a> {
    pub(super) fn new(global: Option<&BindLine>, wanted: Wanted<'a>) -> Self {
        Self { wanted, lines: global.cloned().into_iter().collect(), shared: global.is_some() }
    }

    /// The listener of a section, as an index: that of its `local` line, else that of `global`.
    pub(super) fn of_section(&mut self, section: &SectionDraft, problems: &mut Problems) -> Option<usize> {
        let Some((_, line)) = section.locals().next() else { return self.shared.then_some(0) };
        let Some(known) = self.lines.iter().position(|known| known.address == line.address) else {
            self.lines.push(line.clone());
            return Some(self.lines.len() - 1);
        };
        if let Some(first) = self.lines.get_mut(known) {
            // A line that only repeats the address means the listener that has it.
            if first.params.is_empty() {
                first.params.clone_from(&line.params);
            } else if !line.params.is_empty() && line.params != first.params {
                let message = format!("`{}` is listened on in two ways", line.word.shown());
                let help = "give the words behind the address once, or a section an address of its own";
                problems.clash(message, (first.word.span, "the first"), (line.word.span, "the second"), help);
            }
        }
        Some(known)
    }

    /// The listeners to open; `of` are those of the sections.
    pub(super) fn into_options(
        self,
        sections: &[SectionDraft],
        of: &[Option<usize>],
        problems: &mut Problems,
    ) -> Vec<Listen> {
        let mut listeners = Vec::new();
        for (at, BindLine { address, word, params }) in self.lines.into_iter().enumerate() {
            let words: Vec<&[u8]> = params.iter().map(Vec::as_slice).collect();
            let tls = match of_bind_words(&words, self.wanted.file) {
                Ok(tls) => tls,
                Err(failure) => {
                    problems.failure(word.span, failure);
                    continue;
                }
            };
            if !address.is_private() {
                match &tls {
                    None if !self.wanted.insecure_plaintext => {
                        let message = format!("`{}` would take plain calls from other machines", word.shown());
                        let help = "use TLS: `ssl crt FILE ca-file FILE verify required`; or, if nobody else can reach that \
                                    address, say --insecure-plaintext";
                        problems.error(word.span, message, "", help);
                    }
                    Some(tls) if tls.trust.is_none() => {
                        let message = "callers aren't checked: whoever reaches this can take the name of a node";
                        problems.warning(word.span, message, "add `ca-file FILE verify required`");
                    }
                    _ => {}
                }
            }
            let callers =
                sections.iter().zip(of).filter(|(_, of)| **of == Some(at)).flat_map(|(section, _)| &section.peers);
            let callers = callers.filter_map(|peer| match &peer.role {
                PeerRole::Other { address, .. } => Some(Some(address)),
                PeerRole::Local(_) => None,
            });
            let listen = Listen::new(address, tls, callers);
            if let Err(failure) = listen.options() {
                problems.failure(word.span, failure);
            }
            listeners.push(listen);
        }
        listeners
    }
}

/// A caller gives its own name and ours, and no section's: behind one listener each name stands for one peer.
pub(super) fn check_callers(sections: &[SectionDraft], of: &[Option<usize>], problems: &mut Problems) {
    let each = || sections.iter().zip(of).filter_map(|(section, at)| Some((section, (*at)?)));
    for (n, (section, at)) in each().enumerate() {
        for peer in &section.peers {
            let other = |(other, _): &(&'_ SectionDraft, usize)| other.peers.iter().any(|p| p.name == peer.name);
            let earlier = each().take(n).filter(|(_, known)| *known == at).find(other);
            let first = earlier.and_then(|(other, _)| other.peers.iter().find(|p| p.name == peer.name));
            if let (Some(first), PeerRole::Other { .. }) = (first, &peer.role) {
                let message = format!("when `{}` calls, nobody knows which of its sections is meant", peer.name);
                let help = "give a section a listener of its own, and list us with that address in the node's section: \
                            `peer NAME ADDRESS local`";
                problems.clash(message, (first.word.span, "this one"), (peer.word.span, "or this one"), help);
                return;
            }
        }
    }
}
