package main

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// What JavaScript does on one event loop, on one processor.
func oneLoop(j job) reply {
	runtime.GOMAXPROCS(1)
	switch j.style {
	case "close":
		return broadcasts(j)
	case "quiet":
		return selectQuiet(j)
	}
	return throughput(j)
}

// As many broadcasts as it takes to wake n receivers. Only the time from each close to the last receiver counts.
func broadcasts(j job) reply {
	ns, told := 0.0, int64(0)
	for left := j.n; left > 0; left -= j.consumers {
		ch := make(chan float64, j.capacity)
		var ready, woken sync.WaitGroup
		ready.Add(j.consumers)
		woken.Add(j.consumers)
		for receiver := 0; receiver < j.consumers; receiver++ {
			go func() {
				ready.Done()
				if _, open := <-ch; !open {
					atomic.AddInt64(&told, 1)
				}
				woken.Done()
			}()
		}
		ready.Wait()
		time.Sleep(time.Millisecond) // all have parked
		start := time.Now()
		close(ch)
		woken.Wait()
		ns += since(start)
	}
	return reply{Ns: ns, Count: int(told), Sum: float64(told)}
}
