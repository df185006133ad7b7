//go:build soak

package cart

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"sync"
	"testing"
	"time"
)

const (
	snapshots  = 12                     // leakhunt says "leak" from four on; a dozen sees slow ones
	interval   = 250 * time.Millisecond // minutes in a real soak
	customers  = 500                    // a round of load
	concurrent = 4
)

// TestSoak puts the store under a steady load and writes a heap profile after each interval into the folder
// $SOAK_PROFILES, for leakhunt to judge.
func TestSoak(t *testing.T) {
	folder := os.Getenv("SOAK_PROFILES")
	if folder == "" {
		t.Skip("SOAK_PROFILES names no folder for the profiles")
	}
	store := NewStore()
	shop(store, -1) // warm up before the first profile
	for n := 0; n < snapshots; n++ {
		begin := time.Now()
		shop(store, n)
		time.Sleep(interval - time.Since(begin))
		writeHeapProfile(t, filepath.Join(folder, fmt.Sprintf("heap-%03d.pb.gz", n)))
	}
}

// shop lets every customer of a round fill a cart and pay.
func shop(store *Store, round int) {
	var group sync.WaitGroup
	for w := 0; w < concurrent; w++ {
		w := w
		group.Add(1)
		go func() {
			defer group.Done()
			for i := w; i < customers; i += concurrent {
				customer := fmt.Sprintf("customer-%d-%d", round, i)
				for line := 0; line < 20; line++ {
					store.Add(customer, fmt.Sprintf("sku-%d", line*i), line+1)
				}
				if store.Pay(customer) == "" {
					panic("no receipt")
				}
			}
		}()
	}
	group.Wait()
}

func writeHeapProfile(t *testing.T, path string) {
	t.Helper()
	runtime.GC() // a heap profile is as of the last completed collection
	runtime.GC() // and the first one may have run while objects were being allocated
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := pprof.Lookup("heap").WriteTo(file, 0); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}
