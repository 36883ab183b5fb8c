package testreport

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gotest.tools/gotestsum/testjson"

	"veza.fr/recovery/internal/suite"
)

// million is the length of the stream that `make bench` converts.
const million = 1_000_000

// longStream writes a drill that passes and logs, events lines in all.
func longStream(w io.Writer, events int) error {
	line := func(action, test, rest string) error {
		if test != "" {
			test = `,"Test":"` + test + `"`
		}
		_, err := fmt.Fprintf(w,
			`{"Time":"2026-11-22T04:00:00.%09dZ","Action":%q,"Package":"veza.fr/recovery/drill"%s%s}`+"\n", events,
			action, test, rest)
		events--
		return err
	}
	err := line("start", "", "")
	for _, step := range append([]string{""}, suite.Drill.StepNames()...) {
		test := suite.Drill.Test
		if step != "" {
			test += "/" + step
		}
		err = first(err, line("run", test, ""))
		for events > 20 && step == "restore" && err == nil {
			err = line("output", test, fmt.Sprintf(`,"Output":"    drill_test.go:%d: `+
				`restore file \u003c%d\u003e of \"base/5/1259\" (16KB, %d%%)\n"`, events%300, events, events%100))
		}
		if step != "" {
			err = first(err, line("pass", test, `,"Elapsed":1.25`))
		}
	}
	return first(err, first(line("pass", suite.Drill.Test, `,"Elapsed":9`), line("pass", "", `,"Elapsed":9.1`)))
}

func first(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// ours converts a stream; testsum does the same with gotestsum's library.
func ours(tb testing.TB, r io.Reader) {
	tb.Helper()
	c := New(suite.Drill)
	require.NoError(tb, c.Read(r))
	require.Zero(tb, c.Report(nil).Verdict.Exit)
}

func testsum(tb testing.TB, r io.Reader) {
	tb.Helper()
	_, err := testjson.ScanTestOutput(testjson.ScanConfig{Stdout: r})
	require.NoError(tb, err)
}

// BenchmarkConverterMillionEvents converts a million events with both, side by
// side, and reports the ratio (below 1: ours is faster) and both peak heaps.
func BenchmarkConverterMillionEvents(b *testing.B) {
	path := filepath.Join(b.TempDir(), "million.jsonl")
	f, err := os.Create(path)
	require.NoError(b, err)
	require.NoError(b, longStream(f, million))
	require.NoError(b, f.Close())
	var own, other, ownHeap, otherHeap float64
	for b.Loop() {
		seconds, heap := timed(b, path, ours)
		own, ownHeap = own+seconds, max(ownHeap, heap)
		seconds, heap = timed(b, path, testsum)
		other, otherHeap = other+seconds, max(otherHeap, heap)
	}
	b.ReportMetric(own/float64(b.N), "ours-s")
	b.ReportMetric(other/float64(b.N), "gotestsum-s")
	b.ReportMetric(own/other, "ratio")
	b.ReportMetric(ownHeap, "ours-peak-MiB")
	b.ReportMetric(otherHeap, "gotestsum-peak-MiB")
}

// timed converts the file once: seconds, and the peak of the live heap in MiB.
func timed(b *testing.B, path string, convert func(testing.TB, io.Reader)) (seconds, heap float64) {
	b.Helper()
	f, err := os.Open(path)
	require.NoError(b, err)
	defer func() { _ = f.Close() }()
	runtime.GC()
	peak := watchHeap()
	begun := time.Now()
	convert(b, f)
	seconds = time.Since(begun).Seconds()
	return seconds, float64(peak()) / (1 << 20)
}

// watchHeap samples the heap until the returned function is called.
func watchHeap() (peak func() uint64) {
	stop, result := make(chan struct{}), make(chan uint64)
	go func() {
		ticker := time.NewTicker(5 * time.Millisecond)
		defer ticker.Stop()
		highest := uint64(0)
		for {
			highest = max(highest, heapBytes())
			select {
			case <-ticker.C:
			case <-stop:
				result <- highest
				return
			}
		}
	}()
	return func() uint64 { close(stop); return <-result }
}

func heapBytes() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// TestCollector_MemoryDoesNotGrowWithTheStream compares what is kept of a short
// stream with what is kept of one forty times as long.
func TestCollector_MemoryDoesNotGrowWithTheStream(t *testing.T) {
	short, long := kept(t, 5_000), kept(t, 200_000)
	require.Less(t, long, short+256<<10, "bytes kept")
}

// kept are the bytes a collector holds on to after a stream of that many events.
func kept(t *testing.T, events int) uint64 {
	t.Helper()
	r, w := io.Pipe()
	go func() { _ = w.CloseWithError(longStream(w, events)) }()
	before := liveHeap()
	c := New(suite.Drill)
	require.NoError(t, c.Read(r))
	after := liveHeap()
	require.Zero(t, c.Report(nil).Verdict.Exit)
	return after - min(before, after)
}

func liveHeap() uint64 {
	runtime.GC()
	return heapBytes()
}
