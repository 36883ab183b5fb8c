// Package backup plays the backup checks: it publishes what real ones publish, and goes
// wrong in the ways that the words of PROBE name.
package backup

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

var (
	claims  = []string{"policy", "stanza", "cadence", "archive", "rpo", "retention", "encryption", "integrity"}
	minimum = []string{"policy", "stanza", "cadence", "archive", "encryption", "integrity"}
	probe   = strings.Fields(os.Getenv("PROBE"))
)

func is(word string) bool { return slices.Contains(probe, word) }

// value is what stands behind word= in PROBE.
func value(word string) (string, bool) {
	for _, given := range probe {
		if text, ok := strings.CutPrefix(given, word+"="); ok {
			return text, true
		}
	}
	return "", false
}

func TestBackup(t *testing.T) {
	for key, value := range map[string]string{
		"stanza": "demo", "pg_version": "17", "pgbackrest_version": "2.55.1", "environment": "process",
	} {
		t.Attr("label."+key, value)
	}
	if is("root-reason") {
		fail(t, "config_invalid", "-stanza: no such stanza: prod")
		return
	}
	t.Cleanup(func() {
		if is("cleanup-reason") {
			fail(t, "sandbox_failed", "remove the source: device busy")
		}
	})
	run := list(t)
	for _, claim := range claims {
		if slices.Contains(run, claim) || is("runs-"+claim) {
			t.Run(claim, func(t *testing.T) { ask(t, claim) })
		}
	}
	if is("root-fails") {
		t.Error("something else is wrong")
	}
}

// list publishes which claims are asked.
func list(t *testing.T) []string {
	run := claims
	if is("six") {
		run = minimum
	}
	published := run
	if names, ok := value("list"); ok {
		run = strings.Split(names, ",")
		published = run
	}
	switch {
	case is("no-list"):
	case is("empty-list"):
		t.Attr("asked", "")
	default:
		t.Attr("asked", strings.Join(published, " "))
	}
	if is("two-lists") {
		t.Attr("asked", strings.Join(claims, " "))
	}
	return run
}

func fail(t *testing.T, reason, detail string) {
	t.Attr("reason", reason)
	t.Attr("detail", detail)
	t.Error(detail)
}

// ask is one claim: what it publishes, and how it goes wrong: CLAIM-HOW or CLAIM=REASON.
func ask(t *testing.T, claim string) {
	t.Logf("%s is asked", claim)
	publish(t, claim)
	if is(claim + "-sublist") {
		t.Attr("asked", claim)
	}
	if reason, ok := value(claim); ok {
		fail(t, reason, claim+": what exactly is wrong")
	}
	switch {
	case is(claim + "-fails"):
		t.Fatal("something is wrong")
	case is(claim + "-panics"):
		panic("boom")
	case is(claim + "-skips"):
		t.Skip("not here")
	case is(claim + "-hangs"):
		time.Sleep(time.Hour)
	case is(claim + "-killed"):
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		time.Sleep(time.Hour)
	case is(claim + "-counts"):
		t.Attr(`metric.checks{status="passed"}`, "8")
	}
}

func publish(t *testing.T, claim string) {
	switch claim {
	case "cadence":
		t.Attr("metric.newest_full_age_seconds", "93600.5")
		t.Attr("metric.newest_backup_age_seconds", "7200.5")
		t.Attr("metric.newest_full_age_budget_seconds", "691200")
		t.Attr("metric.newest_backup_age_budget_seconds", "108000")
		t.Attr("metric.missed_backups", "0")
		for kind, n := range map[string]int{"full": 4, "diff": 7, "incr": 0} {
			t.Attr(fmt.Sprintf("metric.backups{type=%q}", kind), fmt.Sprint(n))
		}
	case "archive":
		t.Attr("metric.archive_segments", "40320")
		t.Attr("note", "timeline 1 -> 2 at 0/7000028")
	case "rpo":
		t.Attr("metric.rpo_seconds", "61.25")
		t.Attr("metric.rpo_budget_seconds", "90")
	case "integrity":
		t.Attr("metric.verified_files", "52310")
		if is("share") {
			t.Attr("metric.verify_coverage_ratio", "0.93")
			t.Attr("metric.verify_oldest_seconds", "518400")
			t.Attr("metric.verify_cycle_seconds", "604800")
		}
		t.Attr("metric.invalid_files", "0")
	}
}
