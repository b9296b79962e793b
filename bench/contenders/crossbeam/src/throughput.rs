use crate::{Job, Reply};
use crossbeam_channel::bounded;
use std::sync::Barrier;
use std::thread::scope;
use std::time::Instant;

const BATCH: usize = 64;

/// One value a send, one value a receive.
pub fn values(job: &Job) -> Reply {
    let (sender, receiver) = bounded::<f64>(job.capacity);
    race(
        job,
        |from, count| {
            for value in from..from + count {
                sender.send(value as f64).unwrap();
            }
        },
        |count| (0..count).map(|_| receiver.recv().unwrap()).sum(),
    )
}

/// Arrays of 64 values through the channel, which holds as many values as asked for, but at least one array.
pub fn arrays(job: &Job) -> Reply {
    let (sender, receiver) = bounded::<[f64; BATCH]>((job.capacity / BATCH).max(1));
    race(
        job,
        |from, count| {
            for value in (from..from + count).step_by(BATCH) {
                sender.send(std::array::from_fn(|at| (value + at) as f64)).unwrap();
            }
        },
        |count| (0..count / BATCH).map(|_| receiver.recv().unwrap().iter().sum::<f64>()).sum(),
    )
}

/// Starts all threads at one line, waits for all, adds up what the consumers found.
pub fn race(job: &Job, produce: impl Fn(usize, usize) + Sync, consume: impl Fn(usize) -> f64 + Sync) -> Reply {
    let barrier = Barrier::new(job.producers + job.consumers);
    let (barrier, produce, consume) = (&barrier, &produce, &consume);
    scope(|threads| {
        let producers: Vec<_> = (0..job.producers)
            .map(|index| {
                let share = job.n / job.producers;
                threads.spawn(move || {
                    barrier.wait();
                    let start = Instant::now();
                    produce(index * share, share);
                    (start, Instant::now(), 0.0)
                })
            })
            .collect();
        let consumers: Vec<_> = (0..job.consumers)
            .map(|_| {
                let share = job.n / job.consumers;
                threads.spawn(move || {
                    barrier.wait();
                    let start = Instant::now();
                    let sum = consume(share);
                    (start, Instant::now(), sum)
                })
            })
            .collect();
        let parts: Vec<(Instant, Instant, f64)> =
            producers.into_iter().chain(consumers).map(|thread| thread.join().unwrap()).collect();
        let start = parts.iter().map(|part| part.0).min().unwrap();
        let end = parts.iter().map(|part| part.1).max().unwrap();
        Reply {
            ns: (end - start).as_nanos(),
            count: job.n,
            sum: parts.iter().map(|part| part.2).sum(),
            samples: Vec::new(),
        }
    })
}
