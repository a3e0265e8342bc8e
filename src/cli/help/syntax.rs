//! Configurations as text, and about this program.

/// `parse`.
pub const PARSE: &str = "\
Examples:
  Where the sections are:
    peerctl parse haproxy.cfg |
      jq -r '.sections[] | \"\\(.line) \\(.keyword) \\(.name)\"'

  Lines that can't be read (the exit code is 0: the tree has them, too):
    peerctl parse haproxy.cfg | jq '.errors'

  Printing changes nothing, whatever the bytes:
    peerctl parse haproxy.cfg --format source | cmp - haproxy.cfg

Spans are bytes from the start of the file, columns count bytes from 1.
`text` is a word as it stands in the file, `value` what it means where
that differs; words from the environment have `references` instead. What
isn't UTF-8 comes as hex: `hex`, `value_hex`, `comment_hex`.";

/// `grammar`.
pub const GRAMMAR: &str = "\
Examples:
  peerctl grammar                what there is
  peerctl grammar line           how a line is cut into words (W3C EBNF)
  peerctl grammar server-params  parameters of server lines, with TABs";

/// `completions`.
pub const COMPLETIONS: &str = "\
Examples:
  peerctl completions bash > /etc/bash_completion.d/peerctl
  peerctl completions zsh > \"${fpath[1]}/_peerctl\"
  peerctl completions fish > ~/.config/fish/completions/peerctl.fish";

/// `man`.
pub const MAN: &str = "\
Example:
  peerctl man /usr/local/share/man/man1 && man peerctl-add";
