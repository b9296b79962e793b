use crate::throughput::race;
use crate::{Job, Reply};
use crossbeam_channel::{bounded, select, Receiver, Select, Sender};

type Channels = (Vec<Sender<f64>>, Vec<Receiver<f64>>);

/// Each producer sends on a channel of its own; one consumer selects over all.
pub fn receive(job: &Job) -> Reply {
    let (senders, receivers) = channels(job.producers, job.capacity);
    race(
        job,
        |from, count| {
            for value in from..from + count {
                senders[from / count].send(value as f64).unwrap();
            }
        },
        |count| receive_from_any(&receivers, count),
    )
}

/// Producers and consumers select over the same channels.
pub fn both(job: &Job) -> Reply {
    let (senders, receivers) = channels(job.producers, job.capacity);
    race(job, |from, count| send_to_any(&senders, from, count), |count| receive_from_any(&receivers, count))
}

/// Every message is received by a select, made for it, whose other case is never ready.
pub fn quiet(job: &Job) -> Reply {
    let (busy, from_busy) = bounded::<f64>(job.capacity);
    let (_quiet, from_quiet) = bounded::<f64>(job.capacity);
    race(
        job,
        |from, count| {
            for value in from..from + count {
                busy.send(value as f64).unwrap();
            }
        },
        |count| receive_from_two(&from_busy, &from_quiet, count),
    )
}

fn channels(count: usize, capacity: usize) -> Channels {
    (0..count).map(|_| bounded::<f64>(capacity)).unzip()
}

/// `select!` keeps its cases on the stack.
fn receive_from_two(first: &Receiver<f64>, second: &Receiver<f64>, count: usize) -> f64 {
    let mut sum = 0.0;
    for _ in 0..count {
        sum += select! {
            recv(first) -> value => value.unwrap(),
            recv(second) -> value => value.unwrap(),
        };
    }
    sum
}

/// The cases are put together once, as for millrace's Selector: faster than `select!`, and than a new set for each message.
fn receive_from_any(receivers: &[Receiver<f64>], count: usize) -> f64 {
    let mut cases = Select::new();
    for receiver in receivers {
        cases.recv(receiver);
    }
    let mut sum = 0.0;
    for _ in 0..count {
        let case = cases.select();
        let at = case.index();
        sum += case.recv(&receivers[at]).unwrap();
    }
    sum
}

fn send_to_any(senders: &[Sender<f64>], from: usize, count: usize) {
    let mut cases = Select::new();
    for sender in senders {
        cases.send(sender);
    }
    for value in from..from + count {
        let case = cases.select();
        let at = case.index();
        case.send(&senders[at], value as f64).unwrap();
    }
}
