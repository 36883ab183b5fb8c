package runner

import (
	"encoding/json"
	"fmt"

	"veza.fr/recovery/internal/testprom/report"
	"veza.fr/recovery/internal/testprom/whole"
)

// fleet is testprom -fleet: it lists the newest verdict of every stanza, and returns the worst.
func (w World) fleet(o options) int {
	list, err := report.ReadFleet(o.fleet, w.Now())
	if err == nil {
		err = list.Table(w.Stdout, humanSeconds)
	}
	if err == nil && o.report != "" {
		var text []byte
		if text, err = json.MarshalIndent(list, "", "  "); err == nil {
			err = whole.Replace(o.report, append(text, '\n'))
		}
	}
	if err != nil {
		return w.fail(fmt.Errorf("-fleet %s: %w", o.fleet, err))
	}
	return list.Exit
}
