package runner

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/testprom/evidence"
	"veza.fr/recovery/internal/testprom/report"
	"veza.fr/recovery/internal/testprom/testreport"
	"veza.fr/recovery/internal/testprom/whole"
)

// result is a judged run and what is written of it.
type result struct {
	testreport.Report
	suite      suite.Suite
	stanza     string
	begin, end time.Time
	judged     time.Time
	duration   time.Duration // negative when it is not known
	compiling  time.Duration // before it began; no part of the duration
	exit       int           // the verdict's, or 2 when something could not be written
	warnings   []string
	knownRed   []string // claims that it did not ask, and that did not hold when they were asked last
	aimed      bool     // it was a drill of now, and did not go to the end of the archive, or not with the newest set
	elsewhere  suite.EndElsewhere
	last       *report.Known      // the verdict by the report that this one follows; nil where there is none
	entry      *evidence.Appended // of the evidence; nil where there is none
	copied     string             // where the evidence is too; "" where it is not
}

// result judges. A stream read from standard input may have been recorded long
// ago, so its own times count, never later than now.
func (r *run) result(begin time.Time, status *int) *result {
	now := r.Now()
	res := &result{
		Report: r.collector.Report(status), suite: r.suite, begin: begin, end: now, judged: now,
		duration: now.Sub(begin),
	}
	if len(r.command) == 0 {
		res.duration = -1
		if recorded := res.Report.End; !recorded.IsZero() && recorded.Before(now) {
			res.begin, res.end = recorded, recorded
			if first := res.Report.Begin; !first.IsZero() && !first.After(recorded) {
				res.begin, res.duration = first, recorded.Sub(first)
			}
		}
	}
	if first := r.testBegan.Load(); first != nil && r.compiles {
		res.begin, res.duration, res.compiling = *first, now.Sub(*first), first.Sub(begin)
	}
	res.Notes, res.warnings = slices.Concat(r.notes, res.Notes), slices.Clone(r.early)
	res.exit = res.Verdict.Exit
	res.stanza = r.stanzaOf(res.Labels)
	if res.Stray > 0 {
		res.warnings = append(res.warnings, fmt.Sprintf("%d lines between the events are none", res.Stray))
	}
	return res
}

// stanzaOf is the stanza the run speaks of, by the first source that names one.
func (r *run) stanzaOf(labels map[string]string) string {
	sources := []string{r.as, labels["stanza"], r.stanza, r.stanzaOfConf()}
	if r.textfile != "" {
		sources = append(sources, r.Textfile.Stanza(r.textfile, r.suite.Namespace))
	}
	for _, stanza := range sources {
		if stanza = strings.ToValidUTF8(strings.TrimSpace(stanza), "?"); stanza != "" {
			return stanza
		}
	}
	return evidence.UnknownStanza
}

// pastOf is the moment of the repository the run speaks of, "" for now: as it says itself, or, where it came to an
// end before it could, as it was asked. The backup checks refuse to be asked, and that is about those of now.
func (r *run) pastOf(labels map[string]string) string {
	if past := labels[suite.PastLabel]; past != "" || r.suite.Name != suite.Drill.Name {
		return past
	}
	return strings.ToValidUTF8(r.past, "?")
}

// notOfNow is why the run says nothing of the backups of now, "" where it does.
func (r *run) notOfNow(labels map[string]string) string {
	past, left := r.pastOf(labels), labels[suite.LeftLabel]
	switch {
	case past != "":
		return "this was the repository of " + past
	case left != "" && r.suite.Name == suite.Drill.Name:
		return "the set is of " + left + ", of a cluster before a stanza-upgrade"
	}
	return ""
}

// publish writes all that was asked for, prints the summary, and returns the
// exit status. The textfile comes first: it is what alarms. The other hosts hear
// the verdict next, and not before: they would rely on one that alarms nobody.
// refused is why nothing was begun; nil where it was.
func (r *run) publish(res *result, refused error) int {
	r.foresee(res)
	previous := r.previous(res)
	if previous != nil {
		res.last = previous.Known()
	}
	res.elsewhere = r.endElsewhere(res.last)
	res.aimed = r.suite.Name == suite.Drill.Name && r.notOfNow(res.Labels) == "" &&
		(res.Labels[suite.TargetLabel] != "" || suite.OlderSet(res.Labels))
	unalarmed := r.writeTextfile(res)
	r.tells(res, unalarmed)
	var err error // all that could not be written
	failed := func(errs ...error) bool {
		now := errors.Join(errs...)
		if now != nil {
			err, res.exit = errors.Join(err, now), reason.ExitEnvironment
		}
		return now != nil
	}
	failed(refused, unalarmed, r.tee.close(), r.succeed(res, previous))
	// The report has the exit status of the run, so it comes after what may still fail, and once more where the
	// evidence does, which has its digest.
	failed(r.write(r.history, res.line, appendLine))
	text, unwritten := r.writeReport(res)
	failed(unwritten)
	if r.options.evidence != "" && failed(r.writeEvidence(res, text)) {
		_, unwritten = r.writeReport(res)
		failed(unwritten)
	}
	junit := func() ([]byte, error) { return res.junit(err) }
	failed(r.write(r.options.junit, junit, whole.Replace))
	if cut := r.log.failed(); cut != nil {
		res.warnings = append(res.warnings, cut.Error())
	}
	r.copyEvidence(res)
	r.summary(res, err)
	r.log.end(r, res, err)
	return res.exit
}

// writeReport writes the report as the result is now, and returns its text.
func (r *run) writeReport(res *result) (text []byte, err error) {
	text, unwritable := res.indented()
	same := func() ([]byte, error) { return text, unwritable }
	err = r.write(r.report, same, whole.Replace)
	return text, err
}

// writeTextfile writes the metrics, unless they would speak of other backups than those of now.
func (r *run) writeTextfile(res *result) error {
	if r.textfile == "" {
		res.knownRed = res.lastRed()
		return nil
	}
	if why := r.notOfNow(res.Labels); why != "" {
		r.textfile = ""
		res.warnings = append(res.warnings, "the textfile stays as it is: it speaks of the backups of now, and "+why)
		return nil
	}
	r.tidyAlarm(res)
	knownRed, warnings, err := r.Textfile.Write(r.textfile, res.metrics())
	if err != nil { // it may not have been read either
		knownRed = append(knownRed, slices.DeleteFunc(res.lastRed(), func(name string) bool {
			return slices.Contains(knownRed, name)
		})...)
	}
	res.knownRed = knownRed
	res.warnings = append(res.warnings, warnings...)
	return err
}

// lastRed is what was red in an earlier run, and was not asked in this one, by the report that this one follows.
func (r *result) lastRed() (names []string) {
	if r.aimed && (r.elsewhere.Red || r.endRed() && !r.elsewhere.Sound()) {
		names = append(names, suite.EndOfArchive)
	}
	names = append(names, r.deepUnseen()...)
	for _, name := range r.unasked() {
		if r.last != nil && slices.Contains(r.last.Red, name) {
			names = append(names, name)
		}
	}
	return names
}

// endRed says whether the end of the archive was red by the report that this one follows, and stays so after a run that
// is aimed.
func (r *result) endRed() bool { return r.last.EndRed() && !r.endsRed() }

// endsRed says whether it went to the end with a set that is no older than the one that was red there.
func (r *result) endsRed() bool {
	return r.Labels[suite.TargetLabel] == "" && r.last.EndedBy(report.Moment(r.Labels[suite.SetStoppedLabel]))
}

// went says whether a run tells of the end of the archive: also a red one of an older set, and a pass of one that ends
// what was red.
func (r *result) went() bool {
	return !r.aimed || r.Labels[suite.TargetLabel] == "" && (r.Backups == testreport.AtFault ||
		r.endsRed() && !slices.Contains(r.knownRed, suite.EndOfArchive))
}

// deepUnseen are the deeper checks that found damage, and have not looked since. A run that does not speak of the
// backups of now has looked at others.
func (r *result) deepUnseen() []string {
	if r.suite.Name != suite.Drill.Name || r.Labels[suite.PastLabel]+r.Labels[suite.LeftLabel] != "" {
		return nil
	}
	return r.last.DeepUnseen(r.Labels)
}

// unasked are the claims that were not asked, whoever left them out.
func (r *result) unasked() []string {
	return slices.Concat(r.ended(testreport.LeftOut), r.ended(testreport.NotAsked))
}

func (r *run) write(path string, render func() ([]byte, error), put func(string, []byte) error) error {
	if path == "" {
		return nil
	}
	text, err := render()
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return put(path, text)
}

// metrics is the result as the textfile takes it.
func (r *result) metrics() suite.Measured {
	run := suite.Measured{
		Suite: r.suite, Stanza: r.stanza, Environment: reason.None, At: r.end, Now: r.judged,
		Duration: r.duration, Measurements: r.Measurements, Labels: r.Labels,
		NotAsked: r.unasked(), Aimed: r.aimed, Elsewhere: r.elsewhere,
	}
	if r.last != nil {
		run.Last = suite.LastVerdict{
			At: r.last.End, Reason: r.last.Reason, EndRed: r.endRed(), Unseen: r.deepUnseen(),
		}
	}
	switch r.Backups {
	case testreport.Sound, testreport.InPart:
		run.Verdict = new(reason.None)
	case testreport.AtFault:
		run.Verdict = &r.Reason
	}
	if r.Verdict.Exit == reason.ExitEnvironment {
		run.Environment = r.Reason
	}
	for _, step := range r.Steps {
		if step.Seconds >= 0 {
			run.Steps = append(run.Steps, suite.StepTime{Name: step.Name, Seconds: step.Seconds})
		}
	}
	return run
}
