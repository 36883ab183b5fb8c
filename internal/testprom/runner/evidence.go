package runner

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/testprom/evidence"
	"veza.fr/recovery/internal/testprom/report"
	"veza.fr/recovery/internal/testprom/testreport"
	"veza.fr/recovery/internal/version"
)

// reportName is what evidence calls the report, wherever -report wrote it.
const reportName = "report.json"

// checkEvidence finds out before the run what would keep its evidence from being written.
func (r *run) checkEvidence(dir string) (err error) {
	if err = os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("-evidence %s: %w", dir, err)
	}
	const mayAdd = 2 | 1 // W_OK, X_OK: a probe would be a file that the ledger does not name
	if err = syscall.Access(dir, mayAdd); err != nil {
		return fmt.Errorf("-evidence %s: nothing can be added there: %w", dir, err)
	}
	if err = checkAppend(filepath.Join(dir, evidence.LedgerName)); err != nil {
		return fmt.Errorf("-evidence: %w", err)
	}
	if r.signKey == "" {
		return nil
	}
	if r.key, err = evidence.PrivateKey(r.signKey); err != nil {
		return fmt.Errorf("-sign-key: %w", err)
	}
	return nil
}

// writeEvidence adds the run to the directory of evidence. report is the report, as -report writes it.
func (r *run) writeEvidence(res *result, report []byte) (err error) {
	subjects := []evidence.Subject{evidence.Of(reportName, evidence.Digest(report))}
	if digest := res.Labels[suite.ManifestDigestLabel]; digest != "" {
		subjects = append(subjects, evidence.Of(res.Labels[suite.ManifestLabel], digest))
	}
	state := func(at evidence.Place) (evidence.Statement, error) {
		predicate, failed := json.Marshal(r.evidenceOf(res, at, subjects))
		return evidence.Statement{
			Type: evidence.StatementType, Subject: subjects, PredicateType: evidence.RunType, Predicate: predicate,
		}, failed
	}
	added, err := evidence.Append(r.options.evidence, r.Now(), r.key, state)
	if err != nil {
		return err
	}
	res.warnings = append(res.warnings, added.Repairs...)
	res.warnings = append(res.warnings, doubtful(added, r.key)...)
	res.entry = &added
	return nil
}

// doubtful is what an operator should know of the evidence from before: it is broken, and this run mended nothing.
func doubtful(added evidence.Appended, key ed25519.PrivateKey) (warnings []string) {
	before := added.Before
	if n := len(before.Findings); n > 0 && len(added.Repairs) == 0 && len(before.Entries) > 0 {
		warnings = append(warnings, fmt.Sprintf("the evidence from before this run is broken: %s", before.Findings[0]))
	}
	if n := len(before.Entries); n > 0 && key == nil && before.Entries[n-1].Signed() {
		warnings = append(warnings, "the evidence from before is signed, and this entry is not: give -sign-key, or "+
			"`evidence verify -key` refuses the whole")
	}
	return warnings
}

// evidenceOf is what is stated of a run.
func (r *run) evidenceOf(res *result, at evidence.Place, subjects []evidence.Subject) evidence.Run {
	d := res.document(false)
	e := evidence.Run{
		Entry: at, Schema: evidence.RunSchema, Suite: d.Suite, Stanza: d.Stanza, Started: d.Begin, Ended: d.End,
		Verdict: d.Verdict, Exit: d.Exit, Backups: d.Backups, Reason: string(d.Reason), Sentence: d.Sentence,
		Step: d.Step, Detail: d.Detail, Trigger: r.trigger(),
		Scope: evidence.Scope{
			Set: d.Labels[suite.SetLabel], SetType: d.Labels["backup_type"], Newest: d.Labels[suite.NewestSetLabel],
			Repository: d.Labels[suite.RepoLabel],
			Target:     d.Labels[suite.TargetLabel], AsOf: r.pastOf(d.Labels), Compare: d.Labels[suite.CompareLabel],
			Left:       d.Labels[suite.LeftLabel],
			WindowFrom: report.Moment(d.Labels[suite.WindowLabel]),
			Stopped:    report.Moment(d.Labels[suite.SetStoppedLabel]),
			Recovered:  report.Moment(d.Labels[suite.RecoveredLabel]),
		},
		Environment: d.Labels["environment"],
		Versions: evidence.Versions{
			Testprom: programVersion(), PostgreSQL: d.Labels["pg_version"], PgBackRest: d.Labels["pgbackrest_version"],
		},
		Checks: checksOf(d.Labels, d.Value("compare_coverage_ratio")), Notes: d.Notes, Doubts: d.Problems,
		Steps: []evidence.Step{}, Measurements: []evidence.Measurement{},
	}
	for _, s := range d.Steps {
		e.Steps = append(e.Steps, evidence.Step{
			Name: s.Name, Outcome: s.Outcome, Seconds: s.Seconds, Reason: string(s.Reason), Detail: s.Detail,
		})
	}
	for _, v := range d.Values {
		e.Measurements = append(e.Measurements, evidence.Measurement(v))
	}
	e.Objectives = r.objectives(res.Measurements)
	if d.Exit != reason.ExitEnvironment {
		e.TestResult = testResult(res, e, subjects)
	}
	return e
}

func programVersion() string {
	info, _ := debug.ReadBuildInfo()
	return version.Of(info).Line("testprom")
}

// objectives are the budgets that the run was held to: as it says itself, or, where it did not come to that, as it was
// asked.
func (r *run) objectives(said []suite.Value) (o evidence.Objectives) {
	if len(r.command) > 0 && r.suite.Name == suite.Drill.Name {
		settings := flags(r.command[1:])
		rto := budget(settings, r.Env).Seconds()
		rpo := duration(settings.or("rpo", lookup(r.Env, "DRILL_RPO")), defaultRPO).Seconds()
		o = evidence.Objectives{RTO: &rto, RPO: &rpo}
	}
	for _, m := range said {
		switch m.Name {
		case "rto_budget_seconds":
			o.RTO = &m.Value
		case "rpo_budget_seconds":
			o.RPO = &m.Value
		}
	}
	return o
}

// checksOf are the deeper checks, the comparison and the key's access, by outcome. covered is the share of the data
// that was compared, nil where it is not known: one that found no difference in a part of it is left out, as evidence
// of equality is of all.
func checksOf(labels map[string]string, covered *float64) evidence.Checks {
	c := evidence.Checks{Passed: []string{}, Failed: []string{}, LeftOut: []string{}, NotAsked: []string{}}
	lists := map[string]*[]string{
		"passed": &c.Passed, "failed": &c.Failed, "left_out": &c.LeftOut, "not_asked": &c.NotAsked,
	}
	for outcome, list := range lists {
		if names := labels[suite.DeepLabel+outcome]; names != "" {
			*list = strings.Split(names, ",")
		}
	}
	switch asked, outcome := labels[suite.CompareLabel], lists[labels[suite.ComparedLabel]]; {
	case asked == "none":
		c.NotAsked = append(c.NotAsked, evidence.CheckCompare)
	case outcome == &c.Passed && (covered == nil || *covered < 1):
		c.LeftOut = append(c.LeftOut, evidence.CheckCompare)
	case outcome != nil:
		*outcome = append(*outcome, evidence.CheckCompare)
	case asked != "":
		c.LeftOut = append(c.LeftOut, evidence.CheckCompare)
	}
	switch labels[suite.KeyAccessLabel] {
	case "readonly":
		c.Passed = append(c.Passed, evidence.CheckReadonly)
	case "writes":
		c.Failed = append(c.Failed, evidence.CheckReadonly)
	case "unknown":
		c.LeftOut = append(c.LeftOut, evidence.CheckReadonly)
	}
	return c
}

// testResult is the run as in-toto's predicate for tests has it.
func testResult(res *result, e evidence.Run, subjects []evidence.Subject) *evidence.Statement {
	type descriptor struct {
		Name        string            `json:"name"`
		Annotations map[string]string `json:"annotations,omitempty"`
	}
	predicate := struct {
		Result        string       `json:"result"`
		Configuration []descriptor `json:"configuration"`
		Passed        []string     `json:"passedTests"`
		Warned        []string     `json:"warnedTests"`
		Failed        []string     `json:"failedTests"`
	}{
		Result:        [...]string{"PASSED", "FAILED"}[e.Exit],
		Configuration: []descriptor{{Name: e.Suite + " of stanza " + e.Stanza, Annotations: res.Labels}},
		Passed:        []string{}, Warned: []string{}, Failed: []string{},
	}
	for _, step := range res.Steps {
		switch name := res.suite.Test + "/" + step.Name; step.Outcome {
		case testreport.Passed:
			predicate.Passed = append(predicate.Passed, name)
		case testreport.Failed:
			predicate.Failed = append(predicate.Failed, name)
		}
	}
	text, err := json.Marshal(predicate)
	if err != nil { // strings alone: cannot be
		return nil
	}
	return &evidence.Statement{
		Type: evidence.StatementType, Subject: subjects, PredicateType: evidence.TestResultType, Predicate: text,
	}
}
