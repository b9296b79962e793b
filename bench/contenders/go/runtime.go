package main

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"sort"
	"sync"
	"time"
)

// Goroutines as the tasks of bench/runtime, on as many processors as the others have threads.
func runtimes(j job) (reply, error) {
	runtime.GOMAXPROCS(j.producers)
	switch j.style {
	case "spawn":
		return spawnWindows(j), nil
	case "round-trip":
		return spawnOne(j), nil
	case "local":
		return spawnAndWait(j), nil
	case "fib":
		return forkJoin(j), nil
	case "sort":
		return forkSorts(j), nil
	case "skewed":
		return skewedLoad(j)
	case "idle":
		return idle(j), nil
	case "blocked":
		return blocked(j), nil
	}
	return reply{}, fmt.Errorf("no job runtime %s", j.style)
}

func echo(value int) float64 {
	return float64(value)
}

// Each goroutine has a channel for its result, as each task of the others has a promise.
func spawnWindows(j job) reply {
	results := make([]chan float64, j.capacity)
	sum, count := 0.0, 0
	start := time.Now()
	for first := 0; first < j.n; first += j.capacity {
		for at := range results {
			value, result := first+at, make(chan float64, 1)
			results[at] = result
			go func() { result <- echo(value) }()
		}
		for _, result := range results {
			sum += <-result
			count++
		}
	}
	return reply{Ns: since(start), Count: count, Sum: sum}
}

func spawnOne(j job) reply {
	samples := make([]int64, j.n)
	sum := 0.0
	for trip := range samples {
		start := time.Now()
		value, result := trip, make(chan float64, 1)
		go func() { result <- echo(value) }()
		sum += <-result
		samples[trip] = time.Since(start).Nanoseconds()
	}
	return reply{Count: j.n, Sum: sum, Samples: samples}
}

// From a goroutine, results in memory, one WaitGroup for a window.
func spawnAndWait(j job) reply {
	results := make([]float64, j.capacity)
	sum, count := 0.0, 0
	start := time.Now()
	for first := 0; first < j.n; first += j.capacity {
		var window sync.WaitGroup
		window.Add(len(results))
		for at := range results {
			at, value := at, first+at
			go func() {
				results[at] = echo(value)
				window.Done()
			}()
		}
		window.Wait()
		for _, result := range results {
			sum += result
			count++
		}
	}
	return reply{Ns: since(start), Count: count, Sum: sum}
}

// The same tree of forks and the same leaves as bench/runtime/fib.ts.
const leaf = 18

func fib(n int) int {
	if n < 2 {
		return n
	}
	return fib(n-1) + fib(n-2)
}

func forkFib(n int) int {
	if n <= leaf {
		return fib(n)
	}
	other := make(chan int, 1)
	go func() { other <- forkFib(n - 1) }()
	own := forkFib(n - 2)
	return own + <-other
}

func forkJoin(j job) reply {
	want := 0
	for at, next := 0, 1; at < j.capacity; at++ {
		want, next = next, want+next
	}
	start := time.Now()
	for left := j.n; left > 0; left-- {
		if got := forkFib(j.capacity); got != want {
			panic(fmt.Sprintf("a wrong number %d", got))
		}
	}
	return reply{Ns: since(start), Count: j.n, Sum: float64(j.n)}
}

// The same merge sort as bench/runtime/sort.ts; the leaves are sorted by Go's own sort.
const sortLeaf = 1 << 11

func forkSort(both *[2][]float64, from, to, side int) {
	target, source := both[side], both[1-side]
	if to-from <= sortLeaf {
		if side == 1 {
			copy(target[from:to], source[from:to])
		}
		sort.Float64s(target[from:to])
		return
	}
	middle := (from + to) / 2
	other := make(chan struct{})
	go func() {
		forkSort(both, from, middle, 1-side)
		close(other)
	}()
	forkSort(both, middle, to, 1-side)
	<-other
	left, right := from, middle
	for at := from; at < to; at++ {
		if right >= to || (left < middle && source[left] <= source[right]) {
			target[at] = source[left]
			left++
		} else {
			target[at] = source[right]
			right++
		}
	}
}

func forkSorts(j job) reply {
	numbers := make([]float64, j.capacity)
	state := uint32(1)
	for at := range numbers {
		state = state*1664525 + 1013904223
		numbers[at] = float64(state)
	}
	both := [2][]float64{make([]float64, j.capacity), make([]float64, j.capacity)}
	ns := 0.0
	for left := j.n; left > 0; left-- {
		copy(both[0], numbers)
		start := time.Now()
		forkSort(&both, 0, j.capacity, 0)
		ns += since(start)
		if !sort.Float64sAreSorted(both[0]) {
			panic("not sorted")
		}
	}
	return reply{Ns: ns, Count: j.n, Sum: float64(j.n)}
}

// The load of bench/runtime/load.ts.
const (
	loadSeed  = 1
	shortest  = 40.0
	longest   = 8000.0
	loadShape = 1.1
)

func randomNumbers(seed uint32) func() float64 {
	state := seed
	return func() float64 {
		state += 0x6d2b79f5
		mixed := (state ^ (state >> 15)) * (1 | state)
		mixed = (mixed + (mixed^(mixed>>7))*(61|mixed)) ^ mixed
		return float64(mixed^(mixed>>14)) / (1 << 32)
	}
}

func skewedLoad(j job) (reply, error) {
	random := randomNumbers(loadSeed)
	load := make([]time.Duration, j.n)
	total, most := time.Duration(0), time.Duration(0)
	for at := range load {
		micros := math.Min(longest, math.Round(shortest*math.Pow(1-random(), -1/loadShape)))
		load[at] = time.Duration(micros) * time.Microsecond
		total += load[at]
		if load[at] > most {
			most = load[at]
		}
	}
	ideal := total / time.Duration(j.producers)
	if ideal < most {
		ideal = most
	}
	var all sync.WaitGroup
	all.Add(len(load))
	start := time.Now()
	for _, long := range load {
		long := long
		go func() {
			burn(long)
			all.Done()
		}()
	}
	all.Wait()
	ns := since(start)
	return reply{Ns: ns, Count: j.n, Sum: float64(j.n), Share: 100 * ns / float64(ideal.Nanoseconds())}, nil
}

func idle(j job) reply {
	time.Sleep(100 * time.Millisecond)
	start, before := time.Now(), cpuSeconds()
	time.Sleep(time.Duration(j.capacity) * time.Millisecond)
	used, ns := cpuSeconds()-before, since(start)
	return reply{Ns: ns, Count: j.n, Sum: float64(j.n), Share: 100 * used * 1e9 / ns}
}

// What this process has in memory: of Linux its resident set, elsewhere what Go got from the system.
func residentBytes() float64 {
	text, err := os.ReadFile("/proc/self/statm")
	var size, resident int
	if err == nil {
		_, err = fmt.Sscan(string(text), &size, &resident)
	}
	if err == nil {
		return float64(resident * os.Getpagesize())
	}
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return float64(stats.Sys)
}

// Many goroutines wait for one channel.
func blocked(j job) reply {
	ch := make(chan float64)
	var parked, ended sync.WaitGroup
	parked.Add(j.n)
	ended.Add(j.n)
	start, before := time.Now(), residentBytes()
	for left := j.n; left > 0; left-- {
		go func() {
			parked.Done()
			<-ch
			ended.Done()
		}()
	}
	parked.Wait()
	time.Sleep(time.Millisecond) // all have parked
	bytes := residentBytes() - before
	close(ch)
	ended.Wait()
	return reply{Ns: since(start), Count: j.n, Sum: float64(j.n), Bytes: bytes}
}
