//! Certificates for tests.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Writes a self-signed certificate for `CN=localhost` and its key to one file `tls.pem` in `dir`, as `crt` takes it.
pub(crate) fn self_signed_certificate(dir: &Path) -> PathBuf {
    let (key, pem) = (dir.join("tls.key"), dir.join("tls.pem"));
    self_signed(&key, &pem, "localhost");
    join(&[&pem, &key], &pem);
    pem
}

/// A certificate authority in a folder of its own; `ca.pem` is its certificate.
#[derive(Debug)]
pub(crate) struct Authority {
    dir: tempfile::TempDir,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        self_signed(&dir.path().join("ca.key"), &dir.path().join("ca.pem"), "tests");
        Self { dir }
    }

    /// Its certificate, as `ca-file` takes it.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    /// A certificate for `name` and `127.0.0.1`, valid for two days, and its key in one file, as `crt` takes it.
    pub(crate) fn issue(&self, name: &str) -> PathBuf {
        self.issue_with(name, &format!("subjectAltName=DNS:{name},IP:127.0.0.1"), "-days 2")
    }

    /// The same with other extensions, none if empty, and another validity: `-days N`, negative for one that has passed.
    pub(crate) fn issue_with(&self, name: &str, extensions: &str, validity: &str) -> PathBuf {
        let at = |ending: &str| self.dir.path().join(format!("{name}.{ending}"));
        let (key, request, pem) = (at("key"), at("csr"), at("pem"));
        let mut ask = openssl("req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes");
        run(ask.args(["-subj", &format!("/CN={name}")]).arg("-keyout").arg(&key).arg("-out").arg(&request));
        fs::write(at("ext"), extensions).expect("the folder takes files");
        let mut sign = openssl("x509 -req -CAcreateserial");
        sign.args(validity.split(' ')).arg("-CA").arg(self.certificate()).arg("-CAkey");
        sign.arg(self.dir.path().join("ca.key")).arg("-in").arg(&request).arg("-out").arg(&pem);
        run(sign.arg("-extfile").arg(at("ext")));
        join(&[&pem, &key], &pem);
        pem
    }

    /// A list of certificates of these names that were taken back, as `crl-file` takes it; it may have expired long ago.
    pub(crate) fn revoke(&self, list: &str, names: &[&str], expired: bool) -> PathBuf {
        let at = |name: &str| self.dir.path().join(format!("{list}-{name}"));
        let (config, index, number, crl) = (at("ca.cnf"), at("index"), at("number"), at("crl.pem"));
        let settings = format!(
            "[ca]\ndefault_ca=a\n[a]\ndatabase={}\ncrlnumber={}\ndefault_md=sha256\ndefault_crl_days=2\n",
            index.display(),
            number.display()
        );
        fs::write(&config, settings).and_then(|()| fs::write(&index, "")).expect("the folder takes files");
        fs::write(&number, "01\n").expect("the folder takes files");
        let ca = || {
            let mut ca = openssl("ca -batch -config");
            ca.arg(&config).arg("-cert").arg(self.certificate()).arg("-keyfile").arg(self.dir.path().join("ca.key"));
            ca
        };
        for name in names {
            run(ca().arg("-revoke").arg(self.dir.path().join(format!("{name}.pem"))));
        }
        let old = ["-crl_lastupdate", "20200101000000Z", "-crl_nextupdate", "20200102000000Z"];
        run(ca().arg("-gencrl").args(&old[..if expired { 4 } else { 0 }]).arg("-out").arg(&crl));
        crl
    }
}

fn self_signed(key: &Path, pem: &Path, name: &str) {
    let mut make = openssl("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2");
    run(make.args(["-subj", &format!("/CN={name}")]).arg("-keyout").arg(key).arg("-out").arg(pem));
}

fn openssl(words: &str) -> Command {
    let mut command = Command::new("openssl");
    command.args(words.split(' '));
    command
}

fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().expect("openssl is there: `make tools` installs it");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn join(parts: &[&PathBuf], into: &Path) {
    let joined = parts.iter().map(|part| fs::read_to_string(part).expect("openssl wrote it")).collect::<String>();
    fs::write(into, joined).expect("the folder takes files");
}
