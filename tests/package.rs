//! The Debian package: what is in it, and its life on a clean Debian bookworm.
//!
//! It is packed here from the program as tests have it. `PEERCTL_DEB=FILE` looks at a package that is there already.

mod support;

use std::{
    env, fs,
    os::unix::{fs::PermissionsExt as _, net::UnixDatagram},
    path::{Path, PathBuf},
    process::Command,
};

use support::{DEADLINE, machine::Machine, wait_until};

const SERVICES: [&str; 2] = ["peerctl-aggregate.service", "peerctl-hold.service"];
const PACKAGE: &str = "/srv/peerctl.deb";

/// The most that `systemd-analyze security` may have against a service, of 10.
const EXPOSURE: f64 = 1.5;

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The package, made in `dir` if it isn't given.
fn package(dir: &Path) -> PathBuf {
    if let Some(file) = env::var_os("PEERCTL_DEB") {
        return top().join(file);
    }
    let mut build = Command::new(top().join("packaging/deb/build.sh"));
    build.arg(env!("CARGO_BIN_EXE_peerctl")).arg(dir).env("DEB_COMPRESSION", "none");
    let output = build.output().expect("a script");
    assert!(output.status.success(), "{output:?}");
    PathBuf::from(String::from_utf8(output.stdout).expect("a path").trim())
}

fn dpkg_deb(words: &[&str], package: &Path) -> String {
    let output = Command::new("dpkg-deb").args(words).arg(package).output().expect("a Debian system has dpkg-deb");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn the_package_holds_the_program_and_all_that_belongs_to_it() {
    if Command::new("dpkg-deb").arg("--version").output().is_err() {
        eprintln!("SKIPPED: there is no dpkg-deb");
        return;
    }
    let dir = tempfile::tempdir().expect("a folder");
    let package = package(dir.path());
    let listed = dpkg_deb(&["--contents"], &package);
    let file = |line: &str| {
        let [mode, owner, _, _, _, path] = line.split_whitespace().collect::<Vec<_>>()[..] else { panic!("{line}") };
        assert_eq!(owner, "root/root", "{line}");
        assert!(["-rw-r--r--", "-rwxr-xr-x", "drwxr-xr-x"].contains(&mode), "{line}");
        path.strip_prefix('.').expect("a path in the package").to_owned()
    };
    let files: Vec<String> = listed.lines().map(file).collect();
    for pages in fs::read_dir(top().join("docs/man")).expect("man pages") {
        let page = format!("/usr/share/man/man1/{}.gz", pages.expect("a page").file_name().display());
        assert!(files.contains(&page), "{page} in {listed}");
    }
    for path in [
        "/usr/bin/peerctl",
        "/usr/share/bash-completion/completions/peerctl",
        "/usr/share/zsh/vendor-completions/_peerctl",
        "/usr/share/fish/vendor_completions.d/peerctl.fish",
        "/lib/systemd/system/peerctl-aggregate.service",
        "/lib/systemd/system/peerctl-hold.service",
        "/usr/share/doc/peerctl/copyright",
        "/usr/share/doc/peerctl/changelog.gz",
        "/usr/share/doc/peerctl/changelog.Debian.gz",
    ] {
        assert!(files.iter().any(|file| file == path), "{path} in {listed}");
    }
    let conffiles = dpkg_deb(&["--info"], &package);
    assert!(conffiles.contains(" conffiles "), "{conffiles}");
    let conffiles = Command::new("dpkg-deb").arg("--info").arg(&package).arg("conffiles").output().expect("dpkg-deb");
    assert_eq!(String::from_utf8_lossy(&conffiles.stdout), "/etc/peerctl/aggregate.conf\n/etc/peerctl/hold.env\n");
    let depends = Command::new("dpkg-deb").arg("--field").arg(&package).arg("Depends").output().expect("dpkg-deb");
    let depends = String::from_utf8_lossy(&depends.stdout).into_owned();
    assert!(depends.starts_with("libc6 (>= 2.") && depends.contains("adduser"), "{depends}");

    if env::var_os("PEERCTL_DEB").is_none() {
        let again = tempfile::tempdir().expect("a folder");
        let again = fs::read(self::package(again.path())).expect("the package");
        assert!(fs::read(&package).expect("the package") == again, "the same input gives the same package");
    }
}

#[test]
fn it_is_installed_started_stopped_and_removed_on_a_clean_debian() {
    let Some(machine) = Machine::boot() else { return };
    let dir = tempfile::tempdir().expect("a folder");
    let before = files_of(&machine);
    machine.put(&package(dir.path()), PACKAGE);
    machine.run(&["dpkg", "--install", PACKAGE]);
    assert_eq!(machine.run(&["peerctl", "--version"]), format!("peerctl {}\n", env!("CARGO_PKG_VERSION")));
    machine.shell("bash -n /usr/share/bash-completion/completions/peerctl");
    assert_eq!(machine.run(&["dpkg", "--verify", "peerctl"]), "", "all is as it was packed");
    let user = machine.run(&["getent", "passwd", "peerctl"]);
    assert!(user.contains(":/usr/sbin/nologin"), "nobody logs in as {user}");

    the_units_are_sound(&machine);
    let checked = machine.run(&["peerctl", "aggregate", "-f", "/etc/peerctl/aggregate.conf", "-c"]);
    assert_eq!(checked, "Configuration file is valid\n");
    configure_haproxy(&machine);
    for service in SERVICES {
        it_says_that_it_is_ready(&machine, service);
    }
    if machine.has_systemd() {
        the_services_run(&machine);
    }

    machine.run(&["dpkg", "--remove", "peerctl"]);
    let left = files_of(&machine);
    assert!(left.contains("/etc/peerctl/hold.env") && left.contains("/var/lib/peerctl"), "{left}");
    assert!(!left.contains("/usr/bin/peerctl") && !left.contains("/lib/systemd"), "{left}");
    machine.run(&["dpkg", "--purge", "peerctl"]);
    assert_eq!(files_of(&machine), before, "nothing is left");
}

/// All files that have to do with us, but for the package itself.
fn files_of(machine: &Machine) -> String {
    let find = "find / -xdev -path /proc -prune -o -path '*peerctl*' -print; find /run -path '*peerctl*' -print";
    let found = machine.shell(find);
    let foreign = |line: &&str| *line != PACKAGE && !line.starts_with("/run/systemd/");
    found.lines().filter(foreign).map(|line| format!("{line}\n")).collect()
}

/// What systemd says of them, without running them.
fn the_units_are_sound(machine: &Machine) {
    for service in SERVICES {
        let unit = format!("/lib/systemd/system/{service}");
        let said = machine.run(&["systemd-analyze", "verify", "--man=no", &unit]);
        assert_eq!(said, "", "systemd has nothing to say of {service}");
        let security = machine.run(&["systemd-analyze", "security", "--offline=true", "--no-pager", &unit]);
        let (_, level) = security.split_once("Overall exposure level for ").expect("the last line");
        let level: f64 = level.split(' ').nth(1).and_then(|level| level.parse().ok()).expect("a number");
        assert!(level <= EXPOSURE, "{service} is exposed: {security}");
    }
}

/// The line for `hold`, as its guide has it.
fn configure_haproxy(machine: &Machine) {
    let text = "global\n  localpeer lb1\n\npeers mesh\n  peer lb1 127.0.0.1:10001\n\n\
                backend shop\n  stick-table type ip size 1k expire 10m store gpc0 peers mesh\n";
    machine.run(&["mkdir", "/etc/haproxy"]);
    machine.run(&["sh", "-c", "printf %s \"$0\" >/etc/haproxy/haproxy.cfg", text]);
    machine.run(&["peerctl", "add", "mesh", "/etc/haproxy/haproxy.cfg", "--guest=peerctl-hold=127.0.0.1:10998"]);
}

/// Its command, as its user and with nothing more, tells the service manager that it is ready, and ends when it is asked to.
fn it_says_that_it_is_ready(machine: &Machine, service: &str) {
    let unit = machine.run(&["cat", &format!("/lib/systemd/system/{service}")]);
    let command = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).expect("what is started");
    // What systemd does before.
    machine.run(&["install", "-d", "-o", "peerctl", "-g", "peerctl", "-m", "700", "/var/lib/peerctl", "/run/peerctl"]);
    let path = machine.root().join("run/notify");
    let manager = UnixDatagram::bind(&path).expect("a socket in there");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).expect("it is ours");
    manager.set_read_timeout(Some(DEADLINE)).expect("a socket");

    let script = format!("set -a; . /etc/peerctl/hold.env; echo $$; exec {command}");
    let as_user = ["setpriv", "--reuid=peerctl", "--regid=peerctl", "--clear-groups", "--no-new-privs"];
    let variables = ["STATE_DIRECTORY=/var/lib/peerctl", "RUNTIME_DIRECTORY=/run/peerctl", "NOTIFY_SOCKET=/run/notify"];
    let words: Vec<&str> = as_user.into_iter().chain(["--bounding-set=-all", "env"]).chain(variables).collect();
    let mut program = machine.program(&[&words[..], &["sh", "-c", &script]].concat());
    let pid = program.wait_for_line("");
    let heard = || {
        let mut buffer = [0; 256];
        let count = manager.recv(&mut buffer).expect("a datagram");
        String::from_utf8_lossy(&buffer[..count]).into_owned()
    };
    assert_eq!(heard(), "READY=1", "{service}: {}", program.stderr());
    machine.shell(&format!("kill {pid}"));
    let ended = program.wait();
    assert!(ended.status.success(), "{service}: {ended:?}");
    fs::remove_file(path).expect("it is ours");
}

/// What systemd and its sandbox make of them.
fn the_services_run(machine: &Machine) {
    let show = |service: &str, property: &str| {
        machine.run(&["systemctl", "show", "--value", "--property", property, service]).trim().to_owned()
    };
    // As the comments of hold.env have it for files that not everybody may read.
    machine.shell("groupadd --system haproxy && adduser --quiet peerctl haproxy");
    machine.shell("chgrp haproxy /etc/haproxy/haproxy.cfg && chmod 640 /etc/haproxy/haproxy.cfg");
    let journal = |service: &str| machine.run(&["journalctl", "--no-pager", "--unit", service]);
    for service in SERVICES {
        assert_eq!(show(service, "ActiveState"), "inactive", "{service} isn't started by its installation");
        machine.run(&["systemctl", "enable", service]);
        let started = machine.output(&["systemctl", "start", service]);
        assert!(started.status.success(), "{service}: {}", journal(service));
        let pid = show(service, "MainPID");
        assert_eq!(machine.run(&["stat", "-c", "%U", &format!("/proc/{pid}")]), "peerctl\n", "the user of {service}");
    }
    // Both have answered on their sockets and written their state.
    machine.run(&["peerctl", "aggregate", "status"]);
    machine.run(&["test", "-S", "/run/peerctl/hold.sock"]);
    machine.run(&["test", "-s", "/var/lib/peerctl/aggregate.ndjson", "-a", "-f", "/var/lib/peerctl/hold.ndjson"]);

    let pid = show("peerctl-aggregate", "MainPID");
    machine.run(&["systemctl", "reload", "peerctl-aggregate"]);
    assert_eq!(show("peerctl-aggregate", "MainPID"), pid, "a reload keeps the process");
    let killed = show("peerctl-hold", "MainPID");
    machine.shell(&format!("kill -KILL {killed}"));
    let again = |service: &str, old: &str| {
        wait_until("it runs again", || {
            let is_new = ![old, "0"].contains(&show(service, "MainPID").as_str());
            (is_new && show(service, "ActiveState") == "active").then_some(())
        });
    };
    again("peerctl-hold", &killed);

    // A mistake in the file is told by a reload, and changes nothing.
    let file = "/etc/peerctl/aggregate.conf";
    machine.shell(&format!("echo '  nonsense' >>{file}"));
    assert!(!machine.output(&["systemctl", "reload", "peerctl-aggregate"]).status.success());
    assert_eq!(show("peerctl-aggregate", "MainPID"), pid);
    machine.run(&["sed", "-i", "$d", file]);

    // An upgrade starts anew what runs, and keeps what was written in the files of /etc.
    machine.shell("echo '# ours' >>/etc/peerctl/hold.env");
    machine.run(&["dpkg", "--install", PACKAGE]);
    again("peerctl-aggregate", &pid);
    assert!(machine.run(&["cat", "/etc/peerctl/hold.env"]).ends_with("# ours\n"));

    machine.run(&["systemctl", "stop", "peerctl-hold"]);
    assert_eq!(show("peerctl-hold", "Result"), "success");
    machine.run(&["peerctl", "aggregate", "status"]);
    // The other one is stopped when it is removed.
}
