package main

import (
	"context"
	"sync"
)

const semaphoreSize = 4

func microMutex(j job) reply {
	var mu sync.Mutex
	held := 0
	return medianIteration(j.n, func(n int) {
		for round := 0; round < n; round++ {
			mu.Lock()
			held++
			mu.Unlock()
		}
		if held%n != 0 {
			panic("the mutex is not as it was")
		}
	})
}

func microSemaphore(j job) reply {
	semaphore := newWeighted(semaphoreSize)
	background := context.Background()
	return medianIteration(j.n, func(n int) {
		for round := 0; round < n; round++ {
			if semaphore.acquire(background, 1) != nil {
				panic("not acquired")
			}
			semaphore.release(1)
		}
		if semaphore.cur != 0 {
			panic("the semaphore is not as it was")
		}
	})
}

func microWaitGroup(j job) reply {
	var group sync.WaitGroup
	r := medianIteration(j.n, func(n int) {
		for round := 0; round < n; round++ {
			group.Add(1)
			group.Done()
		}
	})
	group.Wait()
	return r
}

func microOnce(j job) reply {
	var once sync.Once
	runs := 0
	run := func() { runs++ }
	once.Do(run)
	return medianIteration(j.n, func(n int) {
		for round := 0; round < n; round++ {
			once.Do(run)
		}
		if runs != 1 {
			panic("ran more than once")
		}
	})
}
