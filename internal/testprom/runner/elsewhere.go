package runner

import (
	"fmt"
	"os"
	"time"

	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/testprom/report"
	"veza.fr/recovery/internal/testprom/whole"
)

// reportElsewhere writes the verdict of another host as the report of a stanza: so that -fleet tells of it, and of it
// growing old, where this host drills nothing as long as the other one does. Where this host has tried since, its
// report stays, and tells of the verdict before it where it reached none itself that is newer.
func (w World) reportElsewhere(path, stanza, why string, at time.Time, exit int) error {
	heard := report.Elsewhere(suite.Drill.Name, stanza, why, at, exit)
	if text, err := os.ReadFile(path); err == nil {
		own, unreadable := report.Parse(text)
		if unreadable == nil && own.End.After(at) && !own.End.After(w.Now().Add(suite.ClockSetBack)) {
			same := own.Suite == heard.Suite && own.Stanza == stanza
			if last := heard.Known(); same && last.After(own.Known()) {
				own.Last = last
				return replaceReport(path, own)
			}
			return nil
		}
	}
	return replaceReport(path, heard)
}

func replaceReport(path string, r report.Report) error {
	if err := whole.Check(path); err != nil {
		return err
	}
	text, err := indented(r)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return whole.Replace(path, text)
}
