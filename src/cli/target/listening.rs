//! `--listen`: where peers call us.

use super::{Address, Tls};
use crate::cli::{args::ConnectArgs, failure::Failure};
use crate::escape;

/// Where peers call us.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listen {
    /// The address.
    pub address: Address,
    /// The TLS that callers must use, with a certificate of ours; `None` for plain TCP.
    pub tls: Option<Tls>,
}

/// The listener that the options ask for. `tls` is how the peers would be called.
pub(super) fn listen(args: &ConnectArgs, text: &str, tls: Option<&Tls>) -> Result<Listen, Failure> {
    let shown = escape::name(text.as_bytes());
    let Some(address) = Address::parse(text.as_bytes()) else {
        let help = "write it as on a `bind` line: 127.0.0.1:10999, :10999, [::1]:10999 or unix@/path";
        return Err(Failure::misuse(format!("--listen {shown}: no address to listen on"), help));
    };
    let tls = match tls {
        Some(tls) if tls.identity.is_none() => {
            return Err(Failure::misuse("a listener with TLS needs a certificate", "give --ssl --crt FILE"));
        }
        tls => tls.cloned(),
    };
    if tls.is_none() && !args.insecure_plaintext && !address.is_private() {
        let help = "use TLS with --ssl --crt FILE --ca-file FILE; or, if nobody else can reach that address, say \
                    --insecure-plaintext";
        return Err(Failure::misuse(format!("--listen {shown} would take plain calls from other machines"), help));
    }
    Ok(Listen { address, tls })
}
