// Command forms writes the profiles of one moment in every form that Go knows, for the readers to agree on.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strings"
	"time"
)

type table[K comparable, V any] struct{ rows map[K][]V }

func (t *table[K, V]) add(key K, row V) { t.rows[key] = append(t.rows[key], row) }

var kept [][]byte
var rows = table[string, *[40]int]{rows: map[string][]*[40]int{}}

func fill(size, count int) {
	for range count {
		kept = append(kept, make([]byte, size))
	}
}

func churn(count int) (total int) {
	for i := range count {
		total += len(strings.Repeat("x", 100+i%5000))
	}
	return total
}

func wait(gate chan struct{}) { <-gate }

func write(folder, profile string, debug int) {
	file, err := os.Create(filepath.Join(folder, fmt.Sprintf("%s.%d", profile, debug)))
	if err == nil {
		err = pprof.Lookup(profile).WriteTo(file, debug)
	}
	if err == nil {
		err = file.Close()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	runtime.MemProfileRate = 8192
	folder := os.Args[1]
	for _, size := range []int{8, 24, 100, 777, 3000, 8192, 50_000, 1 << 20} {
		fill(size, 2_000_000/(size+100))
	}
	for i := range 4000 {
		rows.add(fmt.Sprint("key", i%700), new([40]int))
	}
	churn(20_000)
	gate := make(chan struct{})
	for range 25 {
		go wait(gate)
	}
	leaked := make(chan struct{})
	for range 7 {
		go wait(leaked)
	}
	leaked = nil
	time.Sleep(20 * time.Millisecond)
	runtime.GC()
	runtime.GC()
	if pprof.Lookup("goroutineleak") != nil {
		for _, debug := range []int{0, 1, 2} {
			write(folder, "goroutineleak", debug)
		}
	}
	for _, profile := range []string{"heap", "allocs", "goroutine"} {
		for _, debug := range []int{0, 1, 2} {
			if debug < 2 || profile == "goroutine" {
				write(folder, profile, debug)
			}
		}
	}
	close(gate)
}
