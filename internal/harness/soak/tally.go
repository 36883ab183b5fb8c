package soak

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"veza.fr/recovery/internal/harness/drilltest"
)

// Tally counts the drills that ended.
type Tally struct {
	Drills int
	Reds   map[string]int // by reason
	begin  time.Time
}

// Red says how many were not green.
func (t Tally) Red() (n int) {
	for _, count := range t.Reds {
		n += count
	}
	return n
}

// String is the last line of a soak.
func (t Tally) String() string {
	line := fmt.Sprintf("%d drills, %d red", t.Drills, t.Red())
	var reds []string
	for reason, n := range t.Reds {
		reds = append(reds, fmt.Sprintf("%s %d", reason, n))
	}
	if slices.Sort(reds); len(reds) > 0 {
		line += " (" + strings.Join(reds, ", ") + ")"
	}
	return line + ", " + time.Since(t.begin).Round(time.Second).String()
}

// result is one drill that ended.
type result struct {
	number, source int
	mix            mix
	ask            string
	outcome        drilltest.Outcome
	err            error // about what surrounds the verdict: leftovers, no report
	out, tmp       string
}

// why is the reason of a red, and "" for a green.
func (r result) why() string {
	switch {
	case r.outcome.Status != 0:
		return cmp.Or(string(r.outcome.Report.Reason), fmt.Sprintf("exit %d", r.outcome.Status))
	case r.err != nil:
		return "untidy"
	}
	return ""
}

// count prints the line of a drill, and keeps the evidence of a red alone.
func (s *soak) count(r result) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tally.Drills++
	why := r.why()
	rto, _, _ := value(r.outcome, "rto_seconds", "")
	colour := map[bool]string{true: "green", false: "RED"}[why == ""]
	line := fmt.Sprintf("%3d  source %-3d %-5s %5.1f s  RTO %4.1f s",
		r.number, r.source, colour, r.outcome.Took.Seconds(), rto)
	if rpo, basis, ok := value(r.outcome, "rpo_seconds", "basis"); ok {
		line += fmt.Sprintf("  RPO %5.1f s %-11s", rpo, basis)
	} else {
		line += fmt.Sprintf("  RPO %-19s", "-")
	}
	fmt.Fprintf(s.Lines, "%s  %-20s %s\n", line, r.ask, r.mix)
	if why == "" && s.Keep {
		return remove(r.tmp)
	}
	if why == "" {
		return remove(r.out, r.tmp)
	}
	s.tally.Reds[why]++
	fmt.Fprintf(s.Lines, "     %s in %s: %s\n     evidence: %s\n", why, r.outcome.Report.Step,
		r.outcome.Report.Detail, r.out)
	if r.err != nil {
		fmt.Fprintf(s.Lines, "     %v\n", r.err)
	}
	note := fmt.Sprintf("seed %d, source %d: %s\ndrill %d: %s\n%v\n", s.Seed, r.source, r.mix, r.number, r.ask, r.err)
	//nolint:gosec // for whoever looks into a red
	return os.WriteFile(filepath.Join(r.out, "about.txt"), []byte(note), 0o644)
}

func remove(dirs ...string) error {
	for _, dir := range dirs {
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	return nil
}
