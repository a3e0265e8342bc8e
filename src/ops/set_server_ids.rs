//! Writes server ids down, so that all instances agree.
//!
//! Which numbers and which lines: [`numbering::agree`]. Here they get onto the lines: a value is replaced where it stands, a new
//! `id N` goes behind the last word, or, if something comes from the environment (what that hides or glues on isn't known),
//! right behind the address.

use std::collections::{BTreeMap, HashMap};

use super::{Mark, OpError, OpErrorKind, Plan, guard, splice};
use crate::{
    config::parse::MAX_WORDS,
    escape,
    model::{
        Instance, Place, Proxy, ProxyKind, ServerLine,
        numbering::{self, Agreement, Extent, Pin, Refusal, Why},
    },
};

/// Which backends get ids written down.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SetServerIds {
    /// The instance whose ids the others take over, by its index.
    pub reference: usize,
    /// The backends by name.
    pub backends: BTreeMap<Vec<u8>, Extent>,
}

/// Backends that are told one by one; of more, their number is.
const TOLD: usize = 20;

impl SetServerIds {
    /// What has to be done to each instance. A backend whose ids can't be written down is left alone, which is noted.
    #[must_use]
    pub fn plan(&self, instances: &[&Instance<'_>]) -> Vec<Plan> {
        let mut plans: Vec<Plan> = instances.iter().map(|instance| Plan::new(instance.files.len())).collect();
        let mut told: Vec<Told> = instances.iter().map(|_| Told::default()).collect();
        let by_name: Vec<HashMap<&[u8], &Proxy<'_>>> = instances.iter().map(|instance| backends(instance)).collect();
        for (name, extent) in &self.backends {
            let proxies: Vec<Option<&Proxy<'_>>> =
                by_name.iter().map(|all| all.get(name.as_slice()).copied().filter(|p| !p.disabled)).collect();
            let agreement = match agree(&proxies, self.reference, *extent) {
                Ok(agreement) => agreement,
                Err(refusal) => {
                    if let Some(plan) = plans.get_mut(refusal.instance) {
                        plan.note(Mark::Attention, escape::name(name), format!("left alone: {}", refusal.why));
                    }
                    continue;
                }
            };
            if let Err((instance, error)) = check(instances, &proxies, &agreement) {
                if let Some(plan) = plans.get_mut(instance) {
                    plan.note(Mark::Attention, escape::name(name), format!("left alone: {error}"));
                }
                continue;
            }
            for pin in &agreement.pins {
                let (Some(instance), Some(plan), Some((line, place))) =
                    (instances.get(pin.instance), plans.get_mut(pin.instance), line(&proxies, *pin))
                else {
                    continue;
                };
                if let Err(error) = write(instance, plan, line, place, pin.id) {
                    plan.note(Mark::Attention, escape::name(name), error.to_string());
                }
            }
            for (instance, told) in told.iter_mut().enumerate() {
                told.backend(name, &proxies, &agreement, instance);
            }
        }
        for (plan, told) in plans.iter_mut().zip(told) {
            told.finish(plan);
        }
        plans
    }
}

/// Ids for a backend. Where a template keeps all of them from being written down, as few as make them agree.
fn agree(proxies: &[Option<&Proxy<'_>>], reference: usize, extent: Extent) -> Result<Agreement, Refusal> {
    match numbering::agree(proxies, reference, extent) {
        Err(Refusal { why: Why::Template, .. }) => numbering::agree(proxies, reference, Extent::Few),
        agreed => agreed,
    }
}

fn backends<'i>(instance: &'i Instance<'_>) -> HashMap<&'i [u8], &'i Proxy<'i>> {
    let proxies = instance.proxies.iter().filter(|proxy| proxy.kind != ProxyKind::Frontend);
    proxies.map(|proxy| (&*proxy.name, proxy)).collect()
}

/// The line of a pin, and where it is.
fn line<'p>(proxies: &[Option<&'p Proxy<'p>>], pin: Pin) -> Option<(&'p ServerLine, Place)> {
    let proxy = proxies.get(pin.instance).copied().flatten()?;
    let line = proxy.lines.get(pin.line)?;
    Some((line, proxy.servers_of(line).first()?.place))
}

/// Whether all lines can be written, so that a backend is changed whole or not at all.
fn check(
    instances: &[&Instance<'_>],
    proxies: &[Option<&Proxy<'_>>],
    agreement: &Agreement,
) -> Result<(), (usize, OpError)> {
    for pin in &agreement.pins {
        let (Some(instance), Some((line, place))) = (instances.get(pin.instance), line(proxies, *pin)) else {
            continue;
        };
        guard::readable(instance, "a server line", place).map_err(|error| (pin.instance, error))?;
        let words = instance.files.get(place.file).map_or(0, |file| file.document.word_count(place.line));
        if line.id.is_none() && words + 2 > MAX_WORDS {
            let help = "HAProxy takes 64 words a line: shorten the line first";
            return Err((pin.instance, OpError::new(OpErrorKind::TooManyWords, help)));
        }
    }
    Ok(())
}

/// # Errors
/// For a line that is full, which [`check`] has ruled out.
fn write(instance: &Instance<'_>, plan: &mut Plan, line: &ServerLine, place: Place, id: u32) -> Result<(), OpError> {
    let id = id.to_string();
    if let Some(range) = line.id {
        splice::replace_words(instance, plan, place, range, id.as_bytes());
    } else if let Some(word) = line.new_words_before {
        let start = instance.word_span(place, usize::from(word)).start;
        plan.file(place.file).insert(start, format!("id {id} "));
    } else {
        splice::append_words(instance, plan, place, &[b"id", id.as_bytes()])?;
    }
    Ok(())
}

/// What is said about an instance.
#[derive(Default)]
struct Told {
    backends: Vec<(String, String)>,
    lines: usize,
}

impl Told {
    fn backend(&mut self, name: &[u8], proxies: &[Option<&Proxy<'_>>], agreement: &Agreement, instance: usize) {
        const SHOWN: usize = 5;
        let ids: Vec<String> = agreement
            .pins
            .iter()
            .filter(|pin| pin.instance == instance)
            .filter_map(|pin| {
                let proxy = proxies.get(pin.instance).copied().flatten()?;
                let server = proxy.servers_of(proxy.lines.get(pin.line)?).first()?;
                Some(format!("{} {}", escape::name(&server.name), pin.id))
            })
            .collect();
        if ids.is_empty() {
            return;
        }
        self.lines += ids.len();
        let more = if ids.len() > SHOWN { format!(" and {} more", ids.len() - SHOWN) } else { String::new() };
        let ids = ids.into_iter().take(SHOWN).collect::<Vec<_>>().join(", ");
        self.backends.push((escape::name(name).into_owned(), format!("id {ids}{more}")));
    }

    fn finish(self, plan: &mut Plan) {
        let more = self.backends.len().saturating_sub(TOLD);
        for (name, text) in self.backends.into_iter().take(TOLD) {
            plan.note(Mark::Changed, name, text);
        }
        if more > 0 {
            let text = format!("more backends; {} lines in all", self.lines);
            plan.note(Mark::Changed, more.to_string(), text);
        }
    }
}
