package acceptance

import (
	"flag"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"veza.fr/recovery/internal/reason"
)

// The corpus holds every fault there is. A table that is not in it cannot be run.
var corpus struct {
	tables []*table
	sync.Mutex
	found map[string]found // by the name of the test
}

// table holds the rows of one test: faults for the drill, or for the backup checks.
type table struct {
	test string
	from func() (liveSeed, error)
	rows []row
}

// row is one of them, as the corpus sees it.
type row interface {
	rowName() string
	expects() (exit int, why reason.Reason)
}

// found is the verdict on one row.
type found struct {
	exit   int
	why    reason.Reason
	took   time.Duration
	failed bool // it was not as expected
}

func register(test string, from func() (liveSeed, error), rows []row) *table {
	t := &table{test, from, rows}
	corpus.tables = append(corpus.tables, t)
	return t
}

// faults registers a table of faults for the drill, on copies of a seed.
func faults(test string, from func() (liveSeed, error), list []fault) *table {
	rows := make([]row, len(list))
	for i, f := range list {
		rows[i] = f
	}
	return register(test, from, rows)
}

// singleFault registers the fault of a test that needs more than a row of a table.
func singleFault(test string, f fault) fault {
	register(test, nil, []row{f})
	f.test = test
	return f
}

// environment is what the drill under test is built for.
var environment = flag.String("environment", "", "build tag of the drill under test: "+
	"ci restores into Docker containers, drill into Incus; only the rows that make sense there are run")

// checkFaults registers a table of faults for the backup checks, on copies of a seed.
func checkFaults(test string, from func() (liveSeed, error), list []checkFault) *table {
	rows := make([]row, len(list))
	for i, a := range list {
		rows[i] = a
	}
	return register(test, from, rows)
}

// run runs the rows of a table on copies of its seed.
func (tab *table) run(t *testing.T) {
	t.Helper()
	takesLong(t)
	for _, r := range tab.rows {
		if f, ok := r.(fault); ok && !f.here() || !ok && *environment != "" {
			continue
		}
		t.Run(r.rowName(), func(t *testing.T) {
			t.Parallel()
			expect(t)
			switch r := r.(type) {
			case fault:
				r.run(t, tab.from)
			case checkFault:
				r.run(t, tab.from)
			case controlFault:
				r.run(t, tab.from)
			}
		})
	}
}

// expect enters a row in the table as wrong until there is a verdict on it: making its seed may
// fail, or injecting its fault. A row that is skipped is not in the table.
func expect(t *testing.T) {
	t.Helper()
	record(t, found{why: "no verdict", failed: true})
	t.Cleanup(func() {
		if t.Skipped() {
			corpus.Lock()
			defer corpus.Unlock()
			delete(corpus.found, t.Name())
		}
	})
}

// recordVerdict keeps the verdict on a row, for the table.
func recordVerdict(t *testing.T, o outcome) {
	t.Helper()
	record(t, found{o.Status, o.Report.Reason, o.Took, t.Failed()})
}

// logVerdict logs what was expected of a row and what came of it.
func logVerdict(t *testing.T, r row, o outcome) {
	t.Helper()
	exit, why := r.expects()
	t.Logf("| %s | %d %s | %d %s | %.1f | %s",
		t.Name(), exit, why, o.Status, o.Report.Reason, o.Took.Seconds(), o.Report.Detail)
}

func record(t *testing.T, f found) {
	t.Helper()
	corpus.Lock()
	defer corpus.Unlock()
	if corpus.found == nil {
		corpus.found = map[string]found{}
	}
	corpus.found[t.Name()] = f
}

var tableFlag = flag.Bool("table", false, "print the table of faults at the end")

// printTable prints what was found, in the order of the tables.
func printTable(w io.Writer, took time.Duration) {
	columns := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(columns, "fault\texpected\tfound\tseconds\t")
	drills, wrong, cost := 0, 0, time.Duration(0)
	for _, tab := range corpus.tables {
		for _, r := range tab.rows {
			name := strings.TrimSuffix(tab.test+"/"+r.rowName(), "/")
			got, ran := corpus.found[name]
			if !ran {
				continue
			}
			drills++
			cost += got.took
			mark := ""
			if got.failed {
				wrong++
				mark = "<- WRONG, see above"
			}
			exit, why := r.expects()
			fmt.Fprintf(columns, "%s\t%d %s\t%d %s\t%.1f\t%s\n",
				strings.TrimPrefix(name, "Test"), exit, why, got.exit, got.why, got.took.Seconds(), mark)
		}
	}
	_ = columns.Flush() // a terminal that is gone is no fault
	fmt.Fprintf(w, "%d faults, %d not as expected; %.0f s of drills in %.0f s\n",
		drills, wrong, cost.Seconds(), took.Seconds())
}
