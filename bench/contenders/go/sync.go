package main

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// In the row of readers, every so manyth operation of a goroutine is a write.
const writeEvery = 100

// Goroutines that meet at a lock, as bench/sync/threads.ts does it. What the lock protects is a plain variable.
func syncs(j job) (reply, error) {
	switch j.style {
	case "mutex":
		return lockAll(j), nil
	case "rwmutex":
		return readMostly(j), nil
	case "map":
		return getAll(j), nil
	}
	var micros int
	if _, err := fmt.Sscanf(j.style, "fairness-%d", &micros); err == nil && micros > 0 {
		return compete(j, time.Duration(micros)*time.Microsecond), nil
	}
	return reply{}, fmt.Errorf("no job sync %s", j.style)
}

func lockAll(j job) reply {
	var mu sync.Mutex
	total := 0
	r := race(j, func(from, count int) {
		for ; count > 0; count-- {
			mu.Lock()
			total++
			mu.Unlock()
		}
	}, nil)
	r.Sum = float64(total)
	return r
}

func readMostly(j job) reply {
	var mu sync.RWMutex
	total, pair := 0, 0
	reads := int64(0)
	r := race(j, func(from, count int) {
		own := int64(0)
		for at := 1; at <= count; at++ {
			if at%writeEvery == 0 {
				mu.Lock()
				total++
				pair++
				mu.Unlock()
			} else {
				mu.RLock()
				if total != pair {
					panic("read in the middle of a write")
				}
				mu.RUnlock()
				own++
			}
		}
		atomic.AddInt64(&reads, own)
	}, nil)
	r.Sum = float64(total) + float64(reads)
	return r
}

func keyOf(index int) uint32 {
	return uint32(index+1) * 0x9e3779b1
}

func valueOf(key uint32) float64 {
	return float64(key) * 0.5
}

// sync.Map as one uses it: keys and values are interfaces.
func getAll(j job) reply {
	var m sync.Map
	for index := 0; index < j.capacity; index++ {
		m.Store(keyOf(index), valueOf(keyOf(index)))
	}
	// A reader of a map that has settled takes no lock.
	m.Range(func(key, value any) bool { return true })
	r := race(j, func(from, count int) {
		thread := 0
		if from > 0 {
			thread = 1
		}
		keys := make([]uint32, j.capacity)
		for at := range keys {
			keys[at] = keyOf((at*7 + thread*13) & (j.capacity - 1))
		}
		for at := 0; at < count; at++ {
			key := keys[at&(len(keys)-1)]
			value, ok := m.Load(key)
			if !ok || value.(float64) != valueOf(key) {
				panic(fmt.Sprintf("a wrong value of key %d", key))
			}
		}
	}, nil)
	r.Sum = float64(j.n)
	return r
}

func burn(long time.Duration) {
	for start := time.Now(); time.Since(start) < long; {
	}
}

// Until both together have had the lock n times. The first takes it again at once, the other stays away for as long as each keeps it.
func compete(j job, hold time.Duration) reply {
	var mu sync.Mutex
	total := 0
	owns := [2]int{}
	r := race(j, func(from, count int) {
		greedy := from == 0
		own := 0
		for {
			mu.Lock()
			if total == j.n {
				break
			}
			total++
			own++
			burn(hold)
			mu.Unlock()
			if !greedy {
				burn(hold)
			}
		}
		if greedy {
			owns[0] = own
		} else {
			owns[1] = own
		}
		mu.Unlock()
	}, nil)
	r.Count = owns[0] + owns[1]
	r.Sum = float64(total)
	r.Share = 100 * float64(owns[1]) / float64(j.n)
	return r
}
