use crate::{Job, Reply};
use crossbeam_channel::bounded;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// What bench/harness/micro.ts does with tinybench: many iterations of n rounds, of which the median counts.
const TIME: Duration = Duration::from_millis(60);

fn median_iteration(n: usize, mut rounds: impl FnMut(usize)) -> Reply {
    let warm = Instant::now();
    while warm.elapsed() < TIME / 2 {
        rounds(n);
    }
    let mut samples = Vec::new();
    let begin = Instant::now();
    while begin.elapsed() < TIME {
        let start = Instant::now();
        rounds(n);
        samples.push(start.elapsed().as_nanos());
    }
    samples.sort_unstable();
    Reply { ns: samples[samples.len() / 2], count: n, sum: n as f64, samples: Vec::new() }
}

pub fn send_receive(job: &Job) -> Reply {
    let (sender, receiver) = bounded::<f64>(job.capacity);
    median_iteration(job.n, |n| {
        for value in 0..n {
            sender.send(value as f64).unwrap();
            assert!(receiver.recv().unwrap() == value as f64);
        }
    })
}

pub fn create(job: &Job) -> Reply {
    median_iteration(job.n, |n| {
        for _ in 0..n {
            black_box(bounded::<f64>(job.capacity));
        }
    })
}
