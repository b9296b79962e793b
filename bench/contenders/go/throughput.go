package main

import (
	"sync"
	"time"
)

// One value a send, one value a receive.
func throughput(j job) reply {
	ch := make(chan float64, j.capacity)
	return race(j, func(from, count int) {
		for value := from; value < from+count; value++ {
			ch <- float64(value)
		}
	}, func(count int) float64 {
		sum := 0.0
		for left := count; left > 0; left-- {
			sum += <-ch
		}
		return sum
	})
}

// Arrays of 64 values through the channel: Go's own way to send in batches. The channel holds as many values as asked for,
// but at least one array.
func throughputArrays(j job) reply {
	capacity := j.capacity / batch
	if capacity < 1 {
		capacity = 1
	}
	ch := make(chan [batch]float64, capacity)
	return race(j, func(from, count int) {
		var values [batch]float64
		for value := from; value < from+count; value += batch {
			for at := range values {
				values[at] = float64(value + at)
			}
			ch <- values
		}
	}, func(count int) float64 {
		sum := 0.0
		for left := count; left > 0; left -= batch {
			values := <-ch
			for _, value := range values {
				sum += value
			}
		}
		return sum
	})
}

// Starts all goroutines at one line, waits for all, adds up what the consumers found.
func race(j job, produce func(from, count int), consume func(count int) float64) reply {
	var ready, done sync.WaitGroup
	ready.Add(j.producers + j.consumers)
	done.Add(j.producers + j.consumers)
	open := make(chan struct{})
	sums := make([]float64, j.consumers)
	for p := 0; p < j.producers; p++ {
		go func(p int) {
			defer done.Done()
			ready.Done()
			<-open
			share := j.n / j.producers
			produce(p*share, share)
		}(p)
	}
	for c := 0; c < j.consumers; c++ {
		go func(c int) {
			defer done.Done()
			ready.Done()
			<-open
			sums[c] = consume(j.n / j.consumers)
		}(c)
	}
	ready.Wait()
	start := time.Now()
	close(open)
	done.Wait()
	ns := since(start)
	total := 0.0
	for _, sum := range sums {
		total += sum
	}
	return reply{Ns: ns, Count: j.n, Sum: total}
}
