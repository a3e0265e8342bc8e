//! Other programs, run without a shell, with a limit on their time and on what they print.

use std::{
    io::{self, PipeReader, Read},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

/// How long a program may take.
pub(super) const LIMIT: Duration = Duration::from_mins(1);

/// How many bytes of a program's output are kept; it may print more.
const OUTPUT_LIMIT: usize = 4 << 20;

/// How long output is waited for when the program has ended, but a process it left behind holds the pipe.
const LINGER: Duration = Duration::from_millis(200);

/// Why a program gave no result.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// It can't be started.
    #[error("can't run `{}`: {source}", program.display())]
    Start {
        /// What was to be run.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It took too long and was killed.
    #[error("`{}` was still running after {} s and was ended", program.display(), limit.as_secs())]
    Timeout {
        /// What was run.
        program: PathBuf,
        /// How long it had.
        limit: Duration,
    },
    /// It runs, but is no HAProxy.
    #[error("`{} -v` doesn't print a HAProxy version but {said:?}; give a HAProxy with --haproxy", program.display())]
    NoVersion {
        /// What was run.
        program: PathBuf,
        /// The first line it printed, escaped.
        said: String,
    },
}

/// A program that has ended.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) status: ExitStatus,
    /// What it printed, at most [`OUTPUT_LIMIT`] bytes of it.
    pub(super) output: Vec<u8>,
}

/// What of a program's output is kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// Only stderr.
    Stderr,
    /// Both, in the order they were written.
    Both,
}

/// Runs `command` to its end, without stdin; kills it after `limit`.
pub(super) fn run(mut command: Command, keep: Keep, limit: Duration) -> Result<Finished, ProgramError> {
    let program = PathBuf::from(command.get_program());
    let failed = |source| ProgramError::Start { program: program.clone(), source };
    let (reader, writer) = io::pipe().map_err(failed)?;
    let stdout = match keep {
        Keep::Stderr => Stdio::null(),
        Keep::Both => writer.try_clone().map_err(failed)?.into(),
    };
    let mut child = command.stdin(Stdio::null()).stdout(stdout).stderr(writer).spawn().map_err(failed)?;
    // Its copies of the writing end must go, or the output would never end.
    drop(command);

    let output = Arc::new(Mutex::new(Vec::new()));
    let (sender, end_of_output) = mpsc::channel();
    let kept = Arc::clone(&output);
    thread::spawn(move || {
        collect(reader, &kept);
        // Nobody listens any more if the program was killed.
        let _ = sender.send(());
    });
    let status = wait(&mut child, &end_of_output, limit).map_err(failed)?;
    let status = status.ok_or(ProgramError::Timeout { program, limit })?;
    let output = std::mem::take(&mut *output.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(Finished { status, output })
}

/// Waits for the program and for its output; `None` if it had to be killed.
fn wait(child: &mut Child, end_of_output: &mpsc::Receiver<()>, limit: Duration) -> io::Result<Option<ExitStatus>> {
    let deadline = Instant::now() + limit;
    let mut output_ended = false;
    loop {
        if let Some(status) = child.try_wait()? {
            if !output_ended {
                // An error means that it has not ended: what is there so far will do.
                let _ = end_of_output.recv_timeout(LINGER);
            }
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        // Programs close their output when they end, so this usually wakes up at the right moment.
        if output_ended {
            thread::sleep(Duration::from_millis(1));
        } else {
            output_ended = end_of_output.recv_timeout(Duration::from_millis(10)).is_ok();
        }
    }
}

/// Reads to the end and keeps the first [`OUTPUT_LIMIT`] bytes.
fn collect(mut reader: PipeReader, kept: &Mutex<Vec<u8>>) {
    let mut buffer = [0; 16 << 10];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return,
            Ok(read) => {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                let room = OUTPUT_LIMIT.saturating_sub(kept.len()).min(read);
                kept.extend_from_slice(buffer.get(..room).unwrap_or_default());
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, limit: Duration) -> Result<Finished, ProgramError> {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        run(command, Keep::Both, limit)
    }

    #[test]
    fn output_comes_in_the_order_it_was_written() {
        let finished = shell("echo one; echo two >&2; echo three; exit 7", LIMIT).expect("sh runs");
        assert_eq!(finished.output, b"one\ntwo\nthree\n");
        assert_eq!(finished.status.code(), Some(7));
    }

    #[test]
    fn a_program_that_hangs_is_killed() {
        let start = Instant::now();
        let error = shell("exec sleep 600", Duration::from_millis(100)).expect_err("it takes too long");
        assert!(matches!(error, ProgramError::Timeout { .. }), "{error}");
        assert!(start.elapsed() < LIMIT);
    }

    #[test]
    fn a_process_left_behind_is_not_waited_for() {
        let start = Instant::now();
        let finished = shell("sleep 30 & echo started", LIMIT).expect("sh runs");
        assert_eq!(finished.output, b"started\n");
        assert!(start.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn endless_output_is_cut_not_kept() {
        let finished = shell("yes | head -c 9000000", LIMIT).expect("sh runs");
        assert_eq!(finished.output.len(), OUTPUT_LIMIT);
        assert!(finished.status.success());
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = run(Command::new("/no/such/haproxy"), Keep::Both, LIMIT).expect_err("it isn't there");
        assert!(error.to_string().starts_with("can't run `/no/such/haproxy`: "), "{error}");
    }
}
