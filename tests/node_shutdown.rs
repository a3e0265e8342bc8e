//! Signals, in a process of its own: they are those of the whole process.

mod support;

use std::time::{Duration, Instant};

use peerctl::node::{
    self, Control, clock,
    shutdown::{DRAIN, Ended, Signals},
};
use rustix::process::{Signal, getpid, kill_process};
use support::Stopwatch;

#[test]
fn the_first_signal_drains_and_the_second_one_ends() {
    let send = |signal| kill_process(getpid(), signal).expect("our own process");
    let forever = || clock::sleep_until(Instant::now() + Duration::from_mins(10));
    node::run(async {
        let mut signals = Signals::new().expect("signals");
        let control = Control::new();
        let done = signals.guard(&control, async { 7 }).await;
        assert_eq!((done, control.is_stopping()), ((Some(7), None), false), "without a signal nothing is stopped");

        send(Signal::TERM);
        let begin = Stopwatch::start();
        let drained = signals.guard(&control, async {
            while !control.is_stopping() {
                clock::sleep_until(Instant::now() + Duration::from_millis(5)).await;
            }
            8
        });
        assert_eq!(drained.await, (Some(8), Some(Ended::Terminated)));
        assert!(begin.elapsed() < DRAIN);

        send(Signal::INT);
        let (begin, watch) = (Instant::now(), Stopwatch::start());
        assert_eq!(signals.guard(&control, forever()).await, (None, Some(Ended::Interrupted)));
        assert!(begin.elapsed() >= DRAIN && watch.elapsed() < DRAIN * 2, "what doesn't end is left: {watch:?}");

        let begin = Stopwatch::start();
        let second = async {
            clock::sleep_until(Instant::now() + Duration::from_millis(100)).await;
            send(Signal::INT);
            clock::sleep_until(Instant::now() + Duration::from_millis(100)).await;
            send(Signal::INT);
            forever().await;
        };
        assert_eq!(signals.guard(&control, second).await, (None, Some(Ended::Interrupted)));
        assert!(begin.elapsed() < Duration::from_millis(600), "{:?}", begin.elapsed());
    })
    .expect("an event queue");
}
