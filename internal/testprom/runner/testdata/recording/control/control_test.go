// Package control plays the control of the drill: FAULT=REASON in PROBE is a fault that ends with a reason, and
// open=REASON is a run in which nothing could be asked.
package control

import (
	"os"
	"strings"
	"testing"
)

var faults = []string{"hidden_segment", "flipped_segment", "cut_backup_file", "denied"}

// ends is what stands behind word= in PROBE.
func ends(word string) (string, bool) {
	for _, given := range strings.Fields(os.Getenv("PROBE")) {
		if text, ok := strings.CutPrefix(given, word+"="); ok {
			return text, true
		}
	}
	return "", false
}

func TestControl(t *testing.T) {
	for key, value := range map[string]string{
		"stanza": "demo", "pg_version": "17", "pgbackrest_version": "2.55.1", "environment": "process",
	} {
		t.Attr("label."+key, value)
	}
	if reason, ok := ends("open"); ok {
		fail(t, reason, "a drill is red without any fault of the control's")
		return
	}
	t.Attr("asked", strings.Join(faults, " "))
	for _, name := range faults {
		t.Run(name, func(t *testing.T) {
			if reason, ok := ends(name); ok {
				fail(t, reason, name+": what became of it")
				return
			}
			t.Attr("note", "found: "+name)
		})
	}
}

func fail(t *testing.T, reason, detail string) {
	t.Attr("reason", reason)
	t.Attr("detail", detail)
	t.Error(detail)
}
