//! Pictures of states, as a terminal shows them.

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;

use super::*;

fn peer(name: &str, health: Health, seconds: u64, problem: &str) -> PeerStatus {
    PeerStatus { name: name.into(), health, age: Some(Duration::from_secs(seconds)), problem: problem.into() }
}

fn row(key: &str, values: [&str; 3], left: &str, from: &str) -> Cells {
    Cells {
        key: key.into(),
        values: values.map(str::to_owned).into(),
        left: left.into(),
        from: from.into(),
        fresh: false,
    }
}

fn screen() -> Screen {
    Screen {
        title: "mesh as obs".into(),
        peers: vec![
            peer("lb1", Health::InSync, 0, ""),
            peer("lb2", Health::Learning(12_041), 0, ""),
            peer("lb3", Health::Down, 14, "can't connect to 10.0.0.3:10000: Connection refused; next try in 2 s"),
        ],
        tables: vec![("shop".into(), 12_041), ("api_limits".into(), 88_310)],
        table: 1,
        definition: "type ip expire 30m".into(),
        history: vec![0, 5, 10, 1204],
        headings: ["http_req_rate(10s)", "http_req_cnt", "gpc0"].map(str::to_owned).into(),
        sorted: Some(0),
        descending: true,
        rows: vec![
            row("203.0.113.77", ["412", "90,114", "3"], "58s", "lb1"),
            row("2001:db8::77:1", ["77", "1,120", "0"], "30m", "lb2"),
        ],
        look: Look { color: false, unicode: true },
        ..Screen::default()
    }
}

fn buffer(screen: &Screen, columns: u16, lines: u16) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(columns, lines)).expect("a terminal in memory");
    terminal.draw(|frame| screen.draw(frame)).expect("drawn");
    terminal.backend().buffer().clone()
}

/// The lines of the picture, without the blanks at their ends.
fn lines(screen: &Screen, columns: u16, height: u16) -> Vec<String> {
    let buffer = buffer(screen, columns, height);
    let line = |y| (0..columns).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
    (0..height).map(line).collect()
}

#[test]
fn eighty_columns_are_enough() {
    let lines = lines(&screen(), 80, 24);
    let expected = [
        " peerctl  mesh as obs   lb1 ● in sync 0.0s   lb2 ◐ learning 12,041",
        " lb3 ✗ down 14s",
        " lb3: can't connect to 10.0.0.3:10000: Connection refused; next try in 2 s",
        " shop 12,041   api_limits 88,310                               1,204 upd/s ▁▂▂█",
        "─ api_limits: type ip expire 30m ───────────────────────────────────────────────",
        " key              http_req_rate(10s) ▾  http_req_cnt  gpc0   left  from",
        " 203.0.113.77                      412        90,114     3    58s  lb1",
        " 2001:db8::77:1                     77         1,120     0    30m  lb2",
    ];
    assert_eq!(lines[..8], expected);
    assert_eq!(lines[22], "─".repeat(80));
    assert_eq!(lines[23], "tab table · s sort · / filter · = sum · space pause · r record · ? help · q quit");
}

#[test]
fn what_is_special_stands_on_the_rule() {
    let mut screen = screen();
    screen.sum = true;
    screen.paused = Some(Duration::from_secs(12));
    screen.filter.text = "gpc0 > 3".into();
    screen.skipped = 20;
    screen.recording = Some(RecordingStatus { name: "lb.ndjson".into(), bytes: 1_250_000, trouble: None });
    let rule = &lines(&screen, 120, 40)[3];
    for part in [
        "api_limits: type ip",
        "filter gpc0 > 3 ─",
        "SUM ─",
        "PAUSED 12s ─",
        "● REC lb.ndjson 1.2 MB ─",
        "from row 21 ─",
    ] {
        assert!(rule.contains(part), "{part} in {rule}");
    }
}

#[test]
fn the_column_that_rows_are_sorted_by_is_always_there() {
    let mut screen = screen();
    for sorted in 0..3 {
        screen.sorted = Some(sorted);
        for columns in [46, 50, 60, 80, 120] {
            let all = lines(&screen, columns, 24);
            let headings = all.iter().find(|line| line.starts_with(" key")).expect("headings");
            let heading = format!("{} ▾", screen.headings[sorted]);
            assert!(headings.contains(&heading), "{heading} in {headings}");
            let row = all.iter().find(|line| line.contains("203.0.11")).expect("a row");
            assert!(row.contains(&screen.rows[0].values[sorted]), "{row}");
        }
    }
    screen.sorted = None;
    screen.descending = false;
    assert!(lines(&screen, 80, 24)[5].starts_with(" key ▴"));
}

#[test]
fn help_and_the_way_out_are_always_shown() {
    for columns in 30..=120 {
        let last = lines(&screen(), columns, 10).pop().expect("lines");
        assert!(last.contains("? help") && last.contains("q quit"), "{columns}: {last}");
    }
}

#[test]
fn a_key_has_the_room_that_is_left_and_no_more() {
    let key = "a".repeat(60);
    let mut screen = screen();
    screen.rows = vec![row(&key, ["412", "90,114", "3"], "58s", "lb1+lb2")];
    let shown = |columns| {
        let line = lines(&screen, columns, 24).into_iter().find(|line| line.contains("aaa")).expect("a row");
        assert!(line.ends_with("lb1+lb2") || columns < 60, "{line}");
        (line.matches('a').count(), ["412", "90,114", " 3 "].map(|value| line.contains(value)))
    };
    assert_eq!(shown(120), (60, [true; 3]), "all of it");
    assert_eq!(shown(80), (25, [true, true, false]), "a column is worth more than the rest of the key");
    let (characters, values) = shown(40);
    assert!(characters >= 12 && values[0], "`left` and `from` make room: {characters}");
}

#[test]
fn nothing_panics_whatever_the_size_and_the_content() {
    let mut odd = screen();
    odd.help = true;
    let mut wide = screen();
    wide.rows =
        vec![row("日本語日本語日本語日本語日本語日本語日本語日本語", ["1", "2", "3"], "1s", "日本+日本+日本+日本")];
    wide.peers = (0..40).map(|n| peer(&format!("lb{n}"), Health::Partial, n, "it isn't complete")).collect();
    wide.tables = (0..40).map(|n| (format!("table number {n}"), n)).collect();
    wide.table = 39;
    wide.filter.typed = Some("key =~ \"日本語日本語日本語日本語日本語日本語日本語\"".into());
    wide.history = vec![u64::MAX; 60];
    let empty = Screen::default();
    for screen in [&odd, &wide, &empty, &screen()] {
        for columns in (1..130).step_by(7) {
            for height in 1..45 {
                buffer(screen, columns, height);
            }
        }
    }
    let wide = lines(&wide, 80, 24);
    assert!(wide.iter().any(|line| line.contains("+23: 0 in sync")), "{wide:#?}");
    assert!(wide.iter().any(|line| line.contains("◂") && line.contains("table number 39")), "{wide:#?}");
    assert_eq!(lines(&empty, 20, 5)[..3], ["peerctl", "too small:", "30x8 at least"]);
}

#[test]
fn there_is_room_for_as_many_rows_as_are_said() {
    let mut screen = screen();
    screen.rows = (0..50).map(|n| row(&format!("10.0.0.{n}"), ["1", "2", "3"], "1s", "lb1")).collect();
    for (columns, height) in [(80, 24), (120, 40), (60, 12)] {
        let drawn = lines(&screen, columns, height).iter().filter(|line| line.contains(" 10.0.0.")).count();
        assert_eq!(drawn, screen.rows_for(columns, height), "{columns}×{height}");
    }
}

#[test]
fn without_unicode_and_colours_nothing_is_lost() {
    let mut screen = screen();
    screen.look = Look::default();
    screen.help = true;
    for help in [false, true] {
        screen.help = help;
        let picture = buffer(&screen, 80, 24);
        for cell in &picture.content {
            assert!(cell.symbol().is_ascii(), "{:?}", cell.symbol());
            assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset));
        }
    }
    screen.help = false;
    let lines = lines(&screen, 80, 24);
    assert!(lines[0].contains("lb1 * in sync") && lines[1].contains("lb3 x down"), "{lines:#?}");
}

#[test]
fn an_expression_is_typed_at_the_bottom() {
    let mut screen = screen();
    screen.filter.typed = Some("gpc0 >".into());
    screen.filter.error = Some("expected a number".into());
    let mut terminal = Terminal::new(TestBackend::new(80, 24)).expect("a terminal in memory");
    terminal.draw(|frame| screen.draw(frame)).expect("drawn");
    assert_eq!(lines(&screen, 80, 24)[23], " filter: gpc0 >   expected a number");
    terminal.backend_mut().assert_cursor_position((15, 23));
}
