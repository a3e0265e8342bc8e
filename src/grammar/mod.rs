//! Tables of facts, compiled in from the top-level `grammar/` folder.

/// Whether a word starts a section in some version.
#[must_use]
pub fn is_section_keyword(word: &[u8]) -> bool {
    const S: &[&str] = &[
        "global",
        "defaults",
        "frontend",
        "backend",
        "listen",
        "peers",
        "resolvers",
        "userlist",
        "mailers",
        "namespace_list",
        "cache",
        "ring",
        "log-forward",
        "http-errors",
        "fcgi-app",
        "program",
        "crt-store",
        "traces",
        "log-profile",
        "acme",
        "healthcheck",
    ];
    S.iter().any(|s| s.as_bytes() == word)
}
