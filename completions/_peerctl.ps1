
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'peerctl' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'peerctl'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'peerctl' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours: auto, always or never (also: NO_COLOR)')
            [CompletionResult]::new('--show-secrets', '--show-secrets', [CompletionResultType]::ParameterName, 'Show passwords, tokens and keys; only on a terminal')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('generate', 'generate', [CompletionResultType]::ParameterValue, 'Print a peers section')
            [CompletionResult]::new('add', 'add', [CompletionResultType]::ParameterValue, 'Make a peers section or complete it, attach stick tables to it')
            [CompletionResult]::new('remove', 'remove', [CompletionResultType]::ParameterValue, 'Take peers, or a whole peers section, out again')
            [CompletionResult]::new('table', 'table', [CompletionResultType]::ParameterValue, 'List or rewrite stick-table definitions')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show peers sections, stick tables, and servers with their ids')
            [CompletionResult]::new('check-ids', 'check-ids', [CompletionResultType]::ParameterValue, 'Check that servers have the same ids on all instances')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Check peers, tables and servers of one or several instances')
            [CompletionResult]::new('graph', 'graph', [CompletionResultType]::ParameterValue, 'Draw who peers with whom, and what doesn''t match')
            [CompletionResult]::new('explain', 'explain', [CompletionResultType]::ParameterValue, 'Say what a rule finds, why that is bad, and what to write instead')
            [CompletionResult]::new('parse', 'parse', [CompletionResultType]::ParameterValue, 'Print the syntax tree of a file, or the file from its tree')
            [CompletionResult]::new('grammar', 'grammar', [CompletionResultType]::ParameterValue, 'Print the grammars and tables that configurations are read by')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print a completion script for a shell')
            [CompletionResult]::new('man', 'man', [CompletionResultType]::ParameterValue, 'Write the man pages into a directory')
            break
        }
        'peerctl;generate' {
            [CompletionResult]::new('--peer', '--peer', [CompletionResultType]::ParameterName, 'A peer: NAME=ADDRESS, the address as HAProxy writes it (repeatable)')
            [CompletionResult]::new('--style', '--style', [CompletionResultType]::ParameterName, '`peer` lines, or `bind` and `server` lines; default: peer, with TLS server')
            [CompletionResult]::new('-L', '-L ', [CompletionResultType]::ParameterName, 'The local peer''s name; `server` style and --shards need it')
            [CompletionResult]::new('--local-peer', '--local-peer', [CompletionResultType]::ParameterName, 'The local peer''s name; `server` style and --shards need it')
            [CompletionResult]::new('--shards', '--shards', [CompletionResultType]::ParameterName, 'Deal the keys out in N parts, to the peers in turn: each gets its part only (HAProxy 2.7 and later)')
            [CompletionResult]::new('--table', '--table', [CompletionResultType]::ParameterName, 'A table of the section: its name and parameters, as behind `table` (repeatable)')
            [CompletionResult]::new('--crt', '--crt', [CompletionResultType]::ParameterName, 'Certificate and key of this side (PEM)')
            [CompletionResult]::new('--ca-file', '--ca-file', [CompletionResultType]::ParameterName, 'Certificates the other sides are checked with')
            [CompletionResult]::new('--verify', '--verify', [CompletionResultType]::ParameterName, 'Whether certificates are checked, on both sides; `required` needs --ca-file')
            [CompletionResult]::new('--verifyhost', '--verifyhost', [CompletionResultType]::ParameterName, 'The name a peer''s certificate must carry; without it any certificate from --ca-file will do (repeatable)')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours: auto, always or never (also: NO_COLOR)')
            [CompletionResult]::new('--ssl', '--ssl', [CompletionResultType]::ParameterName, 'TLS between the peers, listener and local entry included')
            [CompletionResult]::new('--show-secrets', '--show-secrets', [CompletionResultType]::ParameterName, 'Show passwords, tokens and keys; only on a terminal')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'peerctl;add' {
            [CompletionResult]::new('--peer', '--peer', [CompletionResultType]::ParameterName, 'A peer: NAME=ADDRESS, the address as HAProxy writes it (repeatable)')
            [CompletionResult]::new('--style', '--style', [CompletionResultType]::ParameterName, '`peer` lines, or `bind` and `server` lines; default: as found, peer in a new section, with TLS server')
            [CompletionResult]::new('--set-localpeer', '--set-localpeer', [CompletionResultType]::ParameterName, 'Write `localpeer` into `global`: NAME, or the INSTANCE''s name if a peer is called so')
            [CompletionResult]::new('--attach', '--attach', [CompletionResultType]::ParameterName, 'Let these stick tables travel through the section (repeatable, commas)')
            [CompletionResult]::new('--guest', '--guest', [CompletionResultType]::ParameterName, 'Add a line for this tool, so that it can watch and dump; default peerctl=127.0.0.1:10999')
            [CompletionResult]::new('--crt', '--crt', [CompletionResultType]::ParameterName, 'Certificate and key of this side (PEM)')
            [CompletionResult]::new('--ca-file', '--ca-file', [CompletionResultType]::ParameterName, 'Certificates the other sides are checked with')
            [CompletionResult]::new('--verify', '--verify', [CompletionResultType]::ParameterName, 'Whether certificates are checked, on both sides; `required` needs --ca-file')
            [CompletionResult]::new('--verifyhost', '--verifyhost', [CompletionResultType]::ParameterName, 'The name a peer''s certificate must carry; without it any certificate from --ca-file will do (repeatable)')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'A variable the configuration is read with, for all instances or for NAME only (repeatable)')
            [CompletionResult]::new('--env-file', '--env-file', [CompletionResultType]::ParameterName, 'A file of VAR=VALUE lines to read the configuration with (repeatable)')
            [CompletionResult]::new('-L', '-L ', [CompletionResultType]::ParameterName, 'The local peer''s name, as with `haproxy -L`; only with one instance')
            [CompletionResult]::new('--local-peer', '--local-peer', [CompletionResultType]::ParameterName, 'The local peer''s name, as with `haproxy -L`; only with one instance')
            [CompletionResult]::new('--backup', '--backup', [CompletionResultType]::ParameterName, 'Keep the old file: NAME~ (simple), NAME.~N~ (numbered); default simple, none inside a git work tree')
            [CompletionResult]::new('--haproxy', '--haproxy', [CompletionResultType]::ParameterName, 'The haproxy to check the result with; default: the one in PATH')
            [CompletionResult]::new('--reload-cmd', '--reload-cmd', [CompletionResultType]::ParameterName, 'Run this after writing, once, only if something changed (split into words, no shell)')
            [CompletionResult]::new('--hardlinks', '--hardlinks', [CompletionResultType]::ParameterName, 'What to do with a file that has several hard links')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Report for people or as JSON')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours: auto, always or never (also: NO_COLOR)')
            [CompletionResult]::new('--attach-all', '--attach-all', [CompletionResultType]::ParameterName, 'Let all stick tables travel through the section')
            [CompletionResult]::new('--ssl', '--ssl', [CompletionResultType]::ParameterName, 'TLS between the peers, listener and local entry included')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Write nothing; exit 1 if something would change')
            [CompletionResult]::new('--check', '--check', [CompletionResultType]::ParameterName, 'Write nothing; exit 1 if something would change')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Write nothing; exit 1 if something would change')
            [CompletionResult]::new('--diff', '--diff', [CompletionResultType]::ParameterName, 'Print a unified diff that `patch -p0` takes (it is still written, unless --check)')
            [CompletionResult]::new('--no-validate', '--no-validate', [CompletionResultType]::ParameterName, 'Don''t check the result with `haproxy -c`')
            [CompletionResult]::new('--in-place', '--in-place', [CompletionResultType]::ParameterName, 'Write through the file instead of replacing it: for bind-mounted files')
            [CompletionResult]::new('--show-secrets', '--show-secrets', [CompletionResultType]::ParameterName, 'Show passwords, tokens and keys; only on a terminal')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'peerctl;remove' {
            [CompletionResult]::new('--peer', '--peer', [CompletionResultType]::ParameterName, 'Only this peer (repeatable); without it, the whole section')
            [CompletionResult]::new('--guest', '--guest', [CompletionResultType]::ParameterName, 'Only the lines for this tool: the guest NAME, or all guests')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'A variable the configuration is read with, for all instances or for NAME only (repeatable)')
            [CompletionResult]::new('--env-file', '--env-file', [CompletionResultType]::ParameterName, 'A file of VAR=VALUE lines to read the configuration with (repeatable)')
            [CompletionResult]::new('-L', '-L ', [CompletionResultType]::ParameterName, 'The local peer''s name, as with `haproxy -L`; only with one instance')
            [CompletionResult]::new('--local-peer', '--local-peer', [CompletionResultType]::ParameterName, 'The local peer''s name, as with `haproxy -L`; only with one instance')
            [CompletionResult]::new('--backup', '--backup', [CompletionResultType]::ParameterName, 'Keep the old file: NAME~ (simple), NAME.~N~ (numbered); default simple, none inside a git work tree')
            [CompletionResult]::new('--haproxy', '--haproxy', [CompletionResultType]::ParameterName, 'The haproxy to check the result with; default: the one in PATH')
            [CompletionResult]::new('--reload-cmd', '--reload-cmd', [CompletionResultType]::ParameterName, 'Run this after writing, once, only if something changed (split into words, no shell)')
            [CompletionResult]::new('--hardlinks', '--hardlinks', [CompletionResultType]::ParameterName, 'What to do with a file that has several hard links')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Report for people or as JSON')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours: auto, always or never (also: NO_COLOR)')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Write nothing; exit 1 if something would change')
            [CompletionResult]::new('--check', '--check', [CompletionResultType]::ParameterName, 'Write nothing; exit 1 if something would change')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Write nothing; exit 1 if something would change')
            [CompletionResult]::new('--diff', '--diff', [CompletionResultType]::ParameterName, 'Print a unified diff that `patch -p0` takes (it is still written, unless --check)')
            [CompletionResult]::new('--no-validate', '--no-validate', [CompletionResultType]::ParameterName, 'Don''t check the result with `haproxy -c`')
            [CompletionResult]::new('--in-place', '--in-place', [CompletionResultType]::ParameterName, 'Write through the file instead of replacing it: for bind-mounted files')
            [CompletionResult]::new('--show-secrets', '--show-secrets', [CompletionResultType]::ParameterName, 'Show passwords, tokens and keys; only on a terminal')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'peerctl;table' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours: auto, always or never (also: NO_COLOR)')
            [CompletionResult]::new('--show-secrets', '--show-secrets', [CompletionResultType]::ParameterName, 'Show passwords, tokens and keys; only on a terminal')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List the stick tables')
            [CompletionResult]::new('set', 'set', [CompletionResultType]::ParameterValue, 'Rewrite arguments of stick-table and table lines; only those named')
            break
        }
        'peerctl;table;list' {
            [CompletionResult]::new('--haproxy-version', '--haproxy-version', [CompletionResultType]::ParameterName, 'The version whose rules hold; default: what `haproxy -v` says, else 3.2')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'For people or as JSON')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'A variable the configuration is read with, for all instances or for NAME only (repeatable)')
            [CompletionResult]::new('--env-file', '--env-file', [CompletionResultType]::ParameterName, 'A file of VAR=VALUE lines to read the configuration with (repeatable)')
            [CompletionResult]::new('-L', '-L ', [CompletionResultType]::ParameterName, 'The local peer''s name, as with `haproxy -L`; only with one instance')
            [CompletionResult]::new('--local-peer', '--local-peer', [CompletionResultType]::ParameterName, 'The local peer''s name, as with `haproxy -L`; only with one instance')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours: auto, always or never (also: NO_COLOR)')
            [CompletionResult]::new('--show-secrets', '--show-secrets', [CompletionResultType]::ParameterName, 'Show passwords, tokens and keys; only on a terminal')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'peerctl;table;set' {
            [CompletionResult]::new('--peers', '--peers', [CompletionResultType]::ParameterName, 'Let the tables travel through this peers section, which must be there')
            [CompletionResult]::new('--type', '--type', [CompletionResultType]::ParameterName, 'Key type: ip, ipv6, integer, string, binary; a written len stays if the new type has one')
            [CompletionResult]::new('--len', '--len', [CompletionResultType]::ParameterName, 'Key length: characters of strings (31 if not given), bytes of binaries (32 if not given)')
            [CompletionResult]::new('--size', '--size', [CompletionResultType]::ParameterName, 'The most entries (k, m, g: powers of 1024)')
            [CompletionResult]::new('--expire', '--expire', [CompletionResultType]::ParameterName, 'How long an unused entry lives (us, ms, s, m, h, d); 0: for ever')
            [CompletionResult]::new('--store', '--store', [CompletionResultType]::ParameterName, 'Store this and nothing else; '''' stores nothing')
            [CompletionResult]::new('--add-store', '--add-store', [CompletionResultType]::ParameterName, 'Store this, too; what is stored with another period or count gets the one given here (repeatable)')
            [CompletionResult]::new('--remove-store', '--remove-store', [CompletionResultType]::ParameterName, 'Store this no more: `gpc1`; `http_req_rate` with whatever period, `http_req_rate(10s)` with just that (repeatable)')
            [CompletionResult]::new('--srvkey', '--srvkey', [CompletionResultType]::ParameterName, 'What names a server to the other instances')
            [CompletionResult]::new('--write-to', '--write-to', [CompletionResultType]::ParameterName, 'The table that gets this one''s counts, too: same type and len, no write-to of its own (HAProxy 2.9 and later)')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'A variable the configuration is read with, for all instances or for NAME only (repeatable)')
            [CompletionResult]::new('--env-file', '--env-file', [CompletionResultType]::ParameterName, 'A file of VAR=VALUE lines to read the configuration with (repeatable)')
            [CompletionResult]::new('-L', '-L ', [CompletionResultType]::ParameterName, 'The local peer''s name, as with `haproxy -L`; only with one instance')
            [CompletionResult]::new('--local-peer', '--local-peer', [CompletionResultType]::ParameterName, 'The local peer''s name, as with `haproxy -L`; only with one instance')
            [CompletionResult]::new('--backup', '--backup', [CompletionResultType]::ParameterName, 'Keep the old file: NAME~ (simple), NAME.~N~ (numbered); default simple, none inside a git work tree')
            [CompletionResult]::new('--haproxy', '--haproxy', [CompletionResultType]::ParameterName, 'The haproxy to check the result with; default: the one in PATH')
            [CompletionResult]::new('--reload-cmd', '--reload-cmd', [CompletionResultType]::ParameterName, 'Run this after writing, once, only if something changed (split into words, no shell)')
            [CompletionResult]::new('--hardlinks', '--hardlinks', [CompletionResultType]::ParameterName, 'What to do with a file that has several hard links')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Report for people or as JSON')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours: auto, always or never (also: NO_COLOR)')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'All tables; every word is an INSTANCE then')
            [CompletionResult]::new('--no-peers', '--no-peers', [CompletionResultType]::ParameterName, 'Stop replicating the tables')
            [CompletionResult]::new('--recv-only', '--recv-only', [CompletionResultType]::ParameterName, 'Learn from peers, never teach (HAProxy 3.2 and later)')
            [CompletionResult]::new('--no-recv-only', '--no-recv-only', [CompletionResultType]::ParameterName, 'Undo --recv-only')
            [CompletionResult]::new('--nopurge', '--nopurge', [CompletionResultType]::ParameterName, 'Refuse new entries when the table is full, instead of dropping the oldest')
            [CompletionResult]::new('--no-nopurge', '--no-nopurge', [CompletionResultType]::ParameterName, 'Undo --nopurge')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Write nothing; exit 1 if something would change')
            [CompletionResult]::new('--check', '--check', [CompletionResultType]::ParameterName, 'Write nothing; exit 1 if something would change')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Write nothing; exit 1 if something would change')
            [CompletionResult]::new('--diff', '--diff', [CompletionResultType]::ParameterName, 'Print a unified diff that `patch -p0` takes (it is still written, unless --check)')
            [CompletionResult]::new('--no-validate', '--no-validate', [CompletionResultType]::ParameterName, 'Don''t check the result with `haproxy -c`')
            [CompletionResult]::new('--in-place', '--in-place', [CompletionResultType]::ParameterName, 'Write through the file instead of replacing it: for bind-mounted files')
            [CompletionResult]::new('--show-secrets', '--show-secrets', [CompletionResultType]::ParameterName, 'Show passwords, tokens and keys; only on a terminal')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'peerctl;show' {
            [CompletionResult]::new('--haproxy-version', '--haproxy-version', [CompletionResultType]::ParameterName, 'The version whose rules hold; default: what `haproxy -v` says, else 3.2')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'For people or as JSON')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'A variable the configuration is read with, for all instances or for NAME only (repeatable)')
            [CompletionResult]::new('--env-file', '--env-file', [CompletionResultType]::ParameterName, 'A file of VAR=VALUE lines to read the configuration with (repeatable)')
            [CompletionResult]::new('-L', '-L ', [CompletionResultType]::ParameterName, 'The local peer''s name, as with `haproxy -L`; only with one instance')
            [CompletionResult]::new('--local-peer', '--local-peer', [CompletionResultType]::ParameterName, 'The local peer''s name, as with `haproxy -L`; only with one instance')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours: auto, always or never (also: NO_COLOR)')
            [CompletionResult]::new('--show-secrets', '--show-secrets', [CompletionResultType]::ParameterName, 'Show passwords, tokens and keys; only on a terminal')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'peerctl;check-ids' {
            [CompletionResult]::new('--select', '--select', [CompletionResultType]::ParameterName, 'Only these rules: their codes, or the start of codes with * (repeatable, commas)')
            [CompletionResult]::new('--ignore', '--ignore', [CompletionResultType]::ParameterName, 'All but these rules (repeatable, commas)')
            [CompletionResult]::new('--deny', '--deny', [CompletionResultType]::ParameterName, 'Exit 1 if there is a finding at least this bad')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How findings are printed')
            [CompletionResult]::new('--report', '--report', [CompletionResultType]::ParameterName, 'Write the findings into a file, too: human, json, sarif, github, gitlab or junit (repeatable)')
            [CompletionResult]::new('--haproxy-version', '--haproxy-version', [CompletionResultType]::ParameterName, 'The version whose rules hold; default: what `haproxy -v` says, else 3.2')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'A variable the configuration is read with, for all instances or for NAME only (repeatable)')
            [CompletionResult]::new('--env-file', '--env-file', [CompletionResultType]::ParameterName, 'A file of VAR=VALUE lines to read the configuration with (repeatable)')
            [CompletionResult]::new('-L', '-L ', [CompletionResultType]::ParameterName, 'The local peer''s name, as with `haproxy -L`; only with one instance')
            [CompletionResult]::new('--local-peer', '--local-peer', [CompletionResultType]::ParameterName, 'The local peer''s name, as with `haproxy -L`; only with one instance')
            [CompletionResult]::new('--reference', '--reference', [CompletionResultType]::ParameterName, 'The instance whose ids the others take over; default: the first one')
            [CompletionResult]::new('--backup', '--backup', [CompletionResultType]::ParameterName, 'Keep the old file: NAME~ (simple), NAME.~N~ (numbered); default simple, none inside a git work tree')
            [CompletionResult]::new('--haproxy', '--haproxy', [CompletionResultType]::ParameterName, 'The haproxy to check the result with; default: the one in PATH')
            [CompletionResult]::new('--reload-cmd', '--reload-cmd', [CompletionResultType]::ParameterName, 'Run this after writing, once, only if something changed (split into words, no shell)')
            [CompletionResult]::new('--hardlinks', '--hardlinks', [CompletionResultType]::ParameterName, 'What to do with a file that has several hard links')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours: auto, always or never (also: NO_COLOR)')
            [CompletionResult]::new('--fix', '--fix', [CompletionResultType]::ParameterName, 'Write server ids down, so that all instances agree; notes only if they are asked for by --select or --deny note')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Write nothing; exit 1 if something would change')
            [CompletionResult]::new('--check', '--check', [CompletionResultType]::ParameterName, 'Write nothing; exit 1 if something would change')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Write nothing; exit 1 if something would change')
            [CompletionResult]::new('--diff', '--diff', [CompletionResultType]::ParameterName, 'Print a unified diff that `patch -p0` takes (it is still written, unless --check)')
            [CompletionResult]::new('--no-validate', '--no-validate', [CompletionResultType]::ParameterName, 'Don''t check the result with `haproxy -c`')
            [CompletionResult]::new('--in-place', '--in-place', [CompletionResultType]::ParameterName, 'Write through the file instead of replacing it: for bind-mounted files')
            [CompletionResult]::new('--show-secrets', '--show-secrets', [CompletionResultType]::ParameterName, 'Show passwords, tokens and keys; only on a terminal')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'peerctl;check' {
            [CompletionResult]::new('--select', '--select', [CompletionResultType]::ParameterName, 'Only these rules: their codes, or the start of codes with * (repeatable, commas)')
            [CompletionResult]::new('--ignore', '--ignore', [CompletionResultType]::ParameterName, 'All but these rules (repeatable, commas)')
            [CompletionResult]::new('--deny', '--deny', [CompletionResultType]::ParameterName, 'Exit 1 if there is a finding at least this bad')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How findings are printed')
            [CompletionResult]::new('--report', '--report', [CompletionResultType]::ParameterName, 'Write the findings into a file, too: human, json, sarif, github, gitlab or junit (repeatable)')
            [CompletionResult]::new('--haproxy-version', '--haproxy-version', [CompletionResultType]::ParameterName, 'The version whose rules hold; default: what `haproxy -v` says, else 3.2')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'A variable the configuration is read with, for all instances or for NAME only (repeatable)')
            [CompletionResult]::new('--env-file', '--env-file', [CompletionResultType]::ParameterName, 'A file of VAR=VALUE lines to read the configuration with (repeatable)')
            [CompletionResult]::new('-L', '-L ', [CompletionResultType]::ParameterName, 'The local peer''s name, as with `haproxy -L`; only with one instance')
            [CompletionResult]::new('--local-peer', '--local-peer', [CompletionResultType]::ParameterName, 'The local peer''s name, as with `haproxy -L`; only with one instance')
            [CompletionResult]::new('--reference', '--reference', [CompletionResultType]::ParameterName, 'The instance whose ids the others take over; default: the first one')
            [CompletionResult]::new('--backup', '--backup', [CompletionResultType]::ParameterName, 'Keep the old file: NAME~ (simple), NAME.~N~ (numbered); default simple, none inside a git work tree')
            [CompletionResult]::new('--haproxy', '--haproxy', [CompletionResultType]::ParameterName, 'The haproxy to check the result with; default: the one in PATH')
            [CompletionResult]::new('--reload-cmd', '--reload-cmd', [CompletionResultType]::ParameterName, 'Run this after writing, once, only if something changed (split into words, no shell)')
            [CompletionResult]::new('--hardlinks', '--hardlinks', [CompletionResultType]::ParameterName, 'What to do with a file that has several hard links')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours: auto, always or never (also: NO_COLOR)')
            [CompletionResult]::new('--fix', '--fix', [CompletionResultType]::ParameterName, 'Write server ids down, so that all instances agree; notes only if they are asked for by --select or --deny note')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Write nothing; exit 1 if something would change')
            [CompletionResult]::new('--check', '--check', [CompletionResultType]::ParameterName, 'Write nothing; exit 1 if something would change')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Write nothing; exit 1 if something would change')
            [CompletionResult]::new('--diff', '--diff', [CompletionResultType]::ParameterName, 'Print a unified diff that `patch -p0` takes (it is still written, unless --check)')
            [CompletionResult]::new('--no-validate', '--no-validate', [CompletionResultType]::ParameterName, 'Don''t check the result with `haproxy -c`')
            [CompletionResult]::new('--in-place', '--in-place', [CompletionResultType]::ParameterName, 'Write through the file instead of replacing it: for bind-mounted files')
            [CompletionResult]::new('--show-secrets', '--show-secrets', [CompletionResultType]::ParameterName, 'Show passwords, tokens and keys; only on a terminal')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'peerctl;graph' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'For Markdown pages, for Graphviz, or a picture')
            [CompletionResult]::new('--haproxy-version', '--haproxy-version', [CompletionResultType]::ParameterName, 'The version whose rules hold; default: what `haproxy -v` says, else 3.2')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'A variable the configuration is read with, for all instances or for NAME only (repeatable)')
            [CompletionResult]::new('--env-file', '--env-file', [CompletionResultType]::ParameterName, 'A file of VAR=VALUE lines to read the configuration with (repeatable)')
            [CompletionResult]::new('-L', '-L ', [CompletionResultType]::ParameterName, 'The local peer''s name, as with `haproxy -L`; only with one instance')
            [CompletionResult]::new('--local-peer', '--local-peer', [CompletionResultType]::ParameterName, 'The local peer''s name, as with `haproxy -L`; only with one instance')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours: auto, always or never (also: NO_COLOR)')
            [CompletionResult]::new('--show-secrets', '--show-secrets', [CompletionResultType]::ParameterName, 'Show passwords, tokens and keys; only on a terminal')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'peerctl;explain' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours: auto, always or never (also: NO_COLOR)')
            [CompletionResult]::new('--show-secrets', '--show-secrets', [CompletionResultType]::ParameterName, 'Show passwords, tokens and keys; only on a terminal')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'peerctl;parse' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'The tree as JSON, or the text printed back from it')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours: auto, always or never (also: NO_COLOR)')
            [CompletionResult]::new('--show-secrets', '--show-secrets', [CompletionResultType]::ParameterName, 'Show passwords, tokens and keys; only on a terminal')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'peerctl;grammar' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours: auto, always or never (also: NO_COLOR)')
            [CompletionResult]::new('--show-secrets', '--show-secrets', [CompletionResultType]::ParameterName, 'Show passwords, tokens and keys; only on a terminal')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'peerctl;completions' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours: auto, always or never (also: NO_COLOR)')
            [CompletionResult]::new('--show-secrets', '--show-secrets', [CompletionResultType]::ParameterName, 'Show passwords, tokens and keys; only on a terminal')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'peerctl;man' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours: auto, always or never (also: NO_COLOR)')
            [CompletionResult]::new('--show-secrets', '--show-secrets', [CompletionResultType]::ParameterName, 'Show passwords, tokens and keys; only on a terminal')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
