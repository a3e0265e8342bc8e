//! What the program does for whoever runs it as root in a place that others write to: it follows nobody, runs nothing, asks
//! nobody, and leaves nothing that others can read.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

mod support;

use support::fake_peer::FakePeer;
use support::frames::{self, RESYNC_FINISHED, RESYNC_PARTIAL, RESYNC_REQUEST};
use support::random::Random;
use support::{Network, wait_until};

const CONFIG: &str =
    "global\n  localpeer lb1\nbackend shop\n  stick-table type ip size 1m store gpc0\n  server a 127.0.0.1:80\n";

const ADD: [&str; 6] =
    ["--peer", "lb1=10.0.0.1:10000", "--peer", "lb2=10.0.0.2:10000", "--attach-all", "--no-validate"];

fn peerctl(dir: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_peerctl"));
    command.args(words).current_dir(dir).stdin(Stdio::null()).output().expect("the program starts")
}

fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    fs::write(dir.path().join("haproxy.cfg"), CONFIG).expect("written");
    dir
}

/// Every file, link and directory below a folder, with its inode, mode, size, times and text.
fn snapshot(dir: &Path) -> Vec<(PathBuf, u64, u32, i64, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(dir).expect("a folder") {
        let path = entry.expect("an entry").path();
        let meta = fs::symlink_metadata(&path).expect("there");
        let text = if meta.is_file() { fs::read(&path).expect("readable") } else { Vec::new() };
        all.push((path, meta.ino(), meta.mode(), meta.mtime_nsec(), text));
    }
    all.sort();
    all
}

/// `PEERCTL_TRUST_EDITS` = how many edits run against the one who swaps.
#[test]
fn whoever_swaps_links_and_folders_under_an_edit_of_root_gets_nothing_outside_changed() {
    let edits = std::env::var("PEERCTL_TRUST_EDITS").ok().and_then(|n| n.parse().ok()).unwrap_or(40);
    let (outside, dir) = (folder(), tempfile::tempdir().expect("a folder"));
    let at = |name: &str| dir.path().join(name);
    fs::create_dir(at("conf")).expect("made");
    let text = format!("{CONFIG}peers mesh\n  peer lb1 127.0.0.1:1\n");
    fs::write(at("conf/haproxy.cfg"), text).expect("written");
    let before = snapshot(outside.path());
    let over = AtomicBool::new(false);
    let (mut done, mut refused) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut random = Random::new(1);
            let (elsewhere, file) = (outside.path(), outside.path().join("haproxy.cfg"));
            while !over.load(Ordering::Relaxed) {
                // The folder becomes a link to the one outside, and a folder again.
                let _swapped = fs::rename(at("conf"), at("away")).and_then(|()| symlink(elsewhere, at("conf")));
                let _back = fs::remove_file(at("conf")).and_then(|()| fs::rename(at("away"), at("conf")));
                // The file becomes one, and what editors leave beside it does, too.
                let _swapped = fs::rename(at("conf/haproxy.cfg"), at("conf/away"))
                    .and_then(|()| symlink(&file, at("conf/haproxy.cfg")));
                for beside in ["conf/haproxy.cfg~", "conf/.haproxy.cfg.peerctl.lock"] {
                    let _there_already = symlink(&file, at(beside));
                }
                let _back = fs::rename(at("conf/away"), at("conf/haproxy.cfg"));
                for beside in ["conf/haproxy.cfg~", "conf/.haproxy.cfg.peerctl.lock"] {
                    let _gone_already = fs::remove_file(at(beside));
                }
                // Long enough for an edit to begin.
                std::thread::sleep(Duration::from_millis(random.below(600) as u64));
            }
        });
        for nth in 0..edits {
            let peer = format!("p{nth}=10.0.1.{}:10000", nth % 250);
            let output = peerctl(dir.path(), &["add", "mesh", "conf", "--peer", &peer, "--no-validate", "-L", "lb1"]);
            match output.status.code() {
                Some(0) => done += 1,
                Some(2 | 3) => refused += 1,
                other => panic!("{other:?}: {}", String::from_utf8_lossy(&output.stderr)),
            }
        }
        over.store(true, Ordering::Relaxed);
    });
    println!("{done} edits done, {refused} refused");
    // An edit that finds the link asked for what is outside: `ln -s` is how files are named. What must not be is a mixture: what
    // is outside is as it was, or the whole result of an edit that was reported.
    let text = fs::read_to_string(outside.path().join("haproxy.cfg")).expect("there");
    let names: Vec<&str> = text.lines().filter_map(|line| line.trim().strip_prefix("peer p")).collect();
    assert!(
        text.starts_with(CONFIG) && names.len() <= done && done > 0,
        "{done} edits done, {refused} refused: {text}"
    );
    let beside = snapshot(outside.path()).into_iter().map(|(path, ..)| path).collect::<BTreeSet<_>>();
    let litter: Vec<_> = beside.iter().filter(|path| path.extension().is_some_and(|end| end == "tmp")).collect();
    assert!(litter.is_empty(), "{litter:?}");
    assert_eq!(before.len(), 1, "one file was outside");
}

#[test]
fn checking_a_hostile_repository_runs_nothing_asks_nobody_and_reads_what_it_was_given() {
    let dir = tempfile::tempdir().expect("a folder");
    let at = |name: &str| dir.path().join(name);
    let text = "global\n  localpeer lb1\n  lua-load /etc/shadow\n  lua-load evil.lua\n  ca-base /etc\n  crt-base /root\n  \
                stats socket /tmp/x.sock\n  presetenv LD_PRELOAD /tmp/evil.so\n  external-check\n  insecure-fork-wanted\n\
                .if defined(HOME)\n  log /dev/log local0\n.endif\n\
                program x\n  command /bin/sh -c 'touch pwned'\n\
                peers mesh\n  bind :1 ssl crt /etc/ssl/private/x.pem ca-file /etc/passwd\n  server lb1\n  \
                server lb2 evil.example.com:10000 ssl ca-file /home/admin/.ssh/id_rsa verify required\n\
                resolvers r\n  parse-resolv-conf\n  nameserver a 127.0.0.1:53\n\
                backend shop\n  stick-table type ip size 1m peers mesh\n  http-request lua.x\n  errorfile 503 /etc/shadow\n  \
                acl a src -f /etc/shadow\n  use-server b if { req.hdr(x),map(/etc/passwd) }\n  \
                option external-check\n  external-check command /tmp/evil\n  server a evil.example.com:80 crt /home/admin/x check\n\
                cache c\n  include /etc/passwd\n";
    fs::write(at("a.cfg"), text).expect("written");
    fs::write(at("b.cfg"), text.replace("localpeer lb1", "localpeer lb2")).expect("written");
    fs::write(at("evil.lua"), "os.execute('touch pwned')").expect("written");
    fs::write(at("haproxy"), "#!/bin/sh\ntouch pwned\necho 'HAProxy version 3.2.1'\n").expect("written");
    fs::set_permissions(at("haproxy"), fs::Permissions::from_mode(0o755)).expect("ours");
    for command in ["check", "check-ids", "show", "graph", "table list", "parse"] {
        let files: &[&str] = if command == "parse" { &["a.cfg"] } else { &["a.cfg", "b.cfg"] };
        // No HAProxy is to be found on this path, so that only our own calls are seen.
        let output = Command::new("strace")
            .args(["-f", "-qq", "-o", "trace", "-e", "trace=%file,%network,%process", "-E", "PATH=/nonexistent:."])
            .arg(env!("CARGO_BIN_EXE_peerctl"))
            .args(command.split(' '))
            .args(files)
            .current_dir(dir.path())
            .env("LANG", "C.UTF-8")
            .stdin(Stdio::null())
            .output()
            .expect("strace is installed");
        assert!(matches!(output.status.code(), Some(0..=2)), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        let trace = fs::read_to_string(at("trace")).expect("a trace");
        let lines = trace.lines().filter_map(|line| Some(line.split_once(' ')?.1.trim_start()));
        let mut read = BTreeSet::new();
        for line in lines.skip(1) {
            let call = line.split('(').next().unwrap_or_default();
            assert!(!["socket", "connect", "bind", "sendto", "fork", "vfork"].contains(&call), "{command}: {line}");
            let is_thread = line.contains("CLONE_THREAD");
            assert!(!call.starts_with("clone") || is_thread, "{command} starts a process: {line}");
            // Looking for `haproxy -v` on the path is all that is ever tried.
            assert!(call != "execve" || line.contains("/haproxy\""), "{command}: {line}");
            if !call.starts_with("open") || line.contains("ENOENT") {
                continue;
            }
            let path = line.split('"').nth(1).unwrap_or_default();
            let of_the_system = [
                "/lib",
                "/usr/lib",
                "/etc/ld.so",
                "/proc/self",
                "/proc/sys",
                "/sys/",
                "/dev/null",
                "/dev/tty",
                "/usr/share/locale",
            ];
            let own = path == "."
                || path == "/"
                || ["a.cfg", "b.cfg"].iter().any(|name| path.ends_with(name))
                || dir.path().starts_with(path);
            assert!(own || of_the_system.iter().any(|start| path.starts_with(start)), "{command} opens {path}: {line}");
            assert!(
                !["O_WRONLY", "O_RDWR", "O_CREAT"].iter().any(|flag| line.contains(flag)) || path == "/dev/null",
                "{command}: {line}"
            );
            read.insert(path.to_owned());
        }
        assert!(read.iter().any(|path| path.ends_with("a.cfg")), "{command}: {read:?}");
        assert!(!at("pwned").exists(), "{command} ran something");
        let shown = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(!shown.contains("root:"), "{command} shows another file");
    }
}

#[test]
fn files_that_are_made_are_for_their_owner_whatever_the_umask() {
    let network = Network::reachable();
    let listener = network.listen(10_001);
    let peer = format!("lb1={}", network.address(10_001));
    let dir = folder();
    fs::write(dir.path().join("second.cfg"), CONFIG.replace("lb1", "lb2")).expect("written");
    let strace = ["-f", "-qq", "-o", "trace", "-e", "trace=openat,mkdir,mkdirat,mknod,mknodat"];
    let teach = || {
        let peer = FakePeer::accept(&listener);
        peer.send(b"200\n");
        peer.wait_for(RESYNC_REQUEST, 1);
        peer.send(&frames::definition(1, "t", (4, 4), 1 << 2, 600_000, &[]));
        peer.send(&frames::timed_update(1, 600_000, &[10, 0, 0, 1], &[1]));
        peer.send(&frames::message(RESYNC_FINISHED, &[]));
        peer
    };
    let edit = [&["add", "mesh", "haproxy.cfg", "second.cfg"], &ADD[..]].concat();
    let cases: [(Vec<&str>, bool); 5] = [
        (edit, false),
        (vec!["dump", &peer, "-o", "dump"], true),
        (vec!["dump", &peer, "--format", "csv", "--table", "t", "-o", "csv"], true),
        (vec!["watch", &peer, "--format", "text", "--record", "record", "--duration", "5s"], true),
        (
            vec!["hold", &peer, "-L", "us", "--state", "state", "--control", "control", "--metrics", "unix@metrics"],
            true,
        ),
    ];
    for (words, calls) in cases {
        let mut command = network.command("sh");
        command.args(["-c", "umask 000; exec strace \"$@\"", "sh"]).args(strace).arg(env!("CARGO_BIN_EXE_peerctl"));
        command.args(&words).current_dir(dir.path()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().expect("strace is installed");
        let taught = calls.then(teach);
        if words[0] == "hold" {
            wait_until("the state file and the sockets are there", || {
                ["state", "control"].iter().all(|name| dir.path().join(name).exists()).then_some(())
            });
            let tracer = child.id();
            let children = fs::read_to_string(format!("/proc/{tracer}/task/{tracer}/children")).expect("Linux");
            for pid in children.split_whitespace() {
                let pid = rustix::process::Pid::from_raw(pid.parse().expect("a number")).expect("not 0");
                rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("a child of ours");
            }
        }
        let control = fs::symlink_metadata(dir.path().join("control"));
        if let Ok(meta) = control {
            assert_eq!(meta.mode() & 0o777, 0o600, "the control socket");
        }
        let output = child.wait_with_output().expect("a child of ours");
        drop(taught);
        assert_eq!(output.status.code(), Some(0), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        // Everything that was made, whatever became of it since.
        let trace = fs::read_to_string(dir.path().join("trace")).expect("a trace");
        let made: Vec<&str> = trace.lines().filter(|line| line.contains("O_CREAT") || line.contains(" mk")).collect();
        assert!(!made.is_empty(), "{words:?} makes something");
        for line in made {
            let mode =
                line.rsplit_once("= ").and_then(|(call, _)| call.trim_end().strip_suffix(')')?.rsplit_once(", "));
            let (_, mode) = mode.unwrap_or_else(|| panic!("{line}"));
            assert!(["0600", "0400", "0700"].contains(&mode), "{words:?} makes a file that others can read: {line}");
        }
    }
    for name in ["dump", "csv", "record", "state", "haproxy.cfg~"] {
        let mode = fs::metadata(dir.path().join(name)).unwrap_or_else(|error| panic!("{name}: {error}")).mode();
        assert_eq!(mode & 0o7777, 0o600, "{name}");
    }
}

#[test]
fn nobody_gets_a_core_dump_of_it() {
    let dir = folder();
    let output = Command::new("strace")
        .args(["-f", "-qq", "-e", "trace=prctl", "-o", "trace", env!("CARGO_BIN_EXE_peerctl"), "show", "haproxy.cfg"])
        .current_dir(dir.path())
        .output()
        .expect("strace is installed");
    assert_eq!(output.status.code(), Some(0));
    let trace = fs::read_to_string(dir.path().join("trace")).expect("a trace");
    assert!(trace.contains("PR_SET_DUMPABLE, SUID_DUMP_DISABLE) = 0"), "{trace}");
}

/// Before a caller is known it gets nothing, however much it sends; and who is known is taught at most once in five seconds.
#[test]
fn a_stranger_gets_no_byte_for_any_number_of_bytes() {
    let network = Network::reachable();
    let dir = tempfile::tempdir().expect("a folder");
    let state = dir.path().join("state").display().to_string();
    let ours = network.address(10_999);
    let words = ["hold", &format!("lb2={}", network.address(10_009)), "-L", "us", "--state", &state, "--listen", &ours];
    let hold = network.peerctl(&words);
    wait_until("it listens", || network.connect(10_999).is_ok().then_some(()));
    let strangers: [&[u8]; 9] = [
        b"HAProxyS 2.1\nus\nstranger 1 1\n",
        b"HAProxyS 2.1\nother\nlb2 1 1\n",
        b"HAProxyS 2.1\nus\nus 1 1\n",
        b"HAProxyS 3.0\nus\nlb2 1 1\n",
        b"GET / HTTP/1.1\r\nhost: a\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\0\0\0\0\0\0\0\0",
        b"HAProxyS",
        b"",
    ];
    for bytes in strangers {
        let caller = FakePeer::connect(&network, 10_999);
        caller.send(bytes);
        caller.send(&bytes.repeat(20));
        if bytes.len() < 10 {
            caller.half_close();
        }
        caller.wait_for_end();
        assert_eq!(caller.heard(), b"", "{:?} was answered", String::from_utf8_lossy(bytes));
    }
    let known = FakePeer::call(&network, 10_999, "us", "lb2");
    known.wait_for_line();
    known.send(&frames::definition(1, "t", (4, 4), 1 << 2, 600_000, &[]));
    known.send(&(1..=200_u8).flat_map(|n| frames::update(n.into(), &[10, 0, 0, n], &[n.into()])).collect::<Vec<u8>>());
    let began = Instant::now();
    known.send(&frames::message(RESYNC_REQUEST, &[]).repeat(4000));
    wait_until("it is taught", || (known.count(RESYNC_PARTIAL) > 0).then_some(()));
    std::thread::sleep(Duration::from_secs(2));
    let (lessons, entries) =
        (known.count(RESYNC_PARTIAL), known.frames().iter().filter(|frame| frame.is_timed()).count());
    let most = 1 + usize::try_from(began.elapsed().as_secs() / 5).expect("a short time");
    assert!(lessons <= most && entries <= 200 * most, "{lessons} lessons, {entries} entries in {:?}", began.elapsed());
    assert!(entries >= 200, "{entries}");
    drop(known);
    hold.signal(rustix::process::Signal::TERM);
    let ended = hold.wait();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
}
