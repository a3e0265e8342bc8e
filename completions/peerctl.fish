# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_peerctl_global_optspecs
    string join \n color= show-secrets h/help V/version
end

function __fish_peerctl_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_peerctl_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_peerctl_using_subcommand
    set -l cmd (__fish_peerctl_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c peerctl -n "__fish_peerctl_needs_command" -l color -d 'Colours: auto, always or never (also: NO_COLOR)' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c peerctl -n "__fish_peerctl_needs_command" -l show-secrets -d 'Show passwords, tokens and keys; only on a terminal'
complete -c peerctl -n "__fish_peerctl_needs_command" -s h -l help -d 'Print help'
complete -c peerctl -n "__fish_peerctl_needs_command" -s V -l version -d 'Print version'
complete -c peerctl -n "__fish_peerctl_needs_command" -f -a "generate" -d 'Print a peers section'
complete -c peerctl -n "__fish_peerctl_needs_command" -f -a "add" -d 'Make a peers section or complete it, attach stick tables to it'
complete -c peerctl -n "__fish_peerctl_needs_command" -f -a "remove" -d 'Take peers, or a whole peers section, out again'
complete -c peerctl -n "__fish_peerctl_needs_command" -f -a "table" -d 'List or rewrite stick-table definitions'
complete -c peerctl -n "__fish_peerctl_needs_command" -f -a "show" -d 'Show peers sections, stick tables, and servers with their ids'
complete -c peerctl -n "__fish_peerctl_needs_command" -f -a "check-ids" -d 'Check that servers have the same ids on all instances'
complete -c peerctl -n "__fish_peerctl_needs_command" -f -a "check" -d 'Check peers, tables and servers of one or several instances'
complete -c peerctl -n "__fish_peerctl_needs_command" -f -a "graph" -d 'Draw who peers with whom, and what doesn\'t match'
complete -c peerctl -n "__fish_peerctl_needs_command" -f -a "probe" -d 'Say whether each peer answers and is in sync, and what to change'
complete -c peerctl -n "__fish_peerctl_needs_command" -f -a "dump" -d 'Write down what stick tables hold: a full copy from live peers'
complete -c peerctl -n "__fish_peerctl_needs_command" -f -a "watch" -d 'Follow what live peers change: a screen, records, metrics'
complete -c peerctl -n "__fish_peerctl_needs_command" -f -a "compare" -d 'Say in which entries peers differ'
complete -c peerctl -n "__fish_peerctl_needs_command" -f -a "wait-sync" -d 'Wait until peers are in sync and hold what they should'
complete -c peerctl -n "__fish_peerctl_needs_command" -f -a "replay" -d 'Send the entries of a dump or recording to live peers'
complete -c peerctl -n "__fish_peerctl_needs_command" -f -a "aggregate" -d 'Add up stick tables over several nodes, and write the totals back'
complete -c peerctl -n "__fish_peerctl_needs_command" -f -a "hold" -d 'Keep stick tables on disk, and teach a HAProxy that comes up cold'
complete -c peerctl -n "__fish_peerctl_needs_command" -f -a "forget" -d 'Drop a key from a running `hold` or `aggregate`'
complete -c peerctl -n "__fish_peerctl_needs_command" -f -a "explain" -d 'Say what a rule finds, why that is bad, and what to write instead'
complete -c peerctl -n "__fish_peerctl_needs_command" -f -a "parse" -d 'Print the syntax tree of a file, or the file from its tree'
complete -c peerctl -n "__fish_peerctl_needs_command" -f -a "grammar" -d 'Print the grammars and tables that configurations are read by'
complete -c peerctl -n "__fish_peerctl_needs_command" -f -a "completions" -d 'Print a completion script for a shell'
complete -c peerctl -n "__fish_peerctl_needs_command" -f -a "man" -d 'Write the man pages into a directory'
complete -c peerctl -n "__fish_peerctl_using_subcommand generate" -l peer -d 'A peer: NAME=ADDRESS, the address as HAProxy writes it (repeatable)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand generate" -l aggregate -d 'An aggregator of these peers: NAME=ADDRESS; prints what the machine named by -L needs, a node or the aggregator itself (repeatable)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand generate" -l style -d '`peer` lines, or `bind` and `server` lines; default: peer, with TLS server' -r -f -a "peer\t'`peer NAME ADDRESS` lines'
server\t'`bind` and `server` lines: what TLS needs'"
complete -c peerctl -n "__fish_peerctl_using_subcommand generate" -s L -l local-peer -d 'The local peer\'s name; `server` style, --shards and --aggregate need it' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand generate" -l shards -d 'Deal the keys out in N parts, to the peers in turn: each gets its part only (HAProxy 2.7 and later)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand generate" -l table -d 'A table of the section: its name and parameters, as behind `table` (repeatable)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand generate" -l crt -d 'Certificate and key of this side (PEM)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand generate" -l ca-file -d 'Certificates the other sides are checked with' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand generate" -l verify -d 'Whether certificates are checked, on both sides; `required` needs --ca-file' -r -f -a "required\t'Check the other side\'s certificate'
none\t'Don\'t: anyone can take the place of a peer'"
complete -c peerctl -n "__fish_peerctl_using_subcommand generate" -l verifyhost -d 'The name a peer\'s certificate must carry; without it any certificate from --ca-file will do (repeatable)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand generate" -l color -d 'Colours: auto, always or never (also: NO_COLOR)' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c peerctl -n "__fish_peerctl_using_subcommand generate" -l ssl -d 'TLS between the peers, listener and local entry included'
complete -c peerctl -n "__fish_peerctl_using_subcommand generate" -l show-secrets -d 'Show passwords, tokens and keys; only on a terminal'
complete -c peerctl -n "__fish_peerctl_using_subcommand generate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c peerctl -n "__fish_peerctl_using_subcommand add" -l peer -d 'A peer: NAME=ADDRESS, the address as HAProxy writes it (repeatable)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand add" -l aggregate -d 'An aggregator of these peers: NAME=ADDRESS; each instance gets itself and the aggregators, tables for the totals and the lease (repeatable)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand add" -l table -d 'A table of the section that is added up: its name and parameters, as behind `table` (repeatable)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand add" -l style -d '`peer` lines, or `bind` and `server` lines; default: as found, peer in a new section, with TLS server' -r -f -a "peer\t'`peer NAME ADDRESS` lines'
server\t'`bind` and `server` lines: what TLS needs'"
complete -c peerctl -n "__fish_peerctl_using_subcommand add" -l set-localpeer -d 'Write `localpeer` into `global`: NAME, or the INSTANCE\'s name if a peer is called so' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand add" -l attach -d 'Let these stick tables travel through the section (repeatable, commas)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand add" -l guest -d 'Add a line for this tool, so that it can watch and dump; default peerctl=127.0.0.1:10999' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand add" -l crt -d 'Certificate and key of this side (PEM)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand add" -l ca-file -d 'Certificates the other sides are checked with' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand add" -l verify -d 'Whether certificates are checked, on both sides; `required` needs --ca-file' -r -f -a "required\t'Check the other side\'s certificate'
none\t'Don\'t: anyone can take the place of a peer'"
complete -c peerctl -n "__fish_peerctl_using_subcommand add" -l verifyhost -d 'The name a peer\'s certificate must carry; without it any certificate from --ca-file will do (repeatable)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand add" -l env -d 'A variable the configuration is read with, for all instances or for NAME only (repeatable)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand add" -l env-file -d 'A file of VAR=VALUE lines to read the configuration with (repeatable)' -r -F
complete -c peerctl -n "__fish_peerctl_using_subcommand add" -s L -l local-peer -d 'The local peer\'s name, as with `haproxy -L`; only with one instance' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand add" -l backup -d 'Keep the old file: NAME~ (simple), NAME.~N~ (numbered); default simple, none inside a git work tree' -r -f -a "none\t'It is gone'
simple\t'It is kept as `NAME~`; an earlier one is gone'
numbered\t'It is kept as `NAME.~1~`, `NAME.~2~`, and so on'"
complete -c peerctl -n "__fish_peerctl_using_subcommand add" -l haproxy -d 'The haproxy to check the result with; default: the one in PATH' -r -F
complete -c peerctl -n "__fish_peerctl_using_subcommand add" -l reload-cmd -d 'Run this after writing, once, only if something changed (split into words, no shell)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand add" -l hardlinks -d 'What to do with a file that has several hard links' -r -f -a "refuse\t'Don\'t write it'
break\t'Give the new version to this name alone'"
complete -c peerctl -n "__fish_peerctl_using_subcommand add" -l format -d 'Report for people or as JSON' -r -f -a "human\t'Text for people'
json\t'One JSON document'"
complete -c peerctl -n "__fish_peerctl_using_subcommand add" -l color -d 'Colours: auto, always or never (also: NO_COLOR)' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c peerctl -n "__fish_peerctl_using_subcommand add" -l attach-all -d 'Let all stick tables travel through the section'
complete -c peerctl -n "__fish_peerctl_using_subcommand add" -l ssl -d 'TLS between the peers, listener and local entry included'
complete -c peerctl -n "__fish_peerctl_using_subcommand add" -s n -l check -l dry-run -d 'Write nothing; exit 1 if something would change'
complete -c peerctl -n "__fish_peerctl_using_subcommand add" -l diff -d 'Print a unified diff that `patch -p0` takes (it is still written, unless --check)'
complete -c peerctl -n "__fish_peerctl_using_subcommand add" -l no-validate -d 'Don\'t check the result with `haproxy -c`'
complete -c peerctl -n "__fish_peerctl_using_subcommand add" -l in-place -d 'Write through the file instead of replacing it: for bind-mounted files'
complete -c peerctl -n "__fish_peerctl_using_subcommand add" -l show-secrets -d 'Show passwords, tokens and keys; only on a terminal'
complete -c peerctl -n "__fish_peerctl_using_subcommand add" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c peerctl -n "__fish_peerctl_using_subcommand remove" -l peer -d 'Only this peer (repeatable); without it, the whole section' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand remove" -l guest -d 'Only the lines for this tool: the guest NAME, or all guests' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand remove" -l env -d 'A variable the configuration is read with, for all instances or for NAME only (repeatable)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand remove" -l env-file -d 'A file of VAR=VALUE lines to read the configuration with (repeatable)' -r -F
complete -c peerctl -n "__fish_peerctl_using_subcommand remove" -s L -l local-peer -d 'The local peer\'s name, as with `haproxy -L`; only with one instance' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand remove" -l backup -d 'Keep the old file: NAME~ (simple), NAME.~N~ (numbered); default simple, none inside a git work tree' -r -f -a "none\t'It is gone'
simple\t'It is kept as `NAME~`; an earlier one is gone'
numbered\t'It is kept as `NAME.~1~`, `NAME.~2~`, and so on'"
complete -c peerctl -n "__fish_peerctl_using_subcommand remove" -l haproxy -d 'The haproxy to check the result with; default: the one in PATH' -r -F
complete -c peerctl -n "__fish_peerctl_using_subcommand remove" -l reload-cmd -d 'Run this after writing, once, only if something changed (split into words, no shell)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand remove" -l hardlinks -d 'What to do with a file that has several hard links' -r -f -a "refuse\t'Don\'t write it'
break\t'Give the new version to this name alone'"
complete -c peerctl -n "__fish_peerctl_using_subcommand remove" -l format -d 'Report for people or as JSON' -r -f -a "human\t'Text for people'
json\t'One JSON document'"
complete -c peerctl -n "__fish_peerctl_using_subcommand remove" -l color -d 'Colours: auto, always or never (also: NO_COLOR)' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c peerctl -n "__fish_peerctl_using_subcommand remove" -s n -l check -l dry-run -d 'Write nothing; exit 1 if something would change'
complete -c peerctl -n "__fish_peerctl_using_subcommand remove" -l diff -d 'Print a unified diff that `patch -p0` takes (it is still written, unless --check)'
complete -c peerctl -n "__fish_peerctl_using_subcommand remove" -l no-validate -d 'Don\'t check the result with `haproxy -c`'
complete -c peerctl -n "__fish_peerctl_using_subcommand remove" -l in-place -d 'Write through the file instead of replacing it: for bind-mounted files'
complete -c peerctl -n "__fish_peerctl_using_subcommand remove" -l show-secrets -d 'Show passwords, tokens and keys; only on a terminal'
complete -c peerctl -n "__fish_peerctl_using_subcommand remove" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c peerctl -n "__fish_peerctl_using_subcommand table; and not __fish_seen_subcommand_from list set" -l color -d 'Colours: auto, always or never (also: NO_COLOR)' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c peerctl -n "__fish_peerctl_using_subcommand table; and not __fish_seen_subcommand_from list set" -l show-secrets -d 'Show passwords, tokens and keys; only on a terminal'
complete -c peerctl -n "__fish_peerctl_using_subcommand table; and not __fish_seen_subcommand_from list set" -s h -l help -d 'Print help'
complete -c peerctl -n "__fish_peerctl_using_subcommand table; and not __fish_seen_subcommand_from list set" -f -a "list" -d 'List the stick tables'
complete -c peerctl -n "__fish_peerctl_using_subcommand table; and not __fish_seen_subcommand_from list set" -f -a "set" -d 'Rewrite arguments of stick-table and table lines; only those named'
complete -c peerctl -n "__fish_peerctl_using_subcommand table; and __fish_seen_subcommand_from list" -l haproxy-version -d 'The version whose rules hold; default: what `haproxy -v` says, else 3.2' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand table; and __fish_seen_subcommand_from list" -l format -d 'For people or as JSON' -r -f -a "human\t'Text for people'
json\t'One JSON document'"
complete -c peerctl -n "__fish_peerctl_using_subcommand table; and __fish_seen_subcommand_from list" -l env -d 'A variable the configuration is read with, for all instances or for NAME only (repeatable)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand table; and __fish_seen_subcommand_from list" -l env-file -d 'A file of VAR=VALUE lines to read the configuration with (repeatable)' -r -F
complete -c peerctl -n "__fish_peerctl_using_subcommand table; and __fish_seen_subcommand_from list" -s L -l local-peer -d 'The local peer\'s name, as with `haproxy -L`; only with one instance' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand table; and __fish_seen_subcommand_from list" -l color -d 'Colours: auto, always or never (also: NO_COLOR)' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c peerctl -n "__fish_peerctl_using_subcommand table; and __fish_seen_subcommand_from list" -l show-secrets -d 'Show passwords, tokens and keys; only on a terminal'
complete -c peerctl -n "__fish_peerctl_using_subcommand table; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c peerctl -n "__fish_peerctl_using_subcommand table; and __fish_seen_subcommand_from set" -l peers -d 'Let the tables travel through this peers section, which must be there' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand table; and __fish_seen_subcommand_from set" -l type -d 'Key type: ip, ipv6, integer, string, binary; a written len stays if the new type has one' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand table; and __fish_seen_subcommand_from set" -l len -d 'Key length: characters of strings (31 if not given), bytes of binaries (32 if not given)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand table; and __fish_seen_subcommand_from set" -l size -d 'The most entries (k, m, g: powers of 1024)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand table; and __fish_seen_subcommand_from set" -l expire -d 'How long an unused entry lives (us, ms, s, m, h, d); 0: for ever' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand table; and __fish_seen_subcommand_from set" -l store -d 'Store this and nothing else; \'\' stores nothing' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand table; and __fish_seen_subcommand_from set" -l add-store -d 'Store this, too; what is stored with another period or count gets the one given here (repeatable)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand table; and __fish_seen_subcommand_from set" -l remove-store -d 'Store this no more: `gpc1`; `http_req_rate` with whatever period, `http_req_rate(10s)` with just that (repeatable)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand table; and __fish_seen_subcommand_from set" -l srvkey -d 'What names a server to the other instances' -r -f -a "name\t'Its name'
addr\t'Its address and port'"
complete -c peerctl -n "__fish_peerctl_using_subcommand table; and __fish_seen_subcommand_from set" -l write-to -d 'The table that gets this one\'s counts, too: same type and len, no write-to of its own (HAProxy 2.9 and later)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand table; and __fish_seen_subcommand_from set" -l env -d 'A variable the configuration is read with, for all instances or for NAME only (repeatable)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand table; and __fish_seen_subcommand_from set" -l env-file -d 'A file of VAR=VALUE lines to read the configuration with (repeatable)' -r -F
complete -c peerctl -n "__fish_peerctl_using_subcommand table; and __fish_seen_subcommand_from set" -s L -l local-peer -d 'The local peer\'s name, as with `haproxy -L`; only with one instance' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand table; and __fish_seen_subcommand_from set" -l backup -d 'Keep the old file: NAME~ (simple), NAME.~N~ (numbered); default simple, none inside a git work tree' -r -f -a "none\t'It is gone'
simple\t'It is kept as `NAME~`; an earlier one is gone'
numbered\t'It is kept as `NAME.~1~`, `NAME.~2~`, and so on'"
complete -c peerctl -n "__fish_peerctl_using_subcommand table; and __fish_seen_subcommand_from set" -l haproxy -d 'The haproxy to check the result with; default: the one in PATH' -r -F
complete -c peerctl -n "__fish_peerctl_using_subcommand table; and __fish_seen_subcommand_from set" -l reload-cmd -d 'Run this after writing, once, only if something changed (split into words, no shell)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand table; and __fish_seen_subcommand_from set" -l hardlinks -d 'What to do with a file that has several hard links' -r -f -a "refuse\t'Don\'t write it'
break\t'Give the new version to this name alone'"
complete -c peerctl -n "__fish_peerctl_using_subcommand table; and __fish_seen_subcommand_from set" -l format -d 'Report for people or as JSON' -r -f -a "human\t'Text for people'
json\t'One JSON document'"
complete -c peerctl -n "__fish_peerctl_using_subcommand table; and __fish_seen_subcommand_from set" -l color -d 'Colours: auto, always or never (also: NO_COLOR)' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c peerctl -n "__fish_peerctl_using_subcommand table; and __fish_seen_subcommand_from set" -l all -d 'All tables; every word is an INSTANCE then'
complete -c peerctl -n "__fish_peerctl_using_subcommand table; and __fish_seen_subcommand_from set" -l no-peers -d 'Stop replicating the tables'
complete -c peerctl -n "__fish_peerctl_using_subcommand table; and __fish_seen_subcommand_from set" -l recv-only -d 'Learn from peers, never teach (HAProxy 3.2 and later)'
complete -c peerctl -n "__fish_peerctl_using_subcommand table; and __fish_seen_subcommand_from set" -l no-recv-only -d 'Undo --recv-only'
complete -c peerctl -n "__fish_peerctl_using_subcommand table; and __fish_seen_subcommand_from set" -l nopurge -d 'Refuse new entries when the table is full, instead of dropping the oldest'
complete -c peerctl -n "__fish_peerctl_using_subcommand table; and __fish_seen_subcommand_from set" -l no-nopurge -d 'Undo --nopurge'
complete -c peerctl -n "__fish_peerctl_using_subcommand table; and __fish_seen_subcommand_from set" -s n -l check -l dry-run -d 'Write nothing; exit 1 if something would change'
complete -c peerctl -n "__fish_peerctl_using_subcommand table; and __fish_seen_subcommand_from set" -l diff -d 'Print a unified diff that `patch -p0` takes (it is still written, unless --check)'
complete -c peerctl -n "__fish_peerctl_using_subcommand table; and __fish_seen_subcommand_from set" -l no-validate -d 'Don\'t check the result with `haproxy -c`'
complete -c peerctl -n "__fish_peerctl_using_subcommand table; and __fish_seen_subcommand_from set" -l in-place -d 'Write through the file instead of replacing it: for bind-mounted files'
complete -c peerctl -n "__fish_peerctl_using_subcommand table; and __fish_seen_subcommand_from set" -l show-secrets -d 'Show passwords, tokens and keys; only on a terminal'
complete -c peerctl -n "__fish_peerctl_using_subcommand table; and __fish_seen_subcommand_from set" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c peerctl -n "__fish_peerctl_using_subcommand show" -l haproxy-version -d 'The version whose rules hold; default: what `haproxy -v` says, else 3.2' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand show" -l format -d 'For people or as JSON' -r -f -a "human\t'Text for people'
json\t'One JSON document'"
complete -c peerctl -n "__fish_peerctl_using_subcommand show" -l env -d 'A variable the configuration is read with, for all instances or for NAME only (repeatable)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand show" -l env-file -d 'A file of VAR=VALUE lines to read the configuration with (repeatable)' -r -F
complete -c peerctl -n "__fish_peerctl_using_subcommand show" -s L -l local-peer -d 'The local peer\'s name, as with `haproxy -L`; only with one instance' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand show" -l color -d 'Colours: auto, always or never (also: NO_COLOR)' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c peerctl -n "__fish_peerctl_using_subcommand show" -l show-secrets -d 'Show passwords, tokens and keys; only on a terminal'
complete -c peerctl -n "__fish_peerctl_using_subcommand show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c peerctl -n "__fish_peerctl_using_subcommand check-ids" -l select -d 'Only these rules: their codes, or the start of codes with * (repeatable, commas)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand check-ids" -l ignore -d 'All but these rules (repeatable, commas)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand check-ids" -l deny -d 'Exit 1 if there is a finding at least this bad' -r -f -a "error\t''
warning\t''
note\t''"
complete -c peerctl -n "__fish_peerctl_using_subcommand check-ids" -l format -d 'How findings are printed' -r -f -a "human\t'For people, with the places'
json\t'One JSON document'
sarif\t'SARIF 2.1.0'
github\t'Annotations of GitHub Actions'
gitlab\t'GitLab Code Quality'
junit\t'JUnit XML'"
complete -c peerctl -n "__fish_peerctl_using_subcommand check-ids" -l report -d 'Write the findings into a file, too: human, json, sarif, github, gitlab or junit (repeatable)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand check-ids" -l haproxy-version -d 'The version whose rules hold; default: what `haproxy -v` says, else 3.2' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand check-ids" -l env -d 'A variable the configuration is read with, for all instances or for NAME only (repeatable)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand check-ids" -l env-file -d 'A file of VAR=VALUE lines to read the configuration with (repeatable)' -r -F
complete -c peerctl -n "__fish_peerctl_using_subcommand check-ids" -s L -l local-peer -d 'The local peer\'s name, as with `haproxy -L`; only with one instance' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand check-ids" -l reference -d 'The instance whose ids the others take over; default: the first one' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand check-ids" -l backup -d 'Keep the old file: NAME~ (simple), NAME.~N~ (numbered); default simple, none inside a git work tree' -r -f -a "none\t'It is gone'
simple\t'It is kept as `NAME~`; an earlier one is gone'
numbered\t'It is kept as `NAME.~1~`, `NAME.~2~`, and so on'"
complete -c peerctl -n "__fish_peerctl_using_subcommand check-ids" -l haproxy -d 'The haproxy to check the result with; default: the one in PATH' -r -F
complete -c peerctl -n "__fish_peerctl_using_subcommand check-ids" -l reload-cmd -d 'Run this after writing, once, only if something changed (split into words, no shell)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand check-ids" -l hardlinks -d 'What to do with a file that has several hard links' -r -f -a "refuse\t'Don\'t write it'
break\t'Give the new version to this name alone'"
complete -c peerctl -n "__fish_peerctl_using_subcommand check-ids" -l color -d 'Colours: auto, always or never (also: NO_COLOR)' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c peerctl -n "__fish_peerctl_using_subcommand check-ids" -l fix -d 'Write server ids down, so that all instances agree; notes only if they are asked for by --select or --deny note'
complete -c peerctl -n "__fish_peerctl_using_subcommand check-ids" -s n -l check -l dry-run -d 'Write nothing; exit 1 if something would change'
complete -c peerctl -n "__fish_peerctl_using_subcommand check-ids" -l diff -d 'Print a unified diff that `patch -p0` takes (it is still written, unless --check)'
complete -c peerctl -n "__fish_peerctl_using_subcommand check-ids" -l no-validate -d 'Don\'t check the result with `haproxy -c`'
complete -c peerctl -n "__fish_peerctl_using_subcommand check-ids" -l in-place -d 'Write through the file instead of replacing it: for bind-mounted files'
complete -c peerctl -n "__fish_peerctl_using_subcommand check-ids" -l show-secrets -d 'Show passwords, tokens and keys; only on a terminal'
complete -c peerctl -n "__fish_peerctl_using_subcommand check-ids" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c peerctl -n "__fish_peerctl_using_subcommand check" -l select -d 'Only these rules: their codes, or the start of codes with * (repeatable, commas)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand check" -l ignore -d 'All but these rules (repeatable, commas)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand check" -l deny -d 'Exit 1 if there is a finding at least this bad' -r -f -a "error\t''
warning\t''
note\t''"
complete -c peerctl -n "__fish_peerctl_using_subcommand check" -l format -d 'How findings are printed' -r -f -a "human\t'For people, with the places'
json\t'One JSON document'
sarif\t'SARIF 2.1.0'
github\t'Annotations of GitHub Actions'
gitlab\t'GitLab Code Quality'
junit\t'JUnit XML'"
complete -c peerctl -n "__fish_peerctl_using_subcommand check" -l report -d 'Write the findings into a file, too: human, json, sarif, github, gitlab or junit (repeatable)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand check" -l haproxy-version -d 'The version whose rules hold; default: what `haproxy -v` says, else 3.2' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand check" -l env -d 'A variable the configuration is read with, for all instances or for NAME only (repeatable)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand check" -l env-file -d 'A file of VAR=VALUE lines to read the configuration with (repeatable)' -r -F
complete -c peerctl -n "__fish_peerctl_using_subcommand check" -s L -l local-peer -d 'The local peer\'s name, as with `haproxy -L`; only with one instance' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand check" -l reference -d 'The instance whose ids the others take over; default: the first one' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand check" -l backup -d 'Keep the old file: NAME~ (simple), NAME.~N~ (numbered); default simple, none inside a git work tree' -r -f -a "none\t'It is gone'
simple\t'It is kept as `NAME~`; an earlier one is gone'
numbered\t'It is kept as `NAME.~1~`, `NAME.~2~`, and so on'"
complete -c peerctl -n "__fish_peerctl_using_subcommand check" -l haproxy -d 'The haproxy to check the result with; default: the one in PATH' -r -F
complete -c peerctl -n "__fish_peerctl_using_subcommand check" -l reload-cmd -d 'Run this after writing, once, only if something changed (split into words, no shell)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand check" -l hardlinks -d 'What to do with a file that has several hard links' -r -f -a "refuse\t'Don\'t write it'
break\t'Give the new version to this name alone'"
complete -c peerctl -n "__fish_peerctl_using_subcommand check" -l color -d 'Colours: auto, always or never (also: NO_COLOR)' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c peerctl -n "__fish_peerctl_using_subcommand check" -l fix -d 'Write server ids down, so that all instances agree; notes only if they are asked for by --select or --deny note'
complete -c peerctl -n "__fish_peerctl_using_subcommand check" -s n -l check -l dry-run -d 'Write nothing; exit 1 if something would change'
complete -c peerctl -n "__fish_peerctl_using_subcommand check" -l diff -d 'Print a unified diff that `patch -p0` takes (it is still written, unless --check)'
complete -c peerctl -n "__fish_peerctl_using_subcommand check" -l no-validate -d 'Don\'t check the result with `haproxy -c`'
complete -c peerctl -n "__fish_peerctl_using_subcommand check" -l in-place -d 'Write through the file instead of replacing it: for bind-mounted files'
complete -c peerctl -n "__fish_peerctl_using_subcommand check" -l show-secrets -d 'Show passwords, tokens and keys; only on a terminal'
complete -c peerctl -n "__fish_peerctl_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c peerctl -n "__fish_peerctl_using_subcommand graph" -l format -d 'For Markdown pages, for Graphviz, or a picture' -r -f -a "mermaid\t'A Mermaid flow chart, as repositories draw it in Markdown'
dot\t'For Graphviz'
svg\t'A picture'"
complete -c peerctl -n "__fish_peerctl_using_subcommand graph" -l haproxy-version -d 'The version whose rules hold; default: what `haproxy -v` says, else 3.2' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand graph" -l env -d 'A variable the configuration is read with, for all instances or for NAME only (repeatable)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand graph" -l env-file -d 'A file of VAR=VALUE lines to read the configuration with (repeatable)' -r -F
complete -c peerctl -n "__fish_peerctl_using_subcommand graph" -s L -l local-peer -d 'The local peer\'s name, as with `haproxy -L`; only with one instance' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand graph" -l color -d 'Colours: auto, always or never (also: NO_COLOR)' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c peerctl -n "__fish_peerctl_using_subcommand graph" -l show-secrets -d 'Show passwords, tokens and keys; only on a terminal'
complete -c peerctl -n "__fish_peerctl_using_subcommand graph" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c peerctl -n "__fish_peerctl_using_subcommand probe" -l timeout -d 'How long to wait for each peer' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand probe" -l socket -d 'Ask this runtime socket what HAProxy knows of its peers, too: [NAME=]PATH, ipv4@A:P (repeatable)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand probe" -l format -d 'For people or as JSON' -r -f -a "human\t'Text for people'
json\t'One JSON document'"
complete -c peerctl -n "__fish_peerctl_using_subcommand probe" -s f -l config -d 'Take peers, addresses and TLS from this configuration: [NAME=]PATH[,PATH…]; default without a PEER: /etc/haproxy/haproxy.cfg and /etc/haproxy/conf.d' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand probe" -l section -d 'The peers section of the configuration; it may be left out if there is only one' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand probe" -s L -l local-peer -d 'Our own name among the peers; default: the guest of the configuration, else peerctl' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand probe" -l env -d 'A variable the configuration is read with (repeatable)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand probe" -l env-file -d 'A file of VAR=VALUE lines to read the configuration with (repeatable)' -r -F
complete -c peerctl -n "__fish_peerctl_using_subcommand probe" -l listen -d 'Wait on this address for the peers to call, instead of calling them' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand probe" -l crt -d 'Certificate and key of this side (PEM)' -r -F
complete -c peerctl -n "__fish_peerctl_using_subcommand probe" -l ca-file -d 'Certificates the other side is checked with; @system-ca: those of this machine' -r -F
complete -c peerctl -n "__fish_peerctl_using_subcommand probe" -l verify -d 'Whether certificates are checked; `required`, the default, needs --ca-file' -r -f -a "required\t'Check the other side\'s certificate'
none\t'Don\'t: anyone can take the place of a peer'"
complete -c peerctl -n "__fish_peerctl_using_subcommand probe" -l verifyhost -d 'The name the certificates must carry, for all peers or one; without it any from --ca-file will do (repeatable)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand probe" -l color -d 'Colours: auto, always or never (also: NO_COLOR)' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c peerctl -n "__fish_peerctl_using_subcommand probe" -l handshake-only -d 'Only say hello: ask for no entries'
complete -c peerctl -n "__fish_peerctl_using_subcommand probe" -l strict -d 'Exit 1 if a peer doesn\'t list us, too'
complete -c peerctl -n "__fish_peerctl_using_subcommand probe" -l insecure-plaintext -d 'Listen without TLS on an address that others can reach'
complete -c peerctl -n "__fish_peerctl_using_subcommand probe" -l ssl -d 'Speak TLS with the peers'
complete -c peerctl -n "__fish_peerctl_using_subcommand probe" -l show-secrets -d 'Show passwords, tokens and keys; only on a terminal'
complete -c peerctl -n "__fish_peerctl_using_subcommand probe" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c peerctl -n "__fish_peerctl_using_subcommand dump" -l format -d 'How entries are written; default: table on a terminal, else ndjson' -r -f -a "table\t'Columns for people'
ndjson\t'Records, one a line: what replay takes'
json\t'One JSON document'
csv\t'For spreadsheets; one table'
cli\t'Commands for the runtime socket: set table …'"
complete -c peerctl -n "__fish_peerctl_using_subcommand dump" -s o -l output -d 'Write into this file, which only its owner can read' -r -F
complete -c peerctl -n "__fish_peerctl_using_subcommand dump" -l timeout -d 'How long it may take' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand dump" -l socket -d 'Read from this runtime socket (`show table`): [NAME=]PATH, ipv4@A:P (repeatable)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand dump" -l table -d 'Only these tables: `shop`, `/t1`, `mesh/t1`, or just `t1` if there is only one (repeatable, commas)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand dump" -l where -d 'Only entries of which this holds: \'http_req_rate > 100 and key in 10.0.0.0/8\'' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand dump" -l sort -d 'The largest values of this data type first, or with :asc the smallest; `key` sorts by key' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand dump" -l limit -d 'At most this many entries of each table' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand dump" -s f -l config -d 'Take peers, addresses and TLS from this configuration: [NAME=]PATH[,PATH…]; default without a PEER: /etc/haproxy/haproxy.cfg and /etc/haproxy/conf.d' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand dump" -l section -d 'The peers section of the configuration; it may be left out if there is only one' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand dump" -s L -l local-peer -d 'Our own name among the peers; default: the guest of the configuration, else peerctl' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand dump" -l env -d 'A variable the configuration is read with (repeatable)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand dump" -l env-file -d 'A file of VAR=VALUE lines to read the configuration with (repeatable)' -r -F
complete -c peerctl -n "__fish_peerctl_using_subcommand dump" -l listen -d 'Wait on this address for the peers to call, instead of calling them' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand dump" -l crt -d 'Certificate and key of this side (PEM)' -r -F
complete -c peerctl -n "__fish_peerctl_using_subcommand dump" -l ca-file -d 'Certificates the other side is checked with; @system-ca: those of this machine' -r -F
complete -c peerctl -n "__fish_peerctl_using_subcommand dump" -l verify -d 'Whether certificates are checked; `required`, the default, needs --ca-file' -r -f -a "required\t'Check the other side\'s certificate'
none\t'Don\'t: anyone can take the place of a peer'"
complete -c peerctl -n "__fish_peerctl_using_subcommand dump" -l verifyhost -d 'The name the certificates must carry, for all peers or one; without it any from --ca-file will do (repeatable)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand dump" -l color -d 'Colours: auto, always or never (also: NO_COLOR)' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c peerctl -n "__fish_peerctl_using_subcommand dump" -l borrow-local -d 'Use HAProxy\'s own name, for 5 s at most: needs no line for us'
complete -c peerctl -n "__fish_peerctl_using_subcommand dump" -l insecure-plaintext -d 'Listen without TLS on an address that others can reach'
complete -c peerctl -n "__fish_peerctl_using_subcommand dump" -l ssl -d 'Speak TLS with the peers'
complete -c peerctl -n "__fish_peerctl_using_subcommand dump" -l show-secrets -d 'Show passwords, tokens and keys; only on a terminal'
complete -c peerctl -n "__fish_peerctl_using_subcommand dump" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c peerctl -n "__fish_peerctl_using_subcommand watch" -l format -d 'What is shown; default: tui on a terminal, else ndjson' -r -f -a "tui\t'A screen that follows'
text\t'A line for each entry, for people'
ndjson\t'Records, one a line'"
complete -c peerctl -n "__fish_peerctl_using_subcommand watch" -l record -d 'Record everything into this file, which only its owner can read' -r -F
complete -c peerctl -n "__fish_peerctl_using_subcommand watch" -l duration -d 'End after this time' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand watch" -l count -d 'End after this many entries' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand watch" -l metrics -d 'Serve metrics for Prometheus, /healthz and /readyz on this address; :9199 is one of this machine alone' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand watch" -l metrics-top -d 'Metrics of the N largest keys of each table, too (at most 1000): whoever reads them reads keys' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand watch" -l table -d 'Only these tables: `shop`, `/t1`, `mesh/t1`, or just `t1` if there is only one (repeatable, commas)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand watch" -l where -d 'Only entries of which this holds: \'http_req_rate > 100 and key in 10.0.0.0/8\'' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand watch" -l sort -d 'The largest values of this data type first, or with :asc the smallest; `key` sorts by key' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand watch" -l limit -d 'At most this many entries of each table' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand watch" -s f -l config -d 'Take peers, addresses and TLS from this configuration: [NAME=]PATH[,PATH…]; default without a PEER: /etc/haproxy/haproxy.cfg and /etc/haproxy/conf.d' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand watch" -l section -d 'The peers section of the configuration; it may be left out if there is only one' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand watch" -s L -l local-peer -d 'Our own name among the peers; default: the guest of the configuration, else peerctl' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand watch" -l env -d 'A variable the configuration is read with (repeatable)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand watch" -l env-file -d 'A file of VAR=VALUE lines to read the configuration with (repeatable)' -r -F
complete -c peerctl -n "__fish_peerctl_using_subcommand watch" -l listen -d 'Wait on this address for the peers to call, instead of calling them' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand watch" -l crt -d 'Certificate and key of this side (PEM)' -r -F
complete -c peerctl -n "__fish_peerctl_using_subcommand watch" -l ca-file -d 'Certificates the other side is checked with; @system-ca: those of this machine' -r -F
complete -c peerctl -n "__fish_peerctl_using_subcommand watch" -l verify -d 'Whether certificates are checked; `required`, the default, needs --ca-file' -r -f -a "required\t'Check the other side\'s certificate'
none\t'Don\'t: anyone can take the place of a peer'"
complete -c peerctl -n "__fish_peerctl_using_subcommand watch" -l verifyhost -d 'The name the certificates must carry, for all peers or one; without it any from --ca-file will do (repeatable)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand watch" -l color -d 'Colours: auto, always or never (also: NO_COLOR)' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c peerctl -n "__fish_peerctl_using_subcommand watch" -l sum -d 'Add up what the peers have of each key'
complete -c peerctl -n "__fish_peerctl_using_subcommand watch" -l insecure-plaintext -d 'Listen without TLS on an address that others can reach'
complete -c peerctl -n "__fish_peerctl_using_subcommand watch" -l ssl -d 'Speak TLS with the peers'
complete -c peerctl -n "__fish_peerctl_using_subcommand watch" -l show-secrets -d 'Show passwords, tokens and keys; only on a terminal'
complete -c peerctl -n "__fish_peerctl_using_subcommand watch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c peerctl -n "__fish_peerctl_using_subcommand compare" -l tolerance -d 'How far counts and rates may be apart' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand compare" -l timeout -d 'How long it may take' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand compare" -l socket -d 'Compare with what this runtime socket shows (`show table`), too: [NAME=]PATH, ipv4@A:P (repeatable)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand compare" -l table -d 'Only these tables: `shop`, `/t1`, `mesh/t1`, or just `t1` if there is only one (repeatable, commas)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand compare" -l sort -d 'The largest differences of this data type first, or with :asc the smallest; default: by key' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand compare" -l limit -d 'Print at most this many entries of each table' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand compare" -l format -d 'For people or as JSON' -r -f -a "human\t'Text for people'
json\t'One JSON document'"
complete -c peerctl -n "__fish_peerctl_using_subcommand compare" -s f -l config -d 'Take peers, addresses and TLS from this configuration: [NAME=]PATH[,PATH…]; default without a PEER: /etc/haproxy/haproxy.cfg and /etc/haproxy/conf.d' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand compare" -l section -d 'The peers section of the configuration; it may be left out if there is only one' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand compare" -s L -l local-peer -d 'Our own name among the peers; default: the guest of the configuration, else peerctl' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand compare" -l env -d 'A variable the configuration is read with (repeatable)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand compare" -l env-file -d 'A file of VAR=VALUE lines to read the configuration with (repeatable)' -r -F
complete -c peerctl -n "__fish_peerctl_using_subcommand compare" -l listen -d 'Wait on this address for the peers to call, instead of calling them' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand compare" -l crt -d 'Certificate and key of this side (PEM)' -r -F
complete -c peerctl -n "__fish_peerctl_using_subcommand compare" -l ca-file -d 'Certificates the other side is checked with; @system-ca: those of this machine' -r -F
complete -c peerctl -n "__fish_peerctl_using_subcommand compare" -l verify -d 'Whether certificates are checked; `required`, the default, needs --ca-file' -r -f -a "required\t'Check the other side\'s certificate'
none\t'Don\'t: anyone can take the place of a peer'"
complete -c peerctl -n "__fish_peerctl_using_subcommand compare" -l verifyhost -d 'The name the certificates must carry, for all peers or one; without it any from --ca-file will do (repeatable)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand compare" -l color -d 'Colours: auto, always or never (also: NO_COLOR)' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c peerctl -n "__fish_peerctl_using_subcommand compare" -l borrow-local -d 'Use HAProxy\'s own name, for 5 s at most: needs no line for us'
complete -c peerctl -n "__fish_peerctl_using_subcommand compare" -l insecure-plaintext -d 'Listen without TLS on an address that others can reach'
complete -c peerctl -n "__fish_peerctl_using_subcommand compare" -l ssl -d 'Speak TLS with the peers'
complete -c peerctl -n "__fish_peerctl_using_subcommand compare" -l show-secrets -d 'Show passwords, tokens and keys; only on a terminal'
complete -c peerctl -n "__fish_peerctl_using_subcommand compare" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c peerctl -n "__fish_peerctl_using_subcommand wait-sync" -l like -d 'Each must hold 95 % of the entries of this peer' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand wait-sync" -l min-entries -d 'Each must hold this many entries' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand wait-sync" -l timeout -d 'How long it may take' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand wait-sync" -l format -d 'For people or as JSON' -r -f -a "human\t'Text for people'
json\t'One JSON document'"
complete -c peerctl -n "__fish_peerctl_using_subcommand wait-sync" -s f -l config -d 'Take peers, addresses and TLS from this configuration: [NAME=]PATH[,PATH…]; default without a PEER: /etc/haproxy/haproxy.cfg and /etc/haproxy/conf.d' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand wait-sync" -l section -d 'The peers section of the configuration; it may be left out if there is only one' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand wait-sync" -s L -l local-peer -d 'Our own name among the peers; default: the guest of the configuration, else peerctl' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand wait-sync" -l env -d 'A variable the configuration is read with (repeatable)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand wait-sync" -l env-file -d 'A file of VAR=VALUE lines to read the configuration with (repeatable)' -r -F
complete -c peerctl -n "__fish_peerctl_using_subcommand wait-sync" -l listen -d 'Wait on this address for the peers to call, instead of calling them' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand wait-sync" -l crt -d 'Certificate and key of this side (PEM)' -r -F
complete -c peerctl -n "__fish_peerctl_using_subcommand wait-sync" -l ca-file -d 'Certificates the other side is checked with; @system-ca: those of this machine' -r -F
complete -c peerctl -n "__fish_peerctl_using_subcommand wait-sync" -l verify -d 'Whether certificates are checked; `required`, the default, needs --ca-file' -r -f -a "required\t'Check the other side\'s certificate'
none\t'Don\'t: anyone can take the place of a peer'"
complete -c peerctl -n "__fish_peerctl_using_subcommand wait-sync" -l verifyhost -d 'The name the certificates must carry, for all peers or one; without it any from --ca-file will do (repeatable)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand wait-sync" -l color -d 'Colours: auto, always or never (also: NO_COLOR)' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c peerctl -n "__fish_peerctl_using_subcommand wait-sync" -l borrow-local -d 'Use HAProxy\'s own name, for 5 s at most at a time: needs no line for us'
complete -c peerctl -n "__fish_peerctl_using_subcommand wait-sync" -l insecure-plaintext -d 'Listen without TLS on an address that others can reach'
complete -c peerctl -n "__fish_peerctl_using_subcommand wait-sync" -l ssl -d 'Speak TLS with the peers'
complete -c peerctl -n "__fish_peerctl_using_subcommand wait-sync" -l show-secrets -d 'Show passwords, tokens and keys; only on a terminal'
complete -c peerctl -n "__fish_peerctl_using_subcommand wait-sync" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c peerctl -n "__fish_peerctl_using_subcommand replay" -l table -d 'Only these tables: `shop`, `/t1`, `mesh/t1`, or just `t1` if there is only one (repeatable, commas)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand replay" -l map-table -d 'Entries of table A go into table B (repeatable)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand replay" -l existing -d 'What becomes of keys that are there already' -r -f -a "skip\t'They stay as they are'
overwrite\t'They become as in the file'"
complete -c peerctl -n "__fish_peerctl_using_subcommand replay" -l life -d 'How long entries live: the rest of their time, counted on since the record, or as it was then' -r -f -a "rest\t'The time since the record has passed'
as-dumped\t'As if it were recorded now'"
complete -c peerctl -n "__fish_peerctl_using_subcommand replay" -l without -d 'Leave out these data types (repeatable, commas)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand replay" -l from -d 'Only what this peer had, if the file has several' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand replay" -l speed -d 'As fast as it goes, or the recording\'s own pace, 1 or 10 times' -r -f -a "max\t'As fast as it goes'
1\t'The recording\'s own pace'
10\t'Ten times as fast'"
complete -c peerctl -n "__fish_peerctl_using_subcommand replay" -s f -l config -d 'Take peers, addresses and TLS from this configuration: [NAME=]PATH[,PATH…]; default without a PEER: /etc/haproxy/haproxy.cfg and /etc/haproxy/conf.d' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand replay" -l section -d 'The peers section of the configuration; it may be left out if there is only one' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand replay" -s L -l local-peer -d 'Our own name among the peers; default: the guest of the configuration, else peerctl' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand replay" -l env -d 'A variable the configuration is read with (repeatable)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand replay" -l env-file -d 'A file of VAR=VALUE lines to read the configuration with (repeatable)' -r -F
complete -c peerctl -n "__fish_peerctl_using_subcommand replay" -l listen -d 'Wait on this address for the peers to call, instead of calling them' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand replay" -l crt -d 'Certificate and key of this side (PEM)' -r -F
complete -c peerctl -n "__fish_peerctl_using_subcommand replay" -l ca-file -d 'Certificates the other side is checked with; @system-ca: those of this machine' -r -F
complete -c peerctl -n "__fish_peerctl_using_subcommand replay" -l verify -d 'Whether certificates are checked; `required`, the default, needs --ca-file' -r -f -a "required\t'Check the other side\'s certificate'
none\t'Don\'t: anyone can take the place of a peer'"
complete -c peerctl -n "__fish_peerctl_using_subcommand replay" -l verifyhost -d 'The name the certificates must carry, for all peers or one; without it any from --ca-file will do (repeatable)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand replay" -l color -d 'Colours: auto, always or never (also: NO_COLOR)' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c peerctl -n "__fish_peerctl_using_subcommand replay" -s n -l check -l dry-run -d 'Send nothing: print what would go where'
complete -c peerctl -n "__fish_peerctl_using_subcommand replay" -l insecure-plaintext -d 'Listen without TLS on an address that others can reach'
complete -c peerctl -n "__fish_peerctl_using_subcommand replay" -l ssl -d 'Speak TLS with the peers'
complete -c peerctl -n "__fish_peerctl_using_subcommand replay" -l show-secrets -d 'Show passwords, tokens and keys; only on a terminal'
complete -c peerctl -n "__fish_peerctl_using_subcommand replay" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c peerctl -n "__fish_peerctl_using_subcommand aggregate; and not __fish_seen_subcommand_from status" -s f -l file -d 'The aggregator\'s file: its name, its peers, which tables, how; - is standard input' -r -F
complete -c peerctl -n "__fish_peerctl_using_subcommand aggregate; and not __fish_seen_subcommand_from status" -s L -l local-peer -d 'Our own name among the peers, as the nodes list it' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand aggregate; and not __fish_seen_subcommand_from status" -l table -d 'The table that is added up, and the one that gets the total (repeatable)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand aggregate; and not __fish_seen_subcommand_from status" -l listen -d 'Where the nodes can call us; without it we only call them' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand aggregate; and not __fish_seen_subcommand_from status" -l control -d 'The socket for `aggregate status` and `forget`; takes the place of `control` in the file' -r -F
complete -c peerctl -n "__fish_peerctl_using_subcommand aggregate; and not __fish_seen_subcommand_from status" -l metrics -d 'Serve metrics for Prometheus, /healthz and /readyz on this address; :9199 is one of this machine alone' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand aggregate; and not __fish_seen_subcommand_from status" -l metrics-top -d 'Metrics of the N largest keys of each table, too (at most 1000): whoever reads them reads keys' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand aggregate; and not __fish_seen_subcommand_from status" -l crt -d 'Certificate and key of this side (PEM)' -r -F
complete -c peerctl -n "__fish_peerctl_using_subcommand aggregate; and not __fish_seen_subcommand_from status" -l ca-file -d 'Certificates the other side is checked with; @system-ca: those of this machine' -r -F
complete -c peerctl -n "__fish_peerctl_using_subcommand aggregate; and not __fish_seen_subcommand_from status" -l verify -d 'Whether certificates are checked; `required`, the default, needs --ca-file' -r -f -a "required\t'Check the other side\'s certificate'
none\t'Don\'t: anyone can take the place of a peer'"
complete -c peerctl -n "__fish_peerctl_using_subcommand aggregate; and not __fish_seen_subcommand_from status" -l verifyhost -d 'The name the certificates must carry, for all peers or one; without it any from --ca-file will do (repeatable)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand aggregate; and not __fish_seen_subcommand_from status" -l color -d 'Colours: auto, always or never (also: NO_COLOR)' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c peerctl -n "__fish_peerctl_using_subcommand aggregate; and not __fish_seen_subcommand_from status" -s c -l check -d 'Only check the file, and say what is wrong with it'
complete -c peerctl -n "__fish_peerctl_using_subcommand aggregate; and not __fish_seen_subcommand_from status" -l dry-run -d 'Learn, add up and show, but publish nothing'
complete -c peerctl -n "__fish_peerctl_using_subcommand aggregate; and not __fish_seen_subcommand_from status" -l insecure-plaintext -d 'Listen without TLS on an address that others can reach'
complete -c peerctl -n "__fish_peerctl_using_subcommand aggregate; and not __fish_seen_subcommand_from status" -l ssl -d 'Speak TLS with the peers'
complete -c peerctl -n "__fish_peerctl_using_subcommand aggregate; and not __fish_seen_subcommand_from status" -l show-secrets -d 'Show passwords, tokens and keys; only on a terminal'
complete -c peerctl -n "__fish_peerctl_using_subcommand aggregate; and not __fish_seen_subcommand_from status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c peerctl -n "__fish_peerctl_using_subcommand aggregate; and not __fish_seen_subcommand_from status" -a "status" -d 'Show sources, tables and destinations of a running aggregator'
complete -c peerctl -n "__fish_peerctl_using_subcommand aggregate; and __fish_seen_subcommand_from status" -l control -d 'Its control socket' -r -F
complete -c peerctl -n "__fish_peerctl_using_subcommand aggregate; and __fish_seen_subcommand_from status" -l format -d 'For people or for programs' -r -f -a "human\t'Text for people'
json\t'One JSON document'"
complete -c peerctl -n "__fish_peerctl_using_subcommand aggregate; and __fish_seen_subcommand_from status" -l color -d 'Colours: auto, always or never (also: NO_COLOR)' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c peerctl -n "__fish_peerctl_using_subcommand aggregate; and __fish_seen_subcommand_from status" -l show-secrets -d 'Show passwords, tokens and keys; only on a terminal'
complete -c peerctl -n "__fish_peerctl_using_subcommand aggregate; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c peerctl -n "__fish_peerctl_using_subcommand hold; and not __fish_seen_subcommand_from status" -l state -d 'Keep the tables in this file, which only its owner can read' -r -F
complete -c peerctl -n "__fish_peerctl_using_subcommand hold; and not __fish_seen_subcommand_from status" -l max-memory -d 'The most memory for all tables; then the oldest entries make room' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand hold; and not __fish_seen_subcommand_from status" -l metrics -d 'Serve metrics for Prometheus, /healthz and /readyz on this address; :9199 is one of this machine alone' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand hold; and not __fish_seen_subcommand_from status" -l control -d 'The socket for `hold status` and `forget`' -r -F
complete -c peerctl -n "__fish_peerctl_using_subcommand hold; and not __fish_seen_subcommand_from status" -s f -l config -d 'Take peers, addresses and TLS from this configuration: [NAME=]PATH[,PATH…]; default without a PEER: /etc/haproxy/haproxy.cfg and /etc/haproxy/conf.d' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand hold; and not __fish_seen_subcommand_from status" -l section -d 'The peers section of the configuration; it may be left out if there is only one' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand hold; and not __fish_seen_subcommand_from status" -l env -d 'A variable the configuration is read with (repeatable)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand hold; and not __fish_seen_subcommand_from status" -l env-file -d 'A file of VAR=VALUE lines to read the configuration with (repeatable)' -r -F
complete -c peerctl -n "__fish_peerctl_using_subcommand hold; and not __fish_seen_subcommand_from status" -l crt -d 'Certificate and key of this side (PEM)' -r -F
complete -c peerctl -n "__fish_peerctl_using_subcommand hold; and not __fish_seen_subcommand_from status" -l ca-file -d 'Certificates the other side is checked with; @system-ca: those of this machine' -r -F
complete -c peerctl -n "__fish_peerctl_using_subcommand hold; and not __fish_seen_subcommand_from status" -l verify -d 'Whether certificates are checked; `required`, the default, needs --ca-file' -r -f -a "required\t'Check the other side\'s certificate'
none\t'Don\'t: anyone can take the place of a peer'"
complete -c peerctl -n "__fish_peerctl_using_subcommand hold; and not __fish_seen_subcommand_from status" -l verifyhost -d 'The name the certificates must carry, for all peers or one; without it any from --ca-file will do (repeatable)' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand hold; and not __fish_seen_subcommand_from status" -l listen -d 'Let the peers call us on this address, too; with -f it is that of our own line' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand hold; and not __fish_seen_subcommand_from status" -s L -l local-peer -d 'Our own name among the peers, which each tool that runs on needs for itself' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand hold; and not __fish_seen_subcommand_from status" -l color -d 'Colours: auto, always or never (also: NO_COLOR)' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c peerctl -n "__fish_peerctl_using_subcommand hold; and not __fish_seen_subcommand_from status" -l insecure-plaintext -d 'Listen without TLS on an address that others can reach'
complete -c peerctl -n "__fish_peerctl_using_subcommand hold; and not __fish_seen_subcommand_from status" -l ssl -d 'Speak TLS with the peers'
complete -c peerctl -n "__fish_peerctl_using_subcommand hold; and not __fish_seen_subcommand_from status" -l show-secrets -d 'Show passwords, tokens and keys; only on a terminal'
complete -c peerctl -n "__fish_peerctl_using_subcommand hold; and not __fish_seen_subcommand_from status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c peerctl -n "__fish_peerctl_using_subcommand hold; and not __fish_seen_subcommand_from status" -a "status" -d 'Show peers, tables and state file of a running standby'
complete -c peerctl -n "__fish_peerctl_using_subcommand hold; and __fish_seen_subcommand_from status" -l control -d 'Its control socket' -r -F
complete -c peerctl -n "__fish_peerctl_using_subcommand hold; and __fish_seen_subcommand_from status" -l format -d 'For people or for programs' -r -f -a "human\t'Text for people'
json\t'One JSON document'"
complete -c peerctl -n "__fish_peerctl_using_subcommand hold; and __fish_seen_subcommand_from status" -l color -d 'Colours: auto, always or never (also: NO_COLOR)' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c peerctl -n "__fish_peerctl_using_subcommand hold; and __fish_seen_subcommand_from status" -l show-secrets -d 'Show passwords, tokens and keys; only on a terminal'
complete -c peerctl -n "__fish_peerctl_using_subcommand hold; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c peerctl -n "__fish_peerctl_using_subcommand forget" -l table -d 'The table: `shop`, `/t1`, `mesh/t1`, or just `t1` if there is only one' -r
complete -c peerctl -n "__fish_peerctl_using_subcommand forget" -l control -d 'The control socket of the daemon' -r -F
complete -c peerctl -n "__fish_peerctl_using_subcommand forget" -l color -d 'Colours: auto, always or never (also: NO_COLOR)' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c peerctl -n "__fish_peerctl_using_subcommand forget" -l show-secrets -d 'Show passwords, tokens and keys; only on a terminal'
complete -c peerctl -n "__fish_peerctl_using_subcommand forget" -s h -l help -d 'Print help'
complete -c peerctl -n "__fish_peerctl_using_subcommand explain" -l color -d 'Colours: auto, always or never (also: NO_COLOR)' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c peerctl -n "__fish_peerctl_using_subcommand explain" -l show-secrets -d 'Show passwords, tokens and keys; only on a terminal'
complete -c peerctl -n "__fish_peerctl_using_subcommand explain" -s h -l help -d 'Print help'
complete -c peerctl -n "__fish_peerctl_using_subcommand parse" -l format -d 'The tree as JSON, or the text printed back from it' -r -f -a "json\t'Sections, lines and words as JSON'
source\t'The text, byte for byte'"
complete -c peerctl -n "__fish_peerctl_using_subcommand parse" -l color -d 'Colours: auto, always or never (also: NO_COLOR)' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c peerctl -n "__fish_peerctl_using_subcommand parse" -l show-secrets -d 'Show passwords, tokens and keys; only on a terminal'
complete -c peerctl -n "__fish_peerctl_using_subcommand parse" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c peerctl -n "__fish_peerctl_using_subcommand grammar" -l color -d 'Colours: auto, always or never (also: NO_COLOR)' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c peerctl -n "__fish_peerctl_using_subcommand grammar" -l show-secrets -d 'Show passwords, tokens and keys; only on a terminal'
complete -c peerctl -n "__fish_peerctl_using_subcommand grammar" -s h -l help -d 'Print help'
complete -c peerctl -n "__fish_peerctl_using_subcommand completions" -l color -d 'Colours: auto, always or never (also: NO_COLOR)' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c peerctl -n "__fish_peerctl_using_subcommand completions" -l show-secrets -d 'Show passwords, tokens and keys; only on a terminal'
complete -c peerctl -n "__fish_peerctl_using_subcommand completions" -s h -l help -d 'Print help'
complete -c peerctl -n "__fish_peerctl_using_subcommand man" -l color -d 'Colours: auto, always or never (also: NO_COLOR)' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c peerctl -n "__fish_peerctl_using_subcommand man" -l show-secrets -d 'Show passwords, tokens and keys; only on a terminal'
complete -c peerctl -n "__fish_peerctl_using_subcommand man" -s h -l help -d 'Print help'
