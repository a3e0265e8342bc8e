
use builtin;
use str;

set edit:completion:arg-completer[peerctl] = {|@words|
    fn spaces {|n|
        builtin:repeat $n ' ' | str:join ''
    }
    fn cand {|text desc|
        edit:complex-candidate $text &display=$text' '(spaces (- 14 (wcswidth $text)))$desc
    }
    var command = 'peerctl'
    for word $words[1..-1] {
        if (str:has-prefix $word '-') {
            break
        }
        set command = $command';'$word
    }
    var completions = [
        &'peerctl'= {
            cand --color 'Colours: auto, always or never (also: NO_COLOR)'
            cand --show-secrets 'Show passwords, tokens and keys; only on a terminal'
            cand -h 'Print help'
            cand --help 'Print help'
            cand -V 'Print version'
            cand --version 'Print version'
            cand generate 'Print a peers section'
            cand add 'Make a peers section or complete it, attach stick tables to it'
            cand remove 'Take peers, or a whole peers section, out again'
            cand table 'List or rewrite stick-table definitions'
            cand show 'Show peers sections, stick tables, and servers with their ids'
            cand graph 'Draw who peers with whom, which tables travel, and what doesn''t match'
            cand explain 'Say what a rule finds, why that is bad, and what to write instead'
            cand parse 'Print the syntax tree of a file, or the file from its tree'
            cand grammar 'Print the grammars and tables that configurations are read by'
            cand completions 'Print a completion script for a shell'
            cand man 'Write the man pages into a directory'
        }
        &'peerctl;generate'= {
            cand --peer 'A peer: NAME=ADDRESS, the address as HAProxy writes it (repeatable)'
            cand --style '`peer` lines, or `bind` and `server` lines; default: peer, with TLS server'
            cand -L 'The local peer''s name; `server` style and --shards need it'
            cand --local-peer 'The local peer''s name; `server` style and --shards need it'
            cand --shards 'Deal the keys out in N parts, to the peers in turn: each gets its part only (HAProxy 2.7 and later)'
            cand --table 'A table of the section: its name and parameters, as behind `table` (repeatable)'
            cand --crt 'Certificate and key of this side (PEM)'
            cand --ca-file 'Certificates the other sides are checked with'
            cand --verify 'Whether certificates are checked, on both sides; `required` needs --ca-file'
            cand --verifyhost 'The name a peer''s certificate must carry; without it any certificate from --ca-file will do (repeatable)'
            cand --color 'Colours: auto, always or never (also: NO_COLOR)'
            cand --ssl 'TLS between the peers, listener and local entry included'
            cand --show-secrets 'Show passwords, tokens and keys; only on a terminal'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'peerctl;add'= {
            cand --peer 'A peer: NAME=ADDRESS, the address as HAProxy writes it (repeatable)'
            cand --style '`peer` lines, or `bind` and `server` lines; default: as found, peer in a new section, with TLS server'
            cand --set-localpeer 'Write `localpeer` into `global`: NAME, or the INSTANCE''s name if a peer is called so'
            cand --attach 'Let these stick tables travel through the section (repeatable, commas)'
            cand --guest 'Add a line for this tool, so that it can watch and dump; default peerctl=127.0.0.1:10999'
            cand --crt 'Certificate and key of this side (PEM)'
            cand --ca-file 'Certificates the other sides are checked with'
            cand --verify 'Whether certificates are checked, on both sides; `required` needs --ca-file'
            cand --verifyhost 'The name a peer''s certificate must carry; without it any certificate from --ca-file will do (repeatable)'
            cand --env 'A variable the configuration is read with, for all instances or for NAME only (repeatable)'
            cand --env-file 'A file of VAR=VALUE lines to read the configuration with (repeatable)'
            cand -L 'The local peer''s name, as with `haproxy -L`; only with one instance'
            cand --local-peer 'The local peer''s name, as with `haproxy -L`; only with one instance'
            cand --backup 'Keep the old file: NAME~ (simple), NAME.~N~ (numbered); default simple, none inside a git work tree'
            cand --haproxy 'The haproxy to check the result with; default: the one in PATH'
            cand --reload-cmd 'Run this after writing, once, only if something changed (split into words, no shell)'
            cand --hardlinks 'What to do with a file that has several hard links'
            cand --format 'Report for people or as JSON'
            cand --color 'Colours: auto, always or never (also: NO_COLOR)'
            cand --attach-all 'Let all stick tables travel through the section'
            cand --ssl 'TLS between the peers, listener and local entry included'
            cand -n 'Write nothing; exit 1 if something would change'
            cand --check 'Write nothing; exit 1 if something would change'
            cand --dry-run 'Write nothing; exit 1 if something would change'
            cand --diff 'Print a unified diff that `patch -p0` takes (it is still written, unless --check)'
            cand --no-validate 'Don''t check the result with `haproxy -c`'
            cand --in-place 'Write through the file instead of replacing it: for bind-mounted files'
            cand --show-secrets 'Show passwords, tokens and keys; only on a terminal'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'peerctl;remove'= {
            cand --peer 'Only this peer (repeatable); without it, the whole section'
            cand --guest 'Only the lines for this tool: the guest NAME, or all guests'
            cand --env 'A variable the configuration is read with, for all instances or for NAME only (repeatable)'
            cand --env-file 'A file of VAR=VALUE lines to read the configuration with (repeatable)'
            cand -L 'The local peer''s name, as with `haproxy -L`; only with one instance'
            cand --local-peer 'The local peer''s name, as with `haproxy -L`; only with one instance'
            cand --backup 'Keep the old file: NAME~ (simple), NAME.~N~ (numbered); default simple, none inside a git work tree'
            cand --haproxy 'The haproxy to check the result with; default: the one in PATH'
            cand --reload-cmd 'Run this after writing, once, only if something changed (split into words, no shell)'
            cand --hardlinks 'What to do with a file that has several hard links'
            cand --format 'Report for people or as JSON'
            cand --color 'Colours: auto, always or never (also: NO_COLOR)'
            cand -n 'Write nothing; exit 1 if something would change'
            cand --check 'Write nothing; exit 1 if something would change'
            cand --dry-run 'Write nothing; exit 1 if something would change'
            cand --diff 'Print a unified diff that `patch -p0` takes (it is still written, unless --check)'
            cand --no-validate 'Don''t check the result with `haproxy -c`'
            cand --in-place 'Write through the file instead of replacing it: for bind-mounted files'
            cand --show-secrets 'Show passwords, tokens and keys; only on a terminal'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'peerctl;table'= {
            cand --color 'Colours: auto, always or never (also: NO_COLOR)'
            cand --show-secrets 'Show passwords, tokens and keys; only on a terminal'
            cand -h 'Print help'
            cand --help 'Print help'
            cand list 'List the stick tables'
            cand set 'Rewrite arguments of stick-table and table lines; only those named'
        }
        &'peerctl;table;list'= {
            cand --haproxy-version 'The version whose rules hold; default: what `haproxy -v` says, else 3.2'
            cand --format 'For people or as JSON'
            cand --env 'A variable the configuration is read with, for all instances or for NAME only (repeatable)'
            cand --env-file 'A file of VAR=VALUE lines to read the configuration with (repeatable)'
            cand -L 'The local peer''s name, as with `haproxy -L`; only with one instance'
            cand --local-peer 'The local peer''s name, as with `haproxy -L`; only with one instance'
            cand --color 'Colours: auto, always or never (also: NO_COLOR)'
            cand --show-secrets 'Show passwords, tokens and keys; only on a terminal'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'peerctl;table;set'= {
            cand --peers 'Let the tables travel through this peers section, which must be there'
            cand --type 'Key type: ip, ipv6, integer, string, binary; a written len stays if the new type has one'
            cand --len 'Key length: characters of strings (31 if not given), bytes of binaries (32 if not given)'
            cand --size 'The most entries (k, m, g: powers of 1024)'
            cand --expire 'How long an unused entry lives (us, ms, s, m, h, d); 0: for ever'
            cand --store 'Store this and nothing else; '''' stores nothing'
            cand --add-store 'Store this, too; what is stored with another period or count gets the one given here (repeatable)'
            cand --remove-store 'Store this no more: `gpc1`; `http_req_rate` with whatever period, `http_req_rate(10s)` with just that (repeatable)'
            cand --srvkey 'What names a server to the other instances'
            cand --write-to 'The table that gets this one''s counts, too: same type and len, no write-to of its own (HAProxy 2.9 and later)'
            cand --env 'A variable the configuration is read with, for all instances or for NAME only (repeatable)'
            cand --env-file 'A file of VAR=VALUE lines to read the configuration with (repeatable)'
            cand -L 'The local peer''s name, as with `haproxy -L`; only with one instance'
            cand --local-peer 'The local peer''s name, as with `haproxy -L`; only with one instance'
            cand --backup 'Keep the old file: NAME~ (simple), NAME.~N~ (numbered); default simple, none inside a git work tree'
            cand --haproxy 'The haproxy to check the result with; default: the one in PATH'
            cand --reload-cmd 'Run this after writing, once, only if something changed (split into words, no shell)'
            cand --hardlinks 'What to do with a file that has several hard links'
            cand --format 'Report for people or as JSON'
            cand --color 'Colours: auto, always or never (also: NO_COLOR)'
            cand --all 'All tables; every word is an INSTANCE then'
            cand --no-peers 'Stop replicating the tables'
            cand --recv-only 'Learn from peers, never teach (HAProxy 3.2 and later)'
            cand --no-recv-only 'Undo --recv-only'
            cand --nopurge 'Refuse new entries when the table is full, instead of dropping the oldest'
            cand --no-nopurge 'Undo --nopurge'
            cand -n 'Write nothing; exit 1 if something would change'
            cand --check 'Write nothing; exit 1 if something would change'
            cand --dry-run 'Write nothing; exit 1 if something would change'
            cand --diff 'Print a unified diff that `patch -p0` takes (it is still written, unless --check)'
            cand --no-validate 'Don''t check the result with `haproxy -c`'
            cand --in-place 'Write through the file instead of replacing it: for bind-mounted files'
            cand --show-secrets 'Show passwords, tokens and keys; only on a terminal'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'peerctl;show'= {
            cand --haproxy-version 'The version whose rules hold; default: what `haproxy -v` says, else 3.2'
            cand --format 'For people or as JSON'
            cand --env 'A variable the configuration is read with, for all instances or for NAME only (repeatable)'
            cand --env-file 'A file of VAR=VALUE lines to read the configuration with (repeatable)'
            cand -L 'The local peer''s name, as with `haproxy -L`; only with one instance'
            cand --local-peer 'The local peer''s name, as with `haproxy -L`; only with one instance'
            cand --color 'Colours: auto, always or never (also: NO_COLOR)'
            cand --show-secrets 'Show passwords, tokens and keys; only on a terminal'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'peerctl;graph'= {
            cand --format 'For Markdown pages, for Graphviz, or a picture'
            cand --haproxy-version 'The version whose rules hold; default: what `haproxy -v` says, else 3.2'
            cand --env 'A variable the configuration is read with, for all instances or for NAME only (repeatable)'
            cand --env-file 'A file of VAR=VALUE lines to read the configuration with (repeatable)'
            cand -L 'The local peer''s name, as with `haproxy -L`; only with one instance'
            cand --local-peer 'The local peer''s name, as with `haproxy -L`; only with one instance'
            cand --color 'Colours: auto, always or never (also: NO_COLOR)'
            cand --show-secrets 'Show passwords, tokens and keys; only on a terminal'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'peerctl;explain'= {
            cand --color 'Colours: auto, always or never (also: NO_COLOR)'
            cand --show-secrets 'Show passwords, tokens and keys; only on a terminal'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'peerctl;parse'= {
            cand --format 'The tree as JSON, or the text printed back from it'
            cand --color 'Colours: auto, always or never (also: NO_COLOR)'
            cand --show-secrets 'Show passwords, tokens and keys; only on a terminal'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'peerctl;grammar'= {
            cand --color 'Colours: auto, always or never (also: NO_COLOR)'
            cand --show-secrets 'Show passwords, tokens and keys; only on a terminal'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'peerctl;completions'= {
            cand --color 'Colours: auto, always or never (also: NO_COLOR)'
            cand --show-secrets 'Show passwords, tokens and keys; only on a terminal'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'peerctl;man'= {
            cand --color 'Colours: auto, always or never (also: NO_COLOR)'
            cand --show-secrets 'Show passwords, tokens and keys; only on a terminal'
            cand -h 'Print help'
            cand --help 'Print help'
        }
    ]
    $completions[$command]
}
