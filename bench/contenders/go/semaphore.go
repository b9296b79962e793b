package main

import (
	"container/list"
	"context"
	"sync"
)

// A weighted semaphore as golang.org/x/sync has it: a count under a mutex, and a list of those that wait, first come, first served.
// It stands in for that module, because the bench is built without a network.
type weighted struct {
	size, cur int64
	mu        sync.Mutex
	waiters   list.List
}

type waiting struct {
	n     int64
	ready chan<- struct{}
}

func newWeighted(size int64) *weighted {
	return &weighted{size: size}
}

func (s *weighted) acquire(ctx context.Context, n int64) error {
	done := ctx.Done()
	s.mu.Lock()
	select {
	case <-done:
		s.mu.Unlock()
		return ctx.Err()
	default:
	}
	if s.size-s.cur >= n && s.waiters.Len() == 0 {
		s.cur += n
		s.mu.Unlock()
		return nil
	}
	ready := make(chan struct{})
	place := s.waiters.PushBack(waiting{n: n, ready: ready})
	s.mu.Unlock()

	select {
	case <-ready:
		return nil
	case <-done:
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-ready:
		// Granted in the meantime: given back.
		s.cur -= n
	default:
		s.waiters.Remove(place)
	}
	s.grant()
	return ctx.Err()
}

func (s *weighted) release(n int64) {
	s.mu.Lock()
	s.cur -= n
	if s.cur < 0 {
		s.mu.Unlock()
		panic("semaphore: released more than held")
	}
	s.grant()
	s.mu.Unlock()
}

// Under the mutex: lets in as many from the head of the list as fit.
func (s *weighted) grant() {
	for next := s.waiters.Front(); next != nil; next = s.waiters.Front() {
		w := next.Value.(waiting)
		if s.size-s.cur < w.n {
			return
		}
		s.cur += w.n
		s.waiters.Remove(next)
		close(w.ready)
	}
}
