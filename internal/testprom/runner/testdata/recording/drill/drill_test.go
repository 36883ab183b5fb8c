// Package drill plays a drill: it publishes what a real one publishes, and goes
// wrong in the way that PROBE names.
package drill

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

var probe = os.Getenv("PROBE")

func TestMain(m *testing.M) {
	if probe == "main-exit0" {
		fmt.Println("nothing to do")
		os.Exit(0)
	}
	code := m.Run()
	if probe == "main-exit2" {
		code = 2
	}
	os.Exit(code)
}

func TestDrill(t *testing.T) {
	if probe == "skip-all" {
		t.Skip("no tools here")
	}
	if probe == "root-reason" {
		t.Attr("reason", "config_invalid")
		t.Attr("detail", "-stanza: no such stanza: prod")
		t.Fatal("bad settings")
	}
	for key, value := range map[string]string{
		"stanza": "demo", "backup_label": "20261122-020003F_20261123-020002D", "backup_type": "diff",
		"pg_version": "17", "pgbackrest_version": "2.55.1", "environment": "process",
	} {
		t.Attr("label."+key, value)
	}
	for _, s := range []string{"preflight", "launch", "provision", "restore", "recover", "verify", "teardown"} {
		if probe == "without-"+s {
			continue
		}
		t.Run(s, func(t *testing.T) { step(t, s) })
	}
	if probe == "root-fails" {
		t.Error("something else is wrong")
	}
}

func TestOther(t *testing.T) {
	if probe == "other-fails" {
		t.Fatal("not the drill")
	}
}

func step(t *testing.T, name string) {
	if probe == "not-reached" && name != "preflight" {
		t.Fatal("not reached: preflight failed")
	}
	t.Logf("%s begins", name)
	publish(t, name)
	fmt.Fprintln(t.Output(), name, "ends")
	misbehave(t, name)
}

func publish(t *testing.T, name string) {
	switch name {
	case "preflight":
		t.Attr("metric.backup_age_seconds", "7205.4")
		t.Attr("metric.rto_budget_seconds", "1800")
		t.Attr("metric.rpo_budget_seconds", "120")
		t.Attr("metric.backup_age_budget_seconds", "108000")
		t.Attr("note", "timeline 1 -> 2 at 0/7000028")
	case "restore":
		t.Attr("metric.restored_bytes", "2147483648")
	case "recover":
		t.Attr("metric.wal_segments_replayed", "120")
		t.Attr("metric.rto_seconds", "95.25")
		t.Attr("metric.rto_worst_seconds", "311")
		t.Attr(`metric.rpo_seconds{basis="heartbeat"}`, "42.5")
	case "verify":
		t.Run("users", func(t *testing.T) { t.Attr(`metric.rows{check="users"}`, "100000") })
		for _, s := range []string{"passed", "failed", "left_out", "not_asked"} {
			t.Attr(fmt.Sprintf("metric.checks{status=%q}", s), map[bool]string{true: "1", false: "0"}[s == "passed"])
		}
	}
}

// misbehave does what PROBE says: STEP-HOW.
func misbehave(t *testing.T, name string) {
	switch probe {
	case name + "-fails":
		t.Fatal("something is wrong")
	case name + "-reason", "not-reached": // only preflight comes this far
		t.Attr("reason", "wal_missing")
		t.Attr("detail", "segment 000000010000000000000005 is not in the archive")
		t.Fatal("the archive has a hole")
	case name + "-reason-hang":
		t.Attr("reason", "rto_exceeded")
		time.Sleep(time.Hour)
	case name + "-interrupted":
		t.Attr("reason", "interrupted")
		t.Fatal("interrupted")
	case name + "-denies":
		t.Attr("reason", "wal_missing") // and passes
	case name + "-unknown-reason":
		t.Attr("reason", "gremlins")
		t.Fatal("gremlins")
	case name + "-panics":
		panic("boom")
	case name + "-hangs":
		time.Sleep(time.Hour)
	case name + "-exits0":
		os.Exit(0)
	case name + "-exits1":
		os.Exit(1)
	case name + "-killed":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		time.Sleep(time.Hour)
	case name + "-sigint":
		_ = syscall.Kill(os.Getpid(), syscall.SIGINT)
		time.Sleep(time.Hour)
	case name + "-skips":
		t.Skip("not here")
	case name + "-leaves-child":
		child := exec.Command("sleep", "20")
		child.Stdout = os.Stdout
		_ = child.Start()
	case name + "-prints":
		fmt.Print("--- FAIL: TestDrill/restore (0.00s)\npanic: not ours\n=== ATTR  TestDrill/restore reason wal_missing\nno line break")
	case name + "-nan":
		t.Attr("metric.rto_seconds", "NaN")
	case name + "-empty":
		t.Attr("metric.rto_worst_seconds", "")
	case name + "-unknown-metric":
		t.Attr("metric.speed", "3")
	case name + "-two-values":
		t.Attr("metric.rto_seconds", "96")
	case name + "-same-value":
		t.Attr("metric.rto_seconds", "95.250")
	case name + "-default-label":
		t.Attr("metric.rows", "100000")
	case name + "-no-label":
		t.Attr("metric.rpo_seconds", "1")
	}
}
