//! All rules over any texts, one instance or two: findings point into the files, the same every time, and a line that says
//! nothing changes nothing but their places.
//!
//! A NUL ends the first file; the length chooses the version.

#![no_main]

use libfuzzer_sys::fuzz_target;
use peerctl::{
    config::{Document, Environment, Source},
    grammar::Release,
    lint::{self, Context, Finding, Subject},
    model::{Facts, Instance, Naming},
};

fuzz_target!(|data: &[u8]| {
    let version = ["2.6", "3.0", "3.2"][data.len() % 3];
    let texts: Vec<&[u8]> = data.splitn(2, |byte| *byte == 0).collect();
    let findings = run(version, &texts, b"");
    for finding in &findings {
        assert!(!finding.labels.is_empty() && !finding.message.is_empty());
        let is_plain = |text: &str| text.chars().all(|c| !c.is_control());
        assert!(is_plain(&finding.message) && is_plain(&finding.what_happens), "{finding:?}");
    }
    // A mark of the byte order counts only at the very start.
    if data.len() % 4 == 0 && texts.iter().all(|text| text.first().is_none_or(u8::is_ascii)) {
        let more = b"# nothing\n";
        let mut moved = run(version, &texts, more);
        for label in moved.iter_mut().flat_map(|finding| &mut finding.labels) {
            label.place.line.0 -= 1;
            (label.span.start, label.span.end) = (label.span.start - 10, label.span.end - 10);
        }
        assert_eq!(moved, findings);
    }
});

fn run(version: &str, texts: &[&[u8]], before: &[u8]) -> Vec<Finding> {
    let release = Release::parse(version).expect("a version");
    let facts = Facts { version: release.version, environment: Environment::default() };
    let read = |text: &&[u8]| [Source::new("f.cfg", Document::parse([before, *text].concat()).expect("short"))];
    let sources: Vec<[Source; 1]> = texts.iter().map(read).collect();
    let instances: Vec<(&str, Instance<'_>)> = (["lb1", "lb2"].into_iter().zip(&sources))
        .map(|(name, source)| {
            let naming = Naming { instance: Some(name.into()), ..Naming::default() };
            (name, Instance::read(source, &naming, &facts))
        })
        .collect();
    let subjects = instances.iter().map(|(name, instance)| Subject { name, instance }).collect();
    let findings = lint::run(&Context::new(subjects, release), lint::all());
    for label in findings.iter().flat_map(|finding| &finding.labels) {
        let source = &sources[label.instance][label.place.file];
        let line = source.document.full_line_span(label.place.line);
        assert!(label.span.end as usize <= source.document.text().len(), "{label:?}");
        assert!(line.start <= label.span.start && label.span.end <= line.end, "{label:?} is in its line");
    }
    findings
}
