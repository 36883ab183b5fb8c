package runner

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/testprom/report"
	"veza.fr/recovery/internal/testprom/whole"
)

// reportElsewhere writes the verdict of another host as the report of a stanza, unless this host has tried since: so
// that -fleet tells of it, and of it growing old, where this host drills nothing as long as the other one does.
func (w World) reportElsewhere(path, stanza, why string, at time.Time, exit int) error {
	if text, err := os.ReadFile(path); err == nil {
		own, unreadable := report.Parse(text)
		if unreadable == nil && own.End.After(at) && !own.End.After(w.Now().Add(suite.ClockSetBack)) {
			return nil
		}
	}
	if err := whole.Check(path); err != nil {
		return err
	}
	text, err := json.MarshalIndent(report.Elsewhere(suite.Drill.Name, stanza, why, at, exit), "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return whole.Replace(path, append(text, '\n'))
}
