package drill

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/compare"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/standby"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/verify"
)

// What a run of a table and another one finds in the first.
const (
	isSame   = "the same"
	differs  = "another row"
	isLocked = "a lock"
	isLate   = "nothing asked for"
)

// comparedTables is such a run, with what it publishes.
func comparedTables(t *testing.T, state, found string) (heard *recorder, status verify.Status) {
	t.Helper()
	users, others := compare.ID{Database: "app", OID: 20000}, compare.ID{Database: "app", OID: 20001}
	side := func(rows int64) compare.Side {
		s := compare.NewSide()
		s.Databases, s.Blocks = []string{"app"}, map[string]int64{"app": 2}
		for id, name := range map[compare.ID]string{users: "public.users", others: "public.others"} {
			s.Objects[id] = compare.Object{ID: id, Name: name, Blocks: 1}
			if found != isLate {
				s.Digests[compare.Part{ID: id}] = compare.Digest{Rows: 4, File: 7}
			}
		}
		if _, asked := s.Digests[compare.Part{ID: users}]; asked {
			s.Digests[compare.Part{ID: users}] = compare.Digest{Rows: rows, File: 7}
		}
		return s
	}
	c := &comparison{frozen: standby.Frozen{At: 0x5000028, Side: side(4)}}
	clone := side(4)
	switch found {
	case differs:
		clone = side(5)
	case isLocked:
		c.frozen.Side.LeftOut = []compare.LeftOut{{ID: users, Name: "public.users", Why: "a lock"}}
	case isLate:
		c.left = "the standby fell behind"
	}
	r := recovered{}
	r.Settings.State, r.Client.Stanza, r.compared = state, "demo", c
	heard = &recorder{}
	c.recall(suite.NewOut(heard), r.ready)
	result := compare.Compare(c.frozen.Side, clone)
	c.result = &result
	counts := map[verify.Status]int{}
	err := r.judgeComparison(t.Context(), suite.NewOut(heard), counts)
	if found == differs {
		requireReason(t, reason.DataDiffers, err, found)
	} else {
		require.NoError(t, err, found)
	}
	require.Len(t, counts, 1)
	for status = range counts {
	}
	return heard, status
}

const differentKey = "metric.different_relations"

// A run that did not look at what differed does not say that nothing does.
func TestDifferent_StaysUntilItIsRefuted(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state.json")
	for i, run := range []struct {
		found, want string
		status      verify.Status
	}{
		{isSame, "0", verify.Passed},
		{differs, "1", verify.Failed},
		{isLocked, "1", verify.LeftOut},
		{isLate, "1", verify.LeftOut},
		{isLocked, "1", verify.LeftOut},
		{isSame, "0", verify.Passed},
		{isLocked, "0", verify.LeftOut},
	} {
		heard, status := comparedTables(t, state, run.found)
		assert.Equal(t, run.want, heard.values[differentKey], "%d %s", i, run.found)
		assert.Equal(t, run.status, status, "%d %s", i, run.found)
		const again = "and was not compared in this run: public.users in database app"
		assert.Equal(t, run.want == "1" && run.found != differs, strings.Contains(heard.String(), again),
			"%d %s", i, run.found)
	}
}

// Where nobody knows what differed before, only a run that looked at everything says that nothing does.
func TestDifferent_WithoutMemory(t *testing.T) {
	for _, state := range []func() string{
		func() string { return "" },
		func() string { return filepath.Join(t.TempDir(), "state.json") }, // the first run that writes it
	} {
		for found, want := range map[string]string{isSame: "0", differs: "1", isLocked: "", isLate: ""} {
			heard, _ := comparedTables(t, state(), found)
			assert.Equal(t, want, heard.values[differentKey], found)
		}
	}
}

// The run after one that did not look at everything knows no more than that one did of what differed before both.
func TestDifferent_WithoutMemoryTwice(t *testing.T) {
	for before, want := range map[string]string{isLocked: "", isLate: "", isSame: "0", differs: "1"} {
		state := filepath.Join(t.TempDir(), "state.json")
		_, _ = comparedTables(t, state, before)
		heard, _ := comparedTables(t, state, isLocked)
		assert.Equal(t, want, heard.values[differentKey], before)
	}
}

// What the standby was not asked for, since it fell behind, is not for the budget.
func TestJudgeComparison_NotForTheBudget(t *testing.T) {
	heard, _ := comparedTables(t, "", isLate)
	assert.Contains(t, heard.String(), "not compared for that: 2 of 2 ranges of blocks")
	assert.NotContains(t, heard.String(), "budget")
}
