package drill

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/settings"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/verify"
)

var (
	errTraces = reason.Errorf(reason.RepoUnreachable, "listing")
	errBreach = reason.Errorf(reason.IsolationBreached, "a segment of the sandbox's own")
	errSides  = reason.Errorf(reason.RecoveryIncomplete, "sides")
	errData   = reason.Errorf(reason.TooFewRows, "data")
	errDeep   = reason.Errorf(reason.IndexCorrupt, "deep")
	errLoss   = reason.Errorf(reason.ClockSkew, "loss")
)

// A breach of the isolation speaks first, then the target, the data, the deeper checks, the
// clocks, and last an archive that could not be listed again.
func TestVerdict_WhichFailureSpeaks(t *testing.T) {
	all := verdict{traces: errBreach, sides: errSides, data: errData, deep: errDeep, loss: errLoss}
	assert.Equal(t, errBreach, all.first())
	all.traces = errTraces
	for _, want := range []struct {
		err   error
		clear *error
	}{
		{errSides, &all.sides},
		{errData, &all.data},
		{errDeep, &all.deep},
		{errLoss, &all.loss},
		{errTraces, &all.traces},
	} {
		assert.Equal(t, want.err, all.first())
		*want.clear = nil
	}
	assert.NoError(t, all.first())
}

// What could not be judged hides nothing that is wrong with the data, whichever of them was asked first. Among
// findings, and where nothing else was found, the order is as ever.
func TestVerdict_WhatCouldNotBeJudgedHidesNothing(t *testing.T) {
	lacks := reason.Errorf(reason.ToolMissing, "a library that is not installed here")
	differs := reason.Errorf(reason.DataDiffers, "rows")
	old := reason.Errorf(reason.RecoveryIncomplete, "nothing of the archive was replayed")
	for name, c := range map[string]struct {
		said verdict
		want error
	}{
		"beside a deeper finding":       {verdict{data: lacks, deep: errDeep}, errDeep},
		"beside other rows":             {verdict{data: lacks, rows: differs}, differs},
		"beside two findings":           {verdict{data: lacks, deep: errDeep, rows: differs}, errDeep},
		"of a suggestion":               {verdict{draft: lacks, deep: errDeep}, errDeep},
		"of a deeper check":             {verdict{deep: lacks, rows: differs}, differs},
		"beside what a restore loses":   {verdict{data: lacks, loss: old}, old},
		"behind the finding":            {verdict{data: errData, deep: lacks}, errData},
		"alone":                         {verdict{data: lacks}, lacks},
		"beside an archive not listed":  {verdict{data: lacks, traces: errTraces}, lacks},
		"two that could not be judged":  {verdict{data: lacks, loss: errLoss}, lacks},
		"beside a sandbox not cut off":  {verdict{data: lacks, deep: errDeep, traces: errBreach}, errBreach},
		"findings in their usual order": {verdict{sides: errSides, data: errData, deep: errDeep}, errSides},
	} {
		assert.Equal(t, c.want, c.said.first(), name)
	}
}

// The deeper checks are asked unless the server is gone, or its machine lacks what it needs to answer.
func TestInNeed(t *testing.T) {
	for why, need := range map[reason.Reason]bool{
		reason.ToolMissing: false, reason.ClockSkew: false, reason.SmokeQuery: false, reason.PageChecksum: false,
		reason.SandboxFailed: true, reason.DiskSpace: true, reason.Interrupted: true, reason.Timeout: true,
	} {
		said := reason.Errorf(why, "said")
		assert.Equal(t, need, inNeed(nil, said), why)
		assert.True(t, inNeed(said, errors.New("of no known reason")), why)
	}
	lacks, gone := reason.Errorf(reason.ToolMissing, "no library"), reason.Errorf(reason.SandboxFailed, "killed")
	assert.True(t, inNeed(lacks, nil, gone), "the lack does not hide that the server is gone")
	assert.False(t, inNeed(nil, nil, nil))
}

// A budget that is kept to the second is kept; only heartbeat rows can exceed the RPO.
func TestCosts_Budgets(t *testing.T) {
	s := settings.Settings{RTO: 30 * time.Minute, RPO: 2 * time.Minute}
	lost := func(age time.Duration) loss { return loss{age: age, basis: verify.BasisHeartbeat} }
	idle := loss{age: 9 * time.Hour, basis: verify.BasisLastCommit}
	for name, c := range map[string]struct {
		cost costs
		want reason.Reason
	}{
		"both kept":                    {costs{rto: s.RTO, loss: lost(s.RPO)}, ""},
		"too slow":                     {costs{rto: s.RTO + 1, loss: lost(0)}, reason.RTOExceeded},
		"too much lost":                {costs{rto: 1, loss: lost(s.RPO + 1)}, reason.RPOExceeded},
		"too slow before too much":     {costs{rto: s.RTO + 1, loss: lost(s.RPO + 1)}, reason.RTOExceeded},
		"an idle primary loses none":   {costs{rto: 1, loss: idle}, ""},
		"the worst moment is no limit": {costs{rto: 1, worst: 9 * s.RTO}, ""},
	} {
		requireReason(t, c.want, c.cost.budgets(s), name)
	}
}

// What could not be judged here hides no budget that was crossed; the data's own fault, and whoever stops a run, go
// before it. What the loss is was not measured where the error says so.
func TestJudgeCost_WhatCouldNotBeJudgedHidesNoBudget(t *testing.T) {
	lacks := reason.Errorf(reason.ToolMissing, "no PostGIS here")
	stopped, stop := context.WithCancelCause(t.Context())
	stop(reason.Errorf(reason.Interrupted, "signal: interrupt"))
	cut, spend := context.WithCancelCause(t.Context())
	spend(reason.Errorf(reason.Timeout, "the deadline is spent"))
	old := loss{age: 3 * time.Hour, basis: verify.BasisHeartbeat}
	for name, c := range map[string]struct {
		ctx  context.Context
		took time.Duration
		lost loss
		err  error
		want reason.Reason
		said bool // the RTO
	}{
		"too slow, a library is missing":   {t.Context(), 45 * time.Minute, loss{}, lacks, reason.RTOExceeded, true},
		"too slow, clocks differ":          {t.Context(), 45 * time.Minute, loss{}, errLoss, reason.RTOExceeded, true},
		"too much lost, no second listing": {t.Context(), time.Minute, old, errTraces, reason.RPOExceeded, true},
		"kept, a library is missing":       {t.Context(), time.Minute, loss{}, lacks, reason.ToolMissing, true},
		"kept":                             {t.Context(), time.Minute, loss{}, nil, "", true},
		"too slow, and rows are gone":      {t.Context(), 45 * time.Minute, old, errData, reason.TooFewRows, false},
		"too slow, and stopped":            {stopped, 45 * time.Minute, old, lacks, reason.Interrupted, false},
		"too slow, and cut later":          {cut, 45 * time.Minute, loss{}, lacks, reason.RTOExceeded, true},
		"kept, and cut":                    {cut, time.Minute, loss{}, lacks, reason.Timeout, true},
	} {
		var r recovered
		r.Settings = settings.Settings{RTO: 30 * time.Minute, RPO: 2 * time.Minute}
		r.started, r.answered = noon, noon.Add(c.took)
		var heard recorder
		_, err := r.judgeCost(c.ctx, suite.NewOut(&heard), c.lost, c.err)
		requireReason(t, c.want, suite.Drill.Judge(c.ctx, "TestDrill/verify", err), name)
		assert.Equal(t, c.said, heard.values["metric.rto_seconds"] != "", name)
		assert.NotContains(t, heard.values, "metric.rpo_seconds", "measured before, or not at all")

		r.real = &nodeRestore{}
		_, err = r.judgeCost(c.ctx, suite.NewOut(&heard), c.lost, c.err)
		assert.Equal(t, c.err, err, "%s: the data is back", name)
	}
}

// The worst moment is never better than what was measured, and unknown without a replay.
// Alerts and dashboard know no budget but the run's own.
func TestPublishBudgets(t *testing.T) {
	var heard recorder
	publishBudgets(suite.NewOut(&heard), settings.Settings{
		RTO: time.Hour, RPO: time.Minute, BackupAge: 30 * time.Hour,
	})
	assert.Equal(t, map[string]string{
		"metric.rto_budget_seconds": "3600", "metric.rpo_budget_seconds": "60",
		"metric.backup_age_budget_seconds": "108000",
	}, heard.values)
}

func TestWorstRTO(t *testing.T) {
	log := postgres.Log{
		Restored:  []string{"000000010000000000000002", "000000010000000000000003"},
		RedoStart: noon,
		RedoDone:  noon.Add(4 * time.Second),
	}
	assert.Equal(t, 30*time.Second, worstRTO(5*time.Second, 10*time.Second, log, 10))
	assert.Equal(t, time.Minute, worstRTO(time.Minute, 10*time.Second, log, 10))
	assert.Zero(t, worstRTO(time.Minute, time.Second, postgres.Log{RedoStart: noon, RedoDone: noon.Add(1)}, 10),
		"nothing was replayed")
	log.RedoDone = noon
	assert.Zero(t, worstRTO(time.Minute, time.Second, log, 10), "no time passed")
}

// A deadline that cuts a restore whose budget was spent is the finding; any other end of the
// run is what it was.
func TestOverspent(t *testing.T) {
	cut := errors.New("signal: killed")
	timeout, cancel := context.WithCancelCause(t.Context())
	cancel(reason.Errorf(reason.Timeout, "the deadline is spent"))
	stopped, stop := context.WithCancelCause(t.Context())
	stop(reason.Errorf(reason.Interrupted, "signal: interrupt"))
	long, short := time.Now().Add(-time.Hour), time.Now()

	assert.Equal(t, cut, overspent(t.Context(), time.Minute, long, cut), "it goes on to its own end")
	assert.Equal(t, cut, overspent(stopped, time.Minute, long, cut))
	assert.Equal(t, cut, overspent(timeout, time.Minute, short, cut))
	requireReason(t, reason.RTOExceeded, overspent(timeout, time.Minute, long, cut), "")
}

// What is left of the run bounds the deeper checks, less a reserve; never below nothing.
func TestCheckBudget(t *testing.T) {
	assert.Equal(t, time.Hour, checkBudget(t.Context(), time.Hour))
	near, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	assert.LessOrEqual(t, checkBudget(near, time.Hour), time.Minute-deepReserve)
	assert.Equal(t, time.Second, checkBudget(near, time.Second))
	over, done := context.WithTimeout(t.Context(), time.Second)
	defer done()
	assert.Zero(t, checkBudget(over, time.Hour))
}
