package main

import "time"

// How long a side keeps its core busy so that the other one is asleep for sure when it is woken.
const asleep = 300 * time.Microsecond

func pingPongHot(j job) reply {
	there, back := make(chan float64, j.capacity), make(chan float64, j.capacity)
	go func() {
		for trip := 0; trip < j.n; trip++ {
			back <- <-there
		}
	}()
	samples := make([]int64, j.n)
	sum := 0.0
	begin := time.Now()
	for trip := range samples {
		start := time.Now()
		there <- 1
		sum += <-back
		samples[trip] = time.Since(start).Nanoseconds()
	}
	return reply{Ns: since(begin), Count: j.n, Sum: sum, Samples: samples}
}

// A message is the time at which it was sent; whoever receives it has just been woken and knows how long that took.
func pingPongAsleep(j job) reply {
	there, back := make(chan float64, j.capacity), make(chan float64, j.capacity)
	begin := time.Now()
	sendTime := func(out chan<- float64) {
		for start := time.Now(); time.Since(start) < asleep; {
		}
		out <- since(begin)
	}
	latencies := make(chan []int64)
	go func() {
		samples := make([]int64, j.n)
		for trip := range samples {
			sent := <-there
			samples[trip] = int64(since(begin) - sent)
			sendTime(back)
		}
		latencies <- samples
	}()
	samples := make([]int64, j.n)
	for trip := range samples {
		sendTime(there)
		sent := <-back
		samples[trip] = int64(since(begin) - sent)
	}
	samples = append(samples, <-latencies...)
	return reply{Ns: since(begin), Count: j.n, Sum: float64(j.n), Samples: samples}
}
