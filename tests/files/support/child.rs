//! The editing program: the library's own way to write files, and nothing else.

use std::env;
use std::ffi::OsStr;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use peerctl::cli::files::{Backup, Change, FileError, Hardlinks, Options, Transaction, interrupted, read};

/// Its first system call in the traces.
pub(crate) const MARK: &str = "/peerctl-test-begins-here";

/// Edits as the environment says; ends the process with the exit code of the program.
pub(crate) fn run() {
    let Some(files) = env::var_os("PEERCTL_TEST_FILES") else { return };
    let files: Vec<PathBuf> =
        files.as_bytes().split(|byte| *byte == b'\n').map(|file| PathBuf::from(OsStr::from_bytes(file))).collect();
    let line = env::var("PEERCTL_TEST_LINE").expect("set by the parent");
    outnumber_other_threads();
    let _marks_the_trace = std::fs::metadata(MARK);
    let code = match edit(&files, &line) {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("{error}");
            error.exit_code()
        }
    };
    std::process::exit(code.into());
}

/// A fault is aimed at the nth call of a name, counted for each thread: makes more of those that the test harness makes on its main
/// thread than it does, so that a fault meant for the edit doesn't hit the harness.
fn outnumber_other_threads() {
    use rustix::fs::{AtFlags, CWD, Mode, OFlags, StatxFlags};
    let null = std::fs::File::open("/dev/null").expect("/dev/null");
    for _ in 0..32 {
        let _opens_and_closes = rustix::fs::openat(CWD, "/dev/null", OFlags::RDONLY, Mode::empty());
        let _reads_nothing = rustix::io::read(&null, &mut [0_u8]);
        let _fails = rustix::io::write(&null, b"");
        let _looks = rustix::fs::fstat(&null);
        let _looks = rustix::fs::statat(CWD, "/", AtFlags::empty());
        let _looks = rustix::fs::statx(CWD, "/", AtFlags::empty(), StatxFlags::TYPE);
        let _reads_nothing = rustix::io::pread(&null, &mut [0_u8], 0);
        let _some_bytes = rustix::rand::getrandom(&mut [0_u8], rustix::rand::GetRandomFlags::empty());
    }
}

fn edit(files: &[PathBuf], line: &str) -> Result<(), FileError> {
    let compute = || {
        let mut changes = Vec::new();
        for file in files {
            let snapshot = read(file)?;
            changes.push(Change { original: snapshot.original, bytes: changed(snapshot.bytes, line) });
        }
        Ok::<_, FileError>(((), changes))
    };
    let ((), transaction) = Transaction::prepare(options(), files, compute)?;
    for recovery in transaction.recovered() {
        eprintln!("recovered: completed={} {}", recovery.completed, recovery.files.len());
    }
    if env::var_os("PEERCTL_TEST_PAUSE").is_some() {
        // Between staging and writing, where a real program runs `haproxy -c`.
        println!("staged");
        let _said_by_the_exit_code = std::io::stdout().flush();
        let mut answer = [0];
        let _nothing_is_an_answer = std::io::stdin().read(&mut answer);
        if answer == *b"s" {
            // Another thread of the test harness may be the one to handle the signal.
            super::poll(|| interrupted().is_some());
        }
    }
    for written in transaction.commit()? {
        eprintln!("written: {} {:?}", written.path.display(), written.backup);
    }
    Ok(())
}

fn changed(mut bytes: Vec<u8>, line: &str) -> Vec<u8> {
    let (how, text) = line.split_at(1);
    let at = memchr::memmem::find(&bytes, text.as_bytes());
    match (how, at) {
        ("+", None) => bytes.extend_from_slice(format!("\n{text}\n").as_bytes()),
        ("-", Some(at)) => bytes.truncate(at),
        _ => {}
    }
    bytes
}

fn options() -> Options {
    let mut options = Options { backup: Some(Backup::Simple), ..Options::default() };
    for word in env::var("PEERCTL_TEST_OPTIONS").unwrap_or_default().split(',') {
        match word {
            "in-place" => options.in_place = true,
            "hardlinks=break" => options.hardlinks = Hardlinks::Break,
            "backup=none" => options.backup = Some(Backup::None),
            "backup=numbered" => options.backup = Some(Backup::Numbered),
            "" => {}
            other => panic!("unknown option {other}"),
        }
    }
    options
}
