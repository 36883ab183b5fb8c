package testreport

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
)

// play is a run in short: each word is a step or, with a colon, how it ended and
// what it published: "restore:fail,wal_missing". Steps not named pass; "-" stands
// for a step that never started, "!" for one that never ended.
func play(words string) []byte {
	how := map[string]string{}
	for _, word := range strings.Fields(words) {
		step, ending, _ := strings.Cut(word, ":")
		how[step] = ending
	}
	var s bytes.Buffer
	test := func(action, name string) {
		fmt.Fprintf(&s, `{"Action":%q,"Package":"p","Test":"TestDrill%s"}`+"\n", action, name)
	}
	s.WriteString(`{"Action":"start","Package":"p"}` + "\n")
	test("run", "")
	result := "pass"
	for _, step := range suite.Drill.StepNames() {
		ending, r, _ := strings.Cut(how[step], ",")
		if ending == "-" {
			continue
		}
		test("run", "/"+step)
		if r != "" {
			fmt.Fprintf(&s,
				`{"Action":"attr","Package":"p","Test":"TestDrill/%s/deeper","Key":"reason","Value":%q}`+"\n", step, r)
		}
		if ending == "!" {
			return s.Bytes()
		}
		if ending == "" {
			ending = "pass"
		}
		if ending == "fail" {
			result = "fail"
		}
		test(ending, "/"+step)
	}
	test(result, "")
	fmt.Fprintf(&s, `{"Action":%q,"Package":"p"}`+"\n", result)
	return s.Bytes()
}

// TestVerdict_IsTheFirstLineThatApplies walks down the five lines of design.md.
func TestVerdict_IsTheFirstLineThatApplies(t *testing.T) {
	for words, want := range map[string]string{
		"": "0 none",
		"restore:fail,wal_missing teardown:fail,sandbox_failed": "1 wal_missing restore",
		"preflight:fail,locked restore:fail,wal_missing":        "2 locked preflight",
		"preflight:fail restore:fail,wal_missing":               "1 wal_missing restore",
		"restore:fail,wal_missing recover:!":                    "1 wal_missing restore",
		"restore:!,rto_exceeded":                                "1 rto_exceeded restore",
		"restore:fail recover:!":                                "2 report_unreadable recover",
		"restore:fail verify:fail":                              "1 restore_failed restore",
		"verify:fail":                                           "1 smoke_query verify",
		"launch:fail verify:-":                                  "2 sandbox_failed launch",
		"verify:-":                                              "2 no_tests verify",
		"launch:skip verify:skip":                               "2 no_tests launch",
		"launch:skip,wal_missing":                               "2 no_tests launch",
		"launch:pass,wal_missing":                               "2 report_unreadable",
		"launch:fail,nonsense":                                  "2 sandbox_failed launch",
		"launch:pass,nonsense":                                  "2 report_unreadable",
		"teardown:fail":                                         "2 sandbox_failed teardown",
		"teardown:fail,isolation_breached":                      "1 isolation_breached teardown",
	} {
		assert.Equal(t, want, verdict(t, play(words)), words)
	}
}

func verdict(t *testing.T, stream []byte) string {
	t.Helper()
	c := New(suite.Drill)
	require.NoError(t, c.Read(bytes.NewReader(stream)))
	v := c.Report(nil).Verdict
	return strings.TrimSpace(fmt.Sprintf("%d %s %s", v.Exit, v.Reason, v.Step))
}

// TestTeardown_AloneLeavesTheVerdictStanding, and nothing else does.
func TestTeardown_AloneLeavesTheVerdictStanding(t *testing.T) {
	other := `{"Action":"fail","Package":"p","Test":"TestOther"}` + "\n"
	nan := `{"Action":"attr","Package":"p","Test":"TestDrill","Key":"metric.rto_seconds","Value":"NaN"}` + "\n"
	for name, c := range map[string]struct {
		stream []byte
		want   Backups
	}{
		"alone":                 {play("teardown:fail"), Sound},
		"with its reason":       {play("teardown:fail,disk_space"), Sound},
		"verify skipped":        {play("verify:skip teardown:fail"), Unknown},
		"verify missing":        {play("verify:- teardown:fail"), Unknown},
		"verify failed":         {play("verify:fail teardown:fail"), AtFault},
		"launch failed too":     {play("launch:fail teardown:fail,disk_space"), Unknown},
		"teardown not ended":    {play("teardown:!"), Unknown},
		"another test failed":   {append(play("teardown:fail"), other...), Unknown},
		"unreadable":            {append(play("teardown:fail"), nan...), Unknown},
		"a reason of a pass":    {play("restore:pass,wal_missing teardown:fail"), Unknown},
		"blames the backups":    {play("teardown:fail,repo_corrupt"), AtFault},
		"another step not done": {play("recover:- teardown:fail,sandbox_failed"), Unknown},
	} {
		col := New(suite.Drill)
		require.NoError(t, col.Read(bytes.NewReader(c.stream)))
		r := col.Report(nil)
		assert.Equal(t, c.want, r.Backups, name)
		assert.NotZero(t, r.Verdict.Exit, name)
	}
}

func TestStop_OutweighsEverythingAfterIt(t *testing.T) {
	c := New(suite.Drill)
	c.Stop(reason.Interrupted, "a signal")
	c.Stop(reason.Timeout, "too late")
	require.NoError(t, c.Read(bytes.NewReader(play("restore:fail,restore_failed"))))
	v := c.Report(nil).Verdict
	assert.Equal(t, reason.Interrupted, v.Reason)
	assert.Equal(t, "a signal", v.Detail)
}

func TestRead_AnErrorIsNoPass(t *testing.T) {
	c := New(suite.Drill)
	broken := io.MultiReader(bytes.NewReader(play("")), iotestErr{})
	require.Error(t, c.Read(broken))
	assert.Equal(t, reason.ReportUnreadable, c.Report(nil).Verdict.Reason)
}

type iotestErr struct{}

func (iotestErr) Read([]byte) (int, error) { return 0, errors.New("input/output error") }

func TestSteps_LastUntilTheNextOneBegins(t *testing.T) {
	// With a plain -v all terminal events come at the end.
	stream := `{"Time":"2026-11-22T04:00:00Z","Action":"run","Package":"p","Test":"TestDrill"}
{"Time":"2026-11-22T04:00:00Z","Action":"run","Package":"p","Test":"TestDrill/preflight"}
{"Time":"2026-11-22T04:00:02.5Z","Action":"run","Package":"p","Test":"TestDrill/launch"}
{"Time":"2026-11-22T04:00:09Z","Action":"pass","Package":"p","Test":"TestDrill/preflight","Elapsed":2.49}
{"Time":"2026-11-22T04:00:09Z","Action":"pass","Package":"p","Test":"TestDrill/launch","Elapsed":6.49}
`
	c := New(suite.Drill)
	require.NoError(t, c.Read(strings.NewReader(stream)))
	steps := c.Report(nil).Steps
	assert.InDelta(t, 2.5, steps[0].Seconds, 1e-9)
	assert.InDelta(t, 6.5, steps[1].Seconds, 1e-9)
	assert.Negative(t, steps[2].Seconds)
}
