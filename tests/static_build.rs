//! The statically linked program: it needs nothing of the system it runs on, and finds names there all the same.
//!
//! What tests have of the library is linked here in that way. `PEERCTL_STATIC=FILE` looks at a program that is there already.

mod support;

use std::{
    env, fs,
    net::UdpSocket,
    path::{Path, PathBuf},
    process::Command,
    thread,
};

use support::Network;

/// The program, made in `dir` if it isn't given.
fn program(dir: &Path) -> PathBuf {
    let program = dir.join("peerctl");
    if let Some(file) = env::var_os("PEERCTL_STATIC") {
        fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join(file), &program).expect("the program");
        return program;
    }
    let us = env::current_exe().expect("a path");
    let libraries = us.parent().expect("the folder of what is built");
    let is_ours = |file: &Path| {
        let starts = file.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"libpeerctl-"));
        starts && file.extension().is_some_and(|kind| kind == "rlib")
    };
    let newest = fs::read_dir(libraries)
        .expect("the folder of what is built")
        .map(|entry| entry.expect("readable").path())
        .filter(|file| is_ours(file))
        .max_by_key(|file| file.metadata().and_then(|about| about.modified()).expect("a time"))
        .expect("the library that this test is linked with");
    let mut rustc = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.args(["--edition", "2024", "--crate-name", "peerctl", "src/main.rs", "-C", "target-feature=+crt-static"]);
    rustc.args(["-C", "strip=symbols", "--extern", &format!("peerctl={}", newest.display())]);
    rustc.args(["-L", &format!("dependency={}", libraries.display()), "-o"]).arg(&program);
    let built = rustc.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("rustc is there");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    program
}

#[test]
fn it_needs_no_library_and_no_loader_and_finds_names() {
    let root = tempfile::tempdir().expect("a folder");
    let program = program(root.path());
    let shown = Command::new("readelf").args(["-ldW"]).arg(&program).output().expect("binutils come with gcc");
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("LOAD"), "{shown}");
    assert!(!shown.contains("NEEDED") && !shown.contains("INTERP"), "{shown}");
    let ldd = Command::new("ldd").arg(&program).output().expect("ldd comes with the C library");
    let ldd = [ldd.stdout, ldd.stderr].concat();
    let ldd = String::from_utf8_lossy(&ldd).into_owned();
    assert!(ldd.contains("statically linked") || ldd.contains("not a dynamic executable"), "{ldd}");

    let network = Network::reachable();
    if !network.is_own() || !rustix::process::geteuid().is_root() {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "in CI a folder can become the root");
        eprintln!("SKIPPED: no folder can become the root for a program on this system");
        return;
    }
    // In there is nothing but the program, and the files that say where names come from.
    let server = network.within(|| UdpSocket::bind("127.0.0.1:53")).expect("the port of the name service");
    thread::spawn(move || answer(&server));
    fs::create_dir(root.path().join("etc")).expect("made");
    for (file, text) in [
        ("resolv.conf", "nameserver 127.0.0.1\n"),
        ("hosts", "127.0.0.1 by-file.example\n"),
        // As systems have it: what isn't there is passed over.
        ("nsswitch.conf", "hosts: files mymachines resolve [!UNAVAIL=return] mdns4_minimal dns myhostname\n"),
    ] {
        fs::write(root.path().join("etc").join(file), text).expect("written");
    }
    for (name, found) in [("by-file.example", true), ("by-dns.example", true), ("nobody.example", false)] {
        let mut command = network.command("chroot");
        command.arg(root.path()).args(["/peerctl", "probe"]).arg(format!("lb1={name}:1"));
        let output = command.output().expect("chroot is there");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let expected = if found { "Connection refused" } else { "can't be looked up" };
        assert!(said.contains(expected), "{name}: {said}{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// A name service that knows one name, 127.0.0.1, by IPv4 only.
fn answer(server: &UdpSocket) {
    const HEADER: usize = 12;
    let mut buffer = [0; 512];
    while let Ok((count, client)) = server.recv_from(&mut buffer) {
        let query = &buffer[..count];
        let name_end = HEADER + query[HEADER..].iter().position(|&byte| byte == 0).expect("a name") + 1;
        let question = &query[HEADER..name_end + 4];
        let is_known = query[HEADER..].starts_with(b"\x06by-dns\x07example\0");
        let is_ipv4 = question.ends_with(&[0, 1, 0, 1]);
        let (code, answers) = (if is_known { 0 } else { 3 }, u8::from(is_known && is_ipv4));
        let header = [query[0], query[1], 0x81, 0x80 | code, 0, 1, 0, answers, 0, 0, 0, 0];
        let mut reply = [&header[..], question].concat();
        if answers == 1 {
            reply.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);
        }
        server.send_to(&reply, client).expect("the client is here");
    }
}
