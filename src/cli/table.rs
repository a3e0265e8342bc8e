//! `peerctl table list` and `peerctl table set`.

use std::path::Path;

use serde::Serialize;

use super::{
    args::{Format, TableCommand, TableListArgs, TableSetArgs},
    edit,
    exit::Exit,
    failure::Failure,
    instances::{self, Loaded},
    notes, stdout, version,
    view::View,
};
use crate::{
    escape,
    model::{Instance, StickTable},
    ops::{
        OpError,
        rewrite_table::{Changes, List, Removal, RewriteTable, StoreChange, Tables, Travel, Value},
        spec::check_name,
    },
    output::{json, table_json::TableJson, table_list},
    stick::SrvKey,
};

/// Runs one of the commands.
///
/// # Errors
/// As [`edit::run`]; for a table, section or value that HAProxy wouldn't take.
pub fn run(view: &View, command: &TableCommand) -> Result<Exit, Failure> {
    match command {
        TableCommand::List(args) => list(view, args),
        TableCommand::Set(args) => set(view, args),
    }
}

#[derive(Serialize)]
struct ListJson {
    version: u32,
    instances: Vec<InstanceJson>,
}

#[derive(Serialize)]
struct InstanceJson {
    name: String,
    tables: Vec<TableJson>,
}

fn list(view: &View, args: &TableListArgs) -> Result<Exit, Failure> {
    let version = version::of(args.haproxy_version.as_deref(), None)?;
    for path in instances::paths(&args.instances) {
        stdout::refuse_input(&path)?;
    }
    let loaded = instances::load(&args.instances, &args.read, version)?;
    instances::refer_to_secrets(&view.redactor, &loaded);
    let read: Vec<Instance<'_>> = loaded.iter().map(Loaded::instance).collect();
    notes::print(&read);
    let mut listed: Vec<(&str, &Instance<'_>)> = loaded.iter().map(|one| one.name.as_str()).zip(&read).collect();
    listed.sort_by_key(|(name, _)| *name);
    stdout::print(|out| match args.format {
        Format::Human => out.write_all(human(&listed).as_bytes()),
        Format::Json => json::print(&json(&listed), out),
    })?;
    Ok(Exit::Done)
}

fn json(listed: &[(&str, &Instance<'_>)]) -> ListJson {
    let instance = |(name, instance): &(&str, &Instance<'_>)| InstanceJson {
        name: (*name).to_owned(),
        tables: by_name(instance).into_iter().map(|table| TableJson::new(table, instance.files)).collect(),
    };
    ListJson { version: json::VERSION, instances: listed.iter().map(instance).collect() }
}

/// Several instances have their names above their tables.
fn human(listed: &[(&str, &Instance<'_>)]) -> String {
    let page = |(name, instance): &(&str, &Instance<'_>)| {
        let tables = by_name(instance);
        let text = match tables.as_slice() {
            [] => "no stick tables\n".to_owned(),
            tables => table_list::render(tables, instance.files),
        };
        if listed.len() == 1 { text } else { format!("{}\n{text}", escape::name(name.as_bytes())) }
    };
    listed.iter().map(page).collect::<Vec<_>>().join("\n")
}

fn by_name<'i>(instance: &'i Instance<'_>) -> Vec<&'i StickTable> {
    let mut tables = instance.tables();
    tables.sort_by(|a, b| a.name.cmp(&b.name));
    tables
}

fn set(view: &View, args: &TableSetArgs) -> Result<Exit, Failure> {
    let misuse = |e: OpError| Failure::misuse(e.to_string(), e.help);
    let (tables, instances) = words(args)?;
    let changes = changes(args).map_err(misuse)?;
    if changes == Changes::default() {
        let help = "say what to change: --size, --expire, --peers, --add-store …; see peerctl table set --help";
        return Err(Failure::misuse("nothing to change was given", help));
    }
    let rewrite = RewriteTable { tables, changes };
    edit::run(view, instances, &args.read, &args.write, &|_, instance| rewrite.plan(instance))
}

/// The tables, and the arguments that are instances.
fn words(args: &TableSetArgs) -> Result<(Tables, &[String]), Failure> {
    if args.all {
        return Ok((Tables::All, &args.words));
    }
    let help = "peerctl table set TABLES [INSTANCE…], or peerctl table set --all [INSTANCE…]";
    let Some((first, instances)) = args.words.split_first() else {
        return Err(Failure::misuse("which tables?", help));
    };
    // A table may be called like a file, but hardly like a configuration file that is there.
    let path = Path::new(first);
    if path.extension().is_some_and(|e| e == "cfg") && path.is_file() {
        let message = format!("`{}` is a file, and the first word names tables", escape::name(first.as_bytes()));
        return Err(Failure::misuse(message, help));
    }
    let names: Vec<String> = first.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    if names.is_empty() {
        return Err(Failure::misuse("which tables?", help));
    }
    Ok((Tables::Named(names), instances))
}

fn changes(args: &TableSetArgs) -> Result<Changes, OpError> {
    let peers = match (&args.peers, args.no_peers) {
        (Some(name), _) => Some(Travel::Through(check_name(name)?.to_owned())),
        (None, true) => Some(Travel::Nowhere),
        (None, false) => None,
    };
    Ok(Changes {
        peers,
        key_type: args.key_type.as_ref().map(|text| Value::key_type("--type", text)).transpose()?,
        len: args.len.as_ref().map(|text| Value::len("--len", text)).transpose()?,
        size: args.size.as_ref().map(|text| Value::size("--size", text)).transpose()?,
        expire: args.expire.as_ref().map(|text| Value::expire("--expire", text)).transpose()?,
        store: store(args)?,
        srvkey: args.srvkey.map(SrvKey::from),
        write_to: args.write_to.clone(),
        recv_only: switch(args.recv_only, args.no_recv_only),
        nopurge: switch(args.nopurge, args.no_nopurge),
    })
}

fn store(args: &TableSetArgs) -> Result<StoreChange, OpError> {
    if let Some(list) = &args.store {
        return Ok(StoreChange::Replace(List::parse("--store", list)?));
    }
    if args.add_store.is_empty() && args.remove_store.is_empty() {
        return Ok(StoreChange::Keep);
    }
    Ok(StoreChange::Edit {
        add: List::parse("--add-store", &args.add_store.join(","))?,
        remove: Removal::parse("--remove-store", &args.remove_store.join(","))?,
    })
}

fn switch(on: bool, off: bool) -> Option<bool> {
    (on || off).then_some(on)
}
