use crate::{Job, Reply};
use crossbeam_channel::{bounded, Receiver, Sender};
use std::thread::scope;
use std::time::{Duration, Instant};

/// How long a side keeps its core busy so that the other one is asleep for sure when it is woken.
const ASLEEP: Duration = Duration::from_micros(300);

pub fn hot(job: &Job) -> Reply {
    let (there, from_there) = bounded::<f64>(job.capacity);
    let (back, from_back) = bounded::<f64>(job.capacity);
    scope(|threads| {
        threads.spawn(move || {
            for _ in 0..job.n {
                back.send(from_there.recv().unwrap()).unwrap();
            }
        });
        let begin = Instant::now();
        let mut samples = Vec::with_capacity(job.n);
        let mut sum = 0.0;
        for _ in 0..job.n {
            let start = Instant::now();
            there.send(1.0).unwrap();
            sum += from_back.recv().unwrap();
            samples.push(start.elapsed().as_nanos() as u64);
        }
        Reply { ns: begin.elapsed().as_nanos(), count: job.n, sum, samples }
    })
}

/// A message is the time at which it was sent; whoever receives it has just been woken and knows how long that took.
pub fn asleep(job: &Job) -> Reply {
    let (there, from_there) = bounded::<f64>(job.capacity);
    let (back, from_back) = bounded::<f64>(job.capacity);
    let begin = Instant::now();
    let n = job.n;
    scope(|threads| {
        let other = threads.spawn(move || {
            let mut samples = Vec::with_capacity(n);
            for _ in 0..n {
                samples.push(age(begin, &from_there));
                send_time(begin, &back);
            }
            samples
        });
        let mut samples = Vec::with_capacity(2 * n);
        for _ in 0..n {
            send_time(begin, &there);
            samples.push(age(begin, &from_back));
        }
        samples.extend(other.join().unwrap());
        Reply { ns: begin.elapsed().as_nanos(), count: n, sum: n as f64, samples }
    })
}

fn age(begin: Instant, from: &Receiver<f64>) -> u64 {
    let sent = from.recv().unwrap();
    (begin.elapsed().as_nanos() as f64 - sent) as u64
}

fn send_time(begin: Instant, out: &Sender<f64>) {
    let start = Instant::now();
    while start.elapsed() < ASLEEP {}
    out.send(begin.elapsed().as_nanos() as f64).unwrap();
}
