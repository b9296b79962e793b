// Go's channels as a contender: reads jobs from stdin, one a line, and answers each with one line of JSON.
// The lines are described in bench/harness/protocol.ts.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"syscall"
	"time"
)

const batch = 64

type job struct {
	kind, style                    string
	producers, consumers, capacity int
	n                              int
}

type reply struct {
	Ns      float64 `json:"ns"`
	CPU     float64 `json:"cpu"`
	Count   int     `json:"count"`
	Sum     float64 `json:"sum"`
	Samples []int64 `json:"samples,omitempty"`
	Share   float64 `json:"share,omitempty"`
	Bytes   float64 `json:"bytes,omitempty"`
}

func cpuSeconds() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9
}

func run(j job) (reply, error) {
	switch j.kind {
	case "value":
		return values(j)
	case "sync":
		return syncs(j)
	case "runtime":
		return runtimes(j)
	}
	switch j.kind + " " + j.style {
	case "throughput blocking":
		return throughput(j), nil
	case "throughput batch":
		return throughputArrays(j), nil
	case "pingpong hot":
		return pingPongHot(j), nil
	case "pingpong asleep":
		return pingPongAsleep(j), nil
	case "select receive":
		return selectReceive(j)
	case "select both":
		return selectBoth(j)
	case "select quiet":
		return selectQuiet(j), nil
	case "loop async", "loop close", "loop quiet":
		return oneLoop(j), nil
	case "micro sendrecv-f64":
		return microSendReceive(j), nil
	case "micro create":
		return microCreate(j), nil
	case "micro mutex":
		return microMutex(j), nil
	case "micro semaphore":
		return microSemaphore(j), nil
	case "micro waitgroup":
		return microWaitGroup(j), nil
	case "micro once":
		return microOnce(j), nil
	}
	return reply{}, fmt.Errorf("no job %s %s", j.kind, j.style)
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var j job
		_, err := fmt.Sscan(lines.Text(), &j.kind, &j.style, &j.producers, &j.consumers, &j.capacity, &j.n)
		var answer any
		if err == nil {
			before := cpuSeconds()
			var r reply
			r, err = run(j)
			r.CPU = cpuSeconds() - before
			answer = r
		}
		if err != nil {
			answer = map[string]string{"error": err.Error()}
		}
		line, _ := json.Marshal(answer)
		fmt.Println(string(line))
	}
}

func since(start time.Time) float64 {
	return float64(time.Since(start).Nanoseconds())
}
