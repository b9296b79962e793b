// The rows of bench/map/map.mjs with Go's sync.Map: nanoseconds an operation takes, in each of so many goroutines. Prints JSON.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"
)

const keys = 1024

func main() {
	threads, _ := strconv.Atoi(os.Args[1])
	n, _ := strconv.Atoi(os.Args[2])
	var numbers, texts sync.Map
	names := make([]string, keys)
	for k := 0; k < keys; k++ {
		names[k] = "key " + strconv.Itoa(k)
		numbers.Store(uint32(k), float64(k))
		texts.Store(names[k], "value "+strconv.Itoa(k))
	}
	rows := map[string]func(i int) float64{
		"get":        func(i int) float64 { v, _ := numbers.Load(uint32(i & (keys - 1))); return v.(float64) },
		"set":        func(i int) float64 { numbers.Store(uint32(i&(keys-1)), float64(i)); return 0 },
		"get string": func(i int) float64 { v, _ := texts.Load(names[i&(keys-1)]); return float64(len(v.(string))) },
		"set string": func(i int) float64 { texts.Store(names[i&(keys-1)], "another value"); return 0 },
	}
	result := map[string]float64{}
	for name, row := range rows {
		var group sync.WaitGroup
		begin := time.Now()
		for t := 0; t < threads; t++ {
			group.Add(1)
			go func() {
				defer group.Done()
				sum := 0.0
				for i := 0; i < n; i++ {
					sum += row(i)
				}
				if sum < 0 {
					panic("impossible")
				}
			}()
		}
		group.Wait()
		result[name] = float64(time.Since(begin).Nanoseconds()) / float64(n)
	}
	text, _ := json.Marshal(result)
	fmt.Println(string(text))
}
