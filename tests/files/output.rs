//! Standard output that is full, closed, or one of the input files.

use std::env;
use std::fs::{self, File};
use std::process::{Command, Output, Stdio};

use peerctl::cli::stdout::{print, refuse_input};

use crate::support::{assert_code, directory_of, stderr, wrapped};

/// Prints 100,000 bytes to the file that the environment names, as standard output, and exits with the program's code.
pub(crate) fn print_as_told() {
    let (Some(to), Some(input)) = (env::var_os("PEERCTL_TEST_STDOUT"), env::var_os("PEERCTL_TEST_INPUT")) else {
        return;
    };
    let file = File::options().append(true).open(to).expect("the parent made it");
    rustix::stdio::dup2_stdout(&file).expect("descriptor 1");
    let result = refuse_input(input.as_ref()).and_then(|()| {
        print(|out| {
            (0..10_000).try_for_each(|_| out.write_all(b"ten bytes\n"))?;
            Ok(())
        })
    });
    let code = result.map_or_else(
        |error| {
            eprintln!("{error}");
            error.exit_code()
        },
        |()| 0,
    );
    std::process::exit(code.into());
}

fn command(to: &str, input: &str) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "child_prints", "--ignored", "--nocapture", "--test-threads=1"]);
    command.env("PEERCTL_TEST_STDOUT", to).env("PEERCTL_TEST_INPUT", input).stdin(Stdio::null());
    command
}

fn run(to: &str, input: &str) -> Output {
    command(to, input).output().unwrap()
}

#[test]
fn all_of_it_is_written_or_the_exit_code_says_no() {
    let (dir, _) = directory_of(0);
    let file = dir.path().join("out");
    fs::write(&file, "").unwrap();
    let file = file.to_str().unwrap();
    assert_code(&run(file, "/dev/null"), 0);
    assert_eq!(fs::metadata(file).unwrap().len(), 100_000);
    let output = run("/dev/full", "/dev/null");
    assert_code(&output, 3);
    assert!(stderr(&output).contains("incomplete"), "{}", stderr(&output));
    fs::write(file, "").unwrap();
    let output = wrapped(&["prlimit", "--fsize=50000", "--"], &command(file, "/dev/null"));
    assert_code(&output, 3);
    assert!(stderr(&output).contains("File too large"), "{}", stderr(&output));
}

#[test]
fn a_reader_that_had_enough_is_no_error() {
    let (dir, _) = directory_of(0);
    let fifo = dir.path().join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    // Readable long enough for the program to open it; nobody reads what doesn't fit into the pipe.
    let reader = File::options().read(true).write(true).open(&fifo).unwrap();
    let child =
        command(fifo.to_str().unwrap(), "/dev/null").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    crate::support::poll(|| rustix::io::ioctl_fionread(&reader).unwrap() > 60_000);
    drop(reader);
    let output = child.wait_with_output().unwrap();
    assert_code(&output, 0);
    assert!(stderr(&output).contains("closed") && !stderr(&output).contains("panicked"), "{}", stderr(&output));
}

#[test]
fn printing_onto_the_input_is_refused() {
    let (_dir, files) = directory_of(2);
    let [one, two] = [0, 1].map(|nth: usize| files[nth].to_str().unwrap());
    let output = run(one, one);
    assert_code(&output, 2);
    assert!(stderr(&output).contains("also standard output"), "{}", stderr(&output));
    assert_code(&run(one, two), 0);
    assert_code(&run("/dev/null", "/dev/null"), 0);
    assert_code(&run(one, "/no/such/file"), 0);
}
