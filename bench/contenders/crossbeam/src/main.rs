//! crossbeam-channel as a contender: reads jobs from stdin, one a line, and answers each with one line of JSON.
//! The lines are described in bench/harness/protocol.ts.

mod latency;
mod micro;
mod selects;
mod throughput;

use std::io::{stdin, BufRead};

pub struct Job {
    pub producers: usize,
    pub consumers: usize,
    pub capacity: usize,
    pub n: usize,
}

#[derive(Default)]
pub struct Reply {
    pub ns: u128,
    pub count: usize,
    pub sum: f64,
    pub samples: Vec<u64>,
}

#[repr(C)]
struct Timespec {
    seconds: i64,
    nanoseconds: i64,
}

extern "C" {
    fn clock_gettime(clock: i32, time: *mut Timespec) -> i32;
}

#[cfg(target_os = "macos")]
const CLOCK_PROCESS_CPUTIME_ID: i32 = 12;
#[cfg(not(target_os = "macos"))]
const CLOCK_PROCESS_CPUTIME_ID: i32 = 2;

/// CPU seconds, user and system, of the whole process so far.
fn cpu_seconds() -> f64 {
    let mut time = Timespec { seconds: 0, nanoseconds: 0 };
    unsafe { clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    time.seconds as f64 + time.nanoseconds as f64 / 1e9
}

fn run(line: &str) -> Option<Reply> {
    let words: Vec<&str> = line.split_whitespace().collect();
    if words.len() != 6 {
        return None;
    }
    let number = |at: usize| words[at].parse::<usize>().ok();
    let job = Job { producers: number(2)?, consumers: number(3)?, capacity: number(4)?, n: number(5)? };
    match (words[0], words[1]) {
        ("throughput", "blocking") => Some(throughput::values(&job)),
        ("throughput", "batch") => Some(throughput::arrays(&job)),
        ("pingpong", "hot") => Some(latency::hot(&job)),
        ("pingpong", "asleep") => Some(latency::asleep(&job)),
        ("select", "receive") => Some(selects::receive(&job)),
        ("select", "both") => Some(selects::both(&job)),
        ("select", "quiet") => Some(selects::quiet(&job)),
        ("micro", "sendrecv-f64") => Some(micro::send_receive(&job)),
        ("micro", "create") => Some(micro::create(&job)),
        _ => None,
    }
}

fn main() {
    for line in stdin().lock().lines().map_while(Result::ok) {
        let before = cpu_seconds();
        match run(&line) {
            Some(reply) => println!(
                "{{\"ns\":{},\"cpu\":{},\"count\":{},\"sum\":{:.0},\"samples\":{:?}}}",
                reply.ns,
                cpu_seconds() - before,
                reply.count,
                reply.sum,
                reply.samples
            ),
            None => println!("{{\"error\":\"no job {line}\"}}"),
        }
    }
}
