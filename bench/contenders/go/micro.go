package main

import (
	"sort"
	"time"
)

// What bench/harness/micro.ts does with tinybench: many iterations of n rounds, of which the median counts.
const microTime = 60 * time.Millisecond

func medianIteration(n int, rounds func(n int)) reply {
	for warm := time.Now(); time.Since(warm) < microTime/2; {
		rounds(n)
	}
	var samples []int64
	for begin := time.Now(); time.Since(begin) < microTime; {
		start := time.Now()
		rounds(n)
		samples = append(samples, time.Since(start).Nanoseconds())
	}
	return reply{Ns: median(samples), Count: n, Sum: float64(n)}
}

func microSendReceive(j job) reply {
	ch := make(chan float64, j.capacity)
	r := medianIteration(j.n, func(n int) {
		for value := 0; value < n; value++ {
			ch <- float64(value)
			if <-ch != float64(value) {
				panic("lost a value")
			}
		}
	})
	return r
}

var sink chan float64

func microCreate(j job) reply {
	return medianIteration(j.n, func(n int) {
		for round := 0; round < n; round++ {
			sink = make(chan float64, j.capacity)
		}
	})
}

func median(samples []int64) float64 {
	sort.Slice(samples, func(a, b int) bool { return samples[a] < samples[b] })
	return float64(samples[len(samples)/2])
}
