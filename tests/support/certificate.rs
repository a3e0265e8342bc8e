//! A certificate for tests.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Writes a self-signed certificate for `CN=localhost` and its key to one file `tls.pem` in `dir`, as `crt` takes it.
pub(crate) fn self_signed_certificate(dir: &Path) -> PathBuf {
    let (key, pem) = (dir.join("tls.key"), dir.join("tls.pem"));
    let made = Command::new("openssl")
        .args(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost".split(' '),
        )
        .args([Path::new("-keyout"), &key, Path::new("-out"), &pem])
        .stderr(Stdio::null())
        .status()
        .expect("openssl is there: `make tools` installs it");
    assert!(made.success(), "openssl makes a certificate");
    let joined = [&pem, &key].map(|part| fs::read_to_string(part).expect("openssl wrote it")).concat();
    fs::write(&pem, joined).expect("the folder takes files");
    pem
}
