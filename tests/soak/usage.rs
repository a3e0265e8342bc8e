//! Memory and file descriptors of processes over time.

use std::fs;

/// What one process has used.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    /// Kilobytes of memory, file descriptors.
    samples: Vec<(u64, u64)>,
}

/// Growth that is no leak: what allocators and tables need to settle, in kilobytes.
const SETTLING: f64 = 3_000.0;

impl Usage {
    /// Notes what a process uses now.
    pub(crate) fn sample(&mut self, pid: u32) {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let memory = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .and_then(|rest| rest.split_whitespace().next()?.parse().ok());
        let files = fs::read_dir(format!("/proc/{pid}/fd")).map(|entries| entries.count() as u64);
        if let (Some(memory), Ok(files)) = (memory, files) {
            self.samples.push((memory, files));
        }
    }

    /// Forgets what was: another process has taken its place.
    pub(crate) fn begin_anew(&mut self) {
        self.samples.clear();
    }

    /// Says how it was, and fails if it grew all the time.
    pub(crate) fn check(&self, what: &str) {
        // What a process takes when it begins is no leak.
        let settled = &self.samples[self.samples.len() / 4..];
        assert!(settled.len() >= 8, "{what}: too few looks at it: {:?}", self.samples);
        let growth = |value: &dyn Fn(&(u64, u64)) -> u64| {
            let count = precise(settled.len() as u64);
            let mean = |values: &dyn Fn(usize, &(u64, u64)) -> f64| {
                settled.iter().enumerate().map(|(at, sample)| values(at, sample)).sum::<f64>() / count
            };
            let (x, y) = (mean(&|at, _| precise(at as u64)), mean(&|_, sample| precise(value(sample))));
            let covariance = mean(&|at, sample| (precise(at as u64) - x) * (precise(value(sample)) - y));
            let variance = mean(&|at, _| (precise(at as u64) - x).powi(2));
            (y, covariance / variance * count)
        };
        let (memory, more) = growth(&|sample| sample.0);
        let (files, more_files) = growth(&|sample| sample.1);
        println!(
            "{what}: {memory:.0} kB ({more:+.0} kB over the run), {files:.1} file descriptors ({more_files:+.1}), {} samples",
            settled.len()
        );
        assert!(more < SETTLING.max(memory / 10.0), "{what}: memory grows: {:?}", self.samples);
        assert!(more_files < 3.0, "{what}: file descriptors leak: {:?}", self.samples);
    }
}

fn precise(number: u64) -> f64 {
    f64::from(u32::try_from(number).expect("small"))
}
